//! Handing the books to the auditor.

use super::{
    Inner, Mode, Postgres,
    error::Failure,
    pool::Lease,
    rows::{EntryRow, PaymentRow, ReservationRow, SeatRow, TokenRow, WalletRow},
    schema::{lines, payments, queue_tokens, reservations, schedules, seats, wallet_entries, wallets},
    sql::sql,
};
use crate::codec::count_from_db;
use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    audit::{ScheduleBooks, UserBooks, port::Books},
    clock::Timestamp,
    id::{ScheduleId, UserId},
    outcome::StoreError,
    queue::QueueToken,
    seating::Seat,
    wallet::Wallet,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Everybody who has money on record, in the order of their ids.
const USERS_WITH_MONEY: &str = "
    SELECT user_id FROM (
        (SELECT user_id FROM wallets WHERE user_id > $1 ORDER BY user_id LIMIT $2)
        UNION
        (SELECT DISTINCT user_id FROM wallet_entries WHERE user_id > $1 ORDER BY user_id LIMIT $2)
        UNION
        (SELECT DISTINCT user_id FROM payments
            WHERE user_id > $1 AND status = 'succeeded' ORDER BY user_id LIMIT $2)) AS known
    ORDER BY user_id LIMIT $2";

#[derive(QueryableByName)]
struct UserIdRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
}

#[derive(QueryableByName)]
struct ClockRow {
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

#[async_trait]
impl Books for Postgres {
    async fn schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        self.query(|_, lease| {
            Box::pin(async move {
                let ids: Vec<Uuid> = schedules::table
                    .select(schedules::schedule_id)
                    .order(schedules::schedule_id)
                    .load(&mut lease.connection()?)
                    .await?;
                Ok(ids.into_iter().map(ScheduleId).collect())
            })
        })
        .await
    }

    async fn schedule_books(&self, id: ScheduleId) -> Result<Option<ScheduleBooks>, StoreError> {
        self.transact(Mode::Snapshot, move |inner, lease| {
            Box::pin(inner.schedule_books(lease, id))
        })
        .await
    }

    async fn user_books(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, StoreError> {
        self.transact(Mode::Snapshot, move |inner, lease| {
            Box::pin(inner.user_books(lease, after, limit))
        })
        .await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.query(|_, lease| {
            Box::pin(async move {
                sql("SELECT 1").execute(&mut lease.connection()?).await?;
                Ok(())
            })
        })
        .await
    }
}

impl Inner {
    async fn schedule_books(&self, lease: &Lease, id: ScheduleId) -> Result<Option<ScheduleBooks>, Failure> {
        let mut conn = lease.connection()?;
        let currency = self.policy.currency;
        // The first statement takes the snapshot; its clock is the snapshot's moment.
        let clock: ClockRow = sql("SELECT clock_timestamp() AS at").get_result(&mut conn).await?;
        let issued: Option<i64> = lines::table
            .filter(lines::schedule_id.eq(id.0))
            .select(lines::issued)
            .first(&mut conn)
            .await
            .optional()?;
        let Some(issued) = issued else {
            return Ok(None);
        };
        let seats: Vec<SeatRow> = seats::table
            .filter(seats::schedule_id.eq(id.0))
            .order(seats::number)
            .select(SeatRow::as_select())
            .load(&mut conn)
            .await?;
        let reservations: Vec<ReservationRow> = reservations::table
            .filter(reservations::schedule_id.eq(id.0))
            .select(ReservationRow::as_select())
            .load(&mut conn)
            .await?;
        let tokens: Vec<TokenRow> = queue_tokens::table
            .filter(queue_tokens::schedule_id.eq(id.0))
            .order(queue_tokens::number)
            .select(TokenRow::as_select())
            .load(&mut conn)
            .await?;
        let payments: Vec<PaymentRow> = payments::table
            .filter(payments::schedule_id.eq(id.0))
            .select(PaymentRow::as_select())
            .load(&mut conn)
            .await?;
        let reservations = reservations.into_iter().map(|row| row.into_reservation(currency));
        let payments = payments.into_iter().map(|row| row.into_payment(currency));
        Ok(Some(ScheduleBooks {
            schedule_id: id,
            issued: count_from_db(issued)?,
            seats: seats.into_iter().map(Seat::try_from).collect::<Result<_, _>>()?,
            reservations: reservations.collect::<Result<_, _>>()?,
            tokens: tokens.into_iter().map(QueueToken::try_from).collect::<Result<_, _>>()?,
            payments: payments.collect::<Result<_, _>>()?,
            as_of: clock.at,
        }))
    }

    async fn user_books(&self, lease: &Lease, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, Failure> {
        let mut conn = lease.connection()?;
        let currency = self.policy.currency;
        let known = sql(USERS_WITH_MONEY)
            .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |user| user.0))
            .bind::<BigInt, _>(i64::from(limit));
        let known: Vec<UserIdRow> = known.load(&mut conn).await?;
        let ids: Vec<Uuid> = known.iter().map(|row| row.user_id).collect();
        let wallets: Vec<WalletRow> = wallets::table
            .filter(wallets::user_id.eq_any(ids.clone()))
            .select(WalletRow::as_select())
            .load(&mut conn)
            .await?;
        let entries: Vec<EntryRow> = wallet_entries::table
            .filter(wallet_entries::user_id.eq_any(ids.clone()))
            .order((wallet_entries::user_id, wallet_entries::number))
            .select(EntryRow::as_select())
            .load(&mut conn)
            .await?;
        let payments: Vec<PaymentRow> = payments::table
            .filter(payments::user_id.eq_any(ids.clone()))
            .filter(payments::status.eq("succeeded"))
            .select(PaymentRow::as_select())
            .load(&mut conn)
            .await?;
        let wallets = wallets.into_iter().map(|row| row.into_wallet(currency));
        let entries = entries.into_iter().map(|row| row.into_entry(currency));
        let payments = payments.into_iter().map(|row| row.into_payment(currency));
        let mut wallets = grouped(wallets, |wallet: &Wallet| wallet.user_id)?;
        let mut entries = grouped(entries, |entry| entry.user_id)?;
        let mut payments = grouped(payments, |payment| payment.user_id)?;
        let books = ids.into_iter().map(UserId).map(|user_id| UserBooks {
            user_id,
            wallet: wallets.remove(&user_id).and_then(|mut wallets| wallets.pop()),
            entries: entries.remove(&user_id).unwrap_or_default(),
            payments: payments.remove(&user_id).unwrap_or_default(),
        });
        Ok(books.collect())
    }
}

fn grouped<T>(
    rows: impl Iterator<Item = Result<T, StoreError>>,
    user: impl Fn(&T) -> UserId,
) -> Result<BTreeMap<UserId, Vec<T>>, StoreError> {
    let mut groups: BTreeMap<UserId, Vec<T>> = BTreeMap::new();
    for row in rows {
        let row = row?;
        groups.entry(user(&row)).or_default().push(row);
    }
    Ok(groups)
}
