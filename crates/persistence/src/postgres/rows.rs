//! Rows as tables have them, and what they are to the domain.

use super::schema;
use crate::codec::{ProgressColumns, count_from_db, damaged};
use diesel::prelude::*;
use frontrow_domain::{
    catalog::{Concert, Schedule, SeatBlock, SeatLayout},
    clock::Timestamp,
    id::{ConcertId, EntryId, PaymentId, ReservationId, ScheduleId, TokenId, UserId, WalletId},
    idempotency::{Fingerprint, Record, RecordId, RequestKey},
    identity::User,
    money::Currency,
    outcome::StoreError,
    payment::{Payment, PaymentStatus},
    queue::{Gate, GateSettings, QueueToken, TokenState},
    seating::{Reservation, ReservationState, Seat, SeatState},
    wallet::{Entry, EntryKind, Wallet},
};
use time::{Date, Duration};
use uuid::Uuid;

/// A seat number, quantity or setting, none of which is ever negative.
pub(super) fn small_from_db(number: i32) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| damaged("number"))
}

/// A seat number, quantity or setting as columns keep it.
pub(super) fn small_to_db(number: u32) -> Result<i32, StoreError> {
    i32::try_from(number).map_err(|_| damaged("number"))
}

fn seat_numbers(numbers: Vec<i32>) -> Result<Vec<u32>, StoreError> {
    numbers.into_iter().map(small_from_db).collect()
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::concerts)]
pub(super) struct ConcertRow {
    concert_id: Uuid,
    title: String,
    venue: String,
    created_at: Timestamp,
}

impl From<ConcertRow> for Concert {
    fn from(row: ConcertRow) -> Self {
        Concert {
            id: ConcertId(row.concert_id),
            title: row.title,
            venue: row.venue,
            created_at: row.created_at,
        }
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::schedules)]
pub(super) struct ScheduleRow {
    pub(super) schedule_id: Uuid,
    concert_id: Uuid,
    date: Date,
    starts_at: Timestamp,
    booking_opens_at: Timestamp,
    booking_closes_at: Timestamp,
    created_at: Timestamp,
}

impl ScheduleRow {
    /// The performance whose seats lie in these blocks, which are in their order.
    pub(super) fn with_layout(self, layout: Vec<SeatBlock>) -> Schedule {
        Schedule {
            id: ScheduleId(self.schedule_id),
            concert_id: ConcertId(self.concert_id),
            date: self.date,
            starts_at: self.starts_at,
            booking_opens_at: self.booking_opens_at,
            booking_closes_at: self.booking_closes_at,
            layout: SeatLayout(layout),
            created_at: self.created_at,
        }
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::seat_blocks)]
pub(super) struct BlockRow {
    pub(super) schedule_id: Uuid,
    section: Option<String>,
    rows: i32,
    seats_per_row: i32,
    price: i64,
}

