//! Handing the books to the auditor.

use super::{
    Sqlite,
    error::SqlError,
    queue::issued,
    rows::{EntryRow, PaymentRow, ReservationRow, TokenRow},
    schema::{HasSucceeded, concerts, payments, queue_tokens, reservations, schedules, wallet_entries},
    seating::all_seats,
    statement::read,
    types::Id,
    wallet::wallet_of,
};
use async_trait::async_trait;
use diesel::{prelude::*, sql_types::Binary, sqlite::SqliteConnection};
use frontrow_domain::{
    audit::{ScheduleBooks, UserBooks, port::Books},
    clock::Timestamp,
    id::{ScheduleId, UserId},
    money::Currency,
    outcome::StoreError,
};
use uuid::Uuid;

#[async_trait]
impl Books for Sqlite {
    async fn schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        let work = self.readers.run(|conn| {
            let found: Vec<Id> = schedules::table.select(schedules::schedule_id).load(conn)?;
            Ok(found.into_iter().map(|id| ScheduleId(id.0)).collect())
        });
        work.await
    }

    async fn schedule_books(&self, id: ScheduleId) -> Result<Option<ScheduleBooks>, StoreError> {
        let currency = self.policy.currency;
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| match issued(conn, id)? {
            Some(issued) => schedule_books(conn, id, issued, currency, clock.now()).map(Some),
            None => Ok(None),
        });
        work.await
    }

    async fn user_books(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, StoreError> {
        let currency = self.policy.currency;
        let work = self.readers.run(move |conn| {
            let after = after.map_or(Uuid::nil(), |user| user.0);
            let sql = "SELECT user_id FROM wallets WHERE user_id > ? \
                       UNION SELECT user_id FROM wallet_entries WHERE user_id > ? \
                       UNION SELECT user_id FROM payments WHERE user_id > ? AND status = 'succeeded' \
                       ORDER BY user_id LIMIT ?";
            let binds = [after.into(), after.into(), after.into(), limit.into()];
            let users: Vec<Id> = read::<Binary, _, 4>(conn, sql, binds)?;
            let each = users.into_iter().map(|user| user_books(conn, UserId(user.0), currency));
            each.collect::<Result<Vec<_>, _>>()
        });
        work.await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let work = self.readers.run(|conn| {
            let any = concerts::table.select(concerts::concert_id);
            any.first::<Id>(conn).optional()?;
            Ok(())
        });
        work.await
    }
}

fn schedule_books(
    conn: &mut SqliteConnection,
    schedule_id: ScheduleId,
    issued: u64,
    currency: Currency,
    as_of: Timestamp,
) -> Result<ScheduleBooks, SqlError> {
    let id = Id(schedule_id.0);
    let tokens = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(id))
        .order(queue_tokens::number)
        .select(TokenRow::as_select())
        .load(conn)?;
    let reservations = reservations::table
        .filter(reservations::schedule_id.eq(id))
        .select(ReservationRow::as_select())
        .load(conn)?;
    let payments = payments::table
        .filter(payments::schedule_id.eq(id))
        .select(PaymentRow::as_select())
        .load(conn)?;
    Ok(ScheduleBooks {
        schedule_id,
        issued,
        seats: all_seats(conn, schedule_id)?,
        reservations: reservations.into_iter().map(|row| row.in_currency(currency)).collect(),
        tokens: tokens.into_iter().map(Into::into).collect(),
        payments: payments.into_iter().map(|row| row.in_currency(currency)).collect(),
        as_of,
    })
}

fn user_books(conn: &mut SqliteConnection, user: UserId, currency: Currency) -> Result<UserBooks, SqlError> {
    let entries = wallet_entries::table
        .filter(wallet_entries::user_id.eq(Id(user.0)))
        .order(wallet_entries::number)
        .select(EntryRow::as_select())
        .load(conn)?;
    let payments = payments::table
        .filter(payments::user_id.eq(Id(user.0)))
        .filter(HasSucceeded::new(payments::status))
        .select(PaymentRow::as_select())
        .load(conn)?;
    Ok(UserBooks {
        user_id: user,
        wallet: wallet_of(conn, user, currency)?,
        entries: entries.into_iter().map(|row| row.in_currency(currency)).collect(),
        payments: payments.into_iter().map(|row| row.in_currency(currency)).collect(),
    })
}