impl BlockRow {
    pub(super) fn into_block(self, currency: Currency) -> Result<SeatBlock, StoreError> {
        Ok(SeatBlock {
            section: self.section,
            rows: small_from_db(self.rows)?,
            seats_per_row: small_from_db(self.seats_per_row)?,
            price: currency.from_minor(self.price),
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::gates)]
pub(super) struct GateRow {
    schedule_id: Uuid,
    max_active: i32,
    admissions_per_minute: i32,
    session_seconds: i32,
    paused: bool,
    admitted_number: i64,
    next_slot_at: Option<Timestamp>,
    admitted: i64,
}

impl TryFrom<GateRow> for Gate {
    type Error = StoreError;

    fn try_from(row: GateRow) -> Result<Self, StoreError> {
        Ok(Gate {
            schedule_id: ScheduleId(row.schedule_id),
            settings: GateSettings {
                max_active: small_from_db(row.max_active)?,
                admissions_per_minute: small_from_db(row.admissions_per_minute)?,
                session_seconds: small_from_db(row.session_seconds)?,
                paused: row.paused,
            },
            admitted_number: count_from_db(row.admitted_number)?,
            admitted: count_from_db(row.admitted)?,
            next_slot_at: row.next_slot_at,
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::queue_tokens)]
pub(super) struct TokenRow {
    schedule_id: Uuid,
    token_id: Uuid,
    user_id: Uuid,
    number: i64,
    state: String,
    issued_at: Timestamp,
    activated_at: Option<Timestamp>,
    claimed_at: Option<Timestamp>,
    session_seconds: i32,
    lapses_at: Timestamp,
    ended_at: Option<Timestamp>,
    admitted_under: Option<i32>,
    departure: Option<i64>,
}

impl TryFrom<TokenRow> for QueueToken {
    type Error = StoreError;

    fn try_from(row: TokenRow) -> Result<Self, StoreError> {
        Ok(QueueToken {
            id: TokenId(row.token_id),
            schedule_id: ScheduleId(row.schedule_id),
            user_id: UserId(row.user_id),
            number: count_from_db(row.number)?,
            state: TokenState::from_name(&row.state).ok_or_else(|| damaged("queue token"))?,
            issued_at: row.issued_at,
            activated_at: row.activated_at,
            claimed_at: row.claimed_at,
            session: Duration::seconds(i64::from(row.session_seconds)),
            lapses_at: row.lapses_at,
            ended_at: row.ended_at,
            admitted_under: row.admitted_under.map(small_from_db).transpose()?,
            departure: row.departure.map(count_from_db).transpose()?,
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::seats)]
pub(super) struct SeatRow {
    pub(super) schedule_id: Uuid,
    pub(super) number: i32,
    pub(super) status: String,
    pub(super) reservation_id: Option<Uuid>,
    pub(super) user_id: Option<Uuid>,
    pub(super) held_until: Option<Timestamp>,
    pub(super) version: i64,
}

impl TryFrom<SeatRow> for Seat {
    type Error = StoreError;

    fn try_from(row: SeatRow) -> Result<Self, StoreError> {
        let holder = row.reservation_id.map(ReservationId).zip(row.user_id.map(UserId));
        let state = match (row.status.as_str(), holder, row.held_until) {
            ("available", None, None) => SeatState::Available,
            ("held", Some((reservation_id, user_id)), Some(until)) => SeatState::Held {
                reservation_id,
                user_id,
                until,
            },
            ("sold", Some((reservation_id, user_id)), None) => SeatState::Sold {
                reservation_id,
                user_id,
            },
            _ => return Err(damaged("seat")),
        };
        Ok(Seat {
            schedule_id: ScheduleId(row.schedule_id),
            number: small_from_db(row.number)?,
            state,
            version: count_from_db(row.version)?,
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::reservations)]
pub(super) struct ReservationRow {
    pub(super) schedule_id: Uuid,
    reservation_id: Uuid,
    user_id: Uuid,
    token_id: Uuid,
    seat_numbers: Vec<i32>,
    total_price: i64,
    state: String,
    held_at: Timestamp,
    held_until: Timestamp,
    ended_at: Option<Timestamp>,
    request_key: Option<Uuid>,
}

impl ReservationRow {
    pub(super) fn into_reservation(self, currency: Currency) -> Result<Reservation, StoreError> {
        Ok(Reservation {
            id: ReservationId(self.reservation_id),
            schedule_id: ScheduleId(self.schedule_id),
            user_id: UserId(self.user_id),
            token_id: TokenId(self.token_id),
            seat_numbers: seat_numbers(self.seat_numbers)?,
            total_price: currency.from_minor(self.total_price),
            state: ReservationState::from_name(&self.state).ok_or_else(|| damaged("reservation"))?,
            held_at: self.held_at,
            held_until: self.held_until,
            ended_at: self.ended_at,
            request_key: self.request_key.map(RequestKey),
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::users)]
pub(super) struct UserRow {
    user_id: Uuid,
    name: String,
    created_at: Timestamp,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        User {
            id: UserId(row.user_id),
            name: row.name,
            created_at: row.created_at,
        }
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::wallets)]
pub(super) struct WalletRow {
    user_id: Uuid,
    wallet_id: Uuid,
    balance: i64,
    entries: i64,
    created_at: Timestamp,
}

impl WalletRow {
    pub(super) fn into_wallet(self, currency: Currency) -> Result<Wallet, StoreError> {
        Ok(Wallet {
            id: WalletId(self.wallet_id),
            user_id: UserId(self.user_id),
            balance: currency.from_minor(self.balance),
            entries: count_from_db(self.entries)?,
            created_at: self.created_at,
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::wallet_entries)]
pub(super) struct EntryRow {
    user_id: Uuid,
    number: i64,
    entry_id: Uuid,
    kind: String,
    amount: i64,
    balance_after: i64,
    reservation_id: Option<Uuid>,
    request_key: Option<Uuid>,
    created_at: Timestamp,
}

impl EntryRow {
    pub(super) fn into_entry(self, currency: Currency) -> Result<Entry, StoreError> {
        Ok(Entry {
            id: EntryId(self.entry_id),
            user_id: UserId(self.user_id),
            number: count_from_db(self.number)?,
            kind: EntryKind::from_name(&self.kind).ok_or_else(|| damaged("wallet entry"))?,
            amount: currency.from_minor(self.amount),
            balance_after: currency.from_minor(self.balance_after),
            reservation_id: self.reservation_id.map(ReservationId),
            request_key: self.request_key.map(RequestKey),
            created_at: self.created_at,
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::payments)]
pub(super) struct PaymentRow {
    user_id: Uuid,
    payment_id: Uuid,
    schedule_id: Uuid,
    reservation_id: Uuid,
    status: String,
    amount: i64,
    payment_method: Option<String>,
    seat_numbers: Vec<i32>,
    request_key: Option<Uuid>,
    created_at: Timestamp,
    paid_at: Option<Timestamp>,
}

impl PaymentRow {
    pub(super) fn into_payment(self, currency: Currency) -> Result<Payment, StoreError> {
        Ok(Payment {
            id: PaymentId(self.payment_id),
            user_id: UserId(self.user_id),
            schedule_id: ScheduleId(self.schedule_id),
            reservation_id: ReservationId(self.reservation_id),
            status: PaymentStatus::from_name(&self.status).ok_or_else(|| damaged("payment"))?,
            amount: currency.from_minor(self.amount),
            payment_method: self.payment_method,
            seat_numbers: seat_numbers(self.seat_numbers)?,
            request_key: self.request_key.map(RequestKey),
            created_at: self.created_at,
            paid_at: self.paid_at,
        })
    }
}

#[derive(Queryable, Selectable, QueryableByName)]
#[diesel(table_name = schema::idempotency_records)]
pub(super) struct RecordRow {
    scope: Uuid,
    request_key: Uuid,
    fingerprint: Uuid,
    outcome: Option<String>,
    reference: Option<Uuid>,
    attempts: Option<i32>,
    lease_until: Option<Timestamp>,
    expires_at: Timestamp,
}

impl TryFrom<RecordRow> for Record {
    type Error = StoreError;

    fn try_from(row: RecordRow) -> Result<Self, StoreError> {
        let columns = ProgressColumns {
            outcome: row.outcome,
            reference: row.reference,
            attempts: row.attempts,
            lease_until: row.lease_until,
        };
        Ok(Record {
            id: RecordId {
                scope: row.scope,
                key: RequestKey(row.request_key),
            },
            fingerprint: Fingerprint(row.fingerprint),
            progress: columns.progress()?,
            expires_at: row.expires_at,
        })
    }
}
