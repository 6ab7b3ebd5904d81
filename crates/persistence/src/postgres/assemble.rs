//! Putting a working set together from what statements brought.

use super::{
    error::Failure,
    rows::{
        BlockRow, ConcertRow, GateRow, PaymentRow, RecordRow, ReservationRow, ScheduleRow, SeatRow, TokenRow, UserRow,
        WalletRow,
    },
};
use crate::codec::count_from_db;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use frontrow_domain::{
    catalog::{Concert, SeatBlock},
    clock::Timestamp,
    decision::WorkingSet,
    id::ScheduleId,
    idempotency::Record,
    identity::User,
    money::Currency,
    outcome::StoreError,
    policy::Policy,
    queue::{Gate, Line, QueueToken, Room},
    seating::Seat,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A line with its gate.
#[derive(QueryableByName)]
pub(super) struct LineRow {
    #[diesel(embed)]
    gate: GateRow,
    #[diesel(sql_type = BigInt)]
    issued: i64,
    #[diesel(sql_type = BigInt)]
    departed: i64,
}

#[derive(QueryableByName)]
pub(super) struct RoomRow {
    #[diesel(sql_type = SqlUuid)]
    schedule_id: Uuid,
    #[diesel(sql_type = BigInt)]
    active: i64,
    #[diesel(sql_type = BigInt)]
    unsold: i64,
}

#[derive(QueryableByName)]
pub(super) struct AheadRow {
    #[diesel(sql_type = SqlUuid)]
    token_id: Uuid,
    #[diesel(sql_type = BigInt)]
    ahead: i64,
}

#[derive(QueryableByName)]
pub(super) struct ClockRow {
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

/// What one statement brought.
pub(super) enum Fetched {
    Nothing,
    Concerts(Vec<ConcertRow>),
    Schedules(Vec<ScheduleRow>),
    Blocks(Vec<BlockRow>),
    Room(Vec<RoomRow>),
    Lines(Vec<LineRow>),
    Ahead(Vec<AheadRow>),
    Tokens(Vec<TokenRow>),
    Reservations(Vec<ReservationRow>),
    Seats(Vec<SeatRow>),
    Wallets(Vec<WalletRow>),
    Users(Vec<UserRow>),
    Payments(Vec<PaymentRow>),
    Records(Vec<RecordRow>),
    Clock(ClockRow),
}

/// What a batch is decided on.
pub(super) struct Loaded {
    pub(super) rows: WorkingSet,
    /// The storage's clock, read after the locks were held.
    pub(super) now: Timestamp,
}

/// Puts together what all statements of a batch brought.
pub(super) fn assemble(policy: Policy, fetched: Vec<Fetched>) -> Result<Loaded, Failure> {
    let mut rows = WorkingSet::new(policy);
    let mut now = None;
    let mut tokens: Vec<QueueToken> = Vec::new();
    let mut ahead: BTreeMap<Uuid, u64> = BTreeMap::new();
    let mut schedules = Vec::new();
    let mut blocks = Vec::new();
    for one in fetched {
        match one {
            Fetched::Nothing => {}
            Fetched::Concerts(found) => found.into_iter().map(Concert::from).for_each(|concert| {
                rows.concerts.load(concert.id, concert);
            }),
            Fetched::Schedules(found) => schedules = found,
            Fetched::Blocks(found) => blocks = found,
            Fetched::Room(found) => {
                for row in found {
                    let room = Room {
                        active: count_from_db(row.active)?,
                        unsold: count_from_db(row.unsold)?,
                    };
                    rows.load_room(ScheduleId(row.schedule_id), room);
                }
            }
            Fetched::Lines(found) => load_lines(&mut rows, found)?,
            Fetched::Ahead(found) => {
                for row in found {
                    ahead.insert(row.token_id, count_from_db(row.ahead)?);
                }
            }
            Fetched::Tokens(found) => {
                for row in found {
                    tokens.push(row.try_into()?);
                }
            }
            Fetched::Reservations(found) => load_reservations(&mut rows, found)?,
            Fetched::Seats(found) => {
                for row in found {
                    rows.load_seat(Seat::try_from(row)?);
                }
            }
            Fetched::Wallets(found) => {
                for row in found {
                    let wallet = row.into_wallet(policy.currency)?;
                    rows.wallets.load(wallet.user_id, wallet);
                }
            }
            Fetched::Users(found) => found.into_iter().map(User::from).for_each(|user| {
                rows.users.load(user.id, user);
            }),
            Fetched::Payments(found) => {
                for row in found {
                    let payment = row.into_payment(policy.currency)?;
                    rows.payments.load(payment.id, payment);
                }
            }
            Fetched::Records(found) => {
                for row in found {
                    let record = Record::try_from(row)?;
                    rows.records.load(record.id, record);
                }
            }
            Fetched::Clock(clock) => now = Some(clock.at),
        }
    }
    for token in tokens {
        let ahead = ahead.get(&token.id.0).copied();
        rows.load_token(token, ahead);
    }
    load_schedules(&mut rows, schedules, blocks)?;
    let now = now.ok_or_else(|| Failure::defect("the database has no clock"))?;
    Ok(Loaded { rows, now })
}

fn load_lines(rows: &mut WorkingSet, found: Vec<LineRow>) -> Result<(), StoreError> {
    for row in found {
        let gate = Gate::try_from(row.gate)?;
        let line = Line {
            schedule_id: gate.schedule_id,
            issued: count_from_db(row.issued)?,
            departed: count_from_db(row.departed)?,
            gate,
        };
        rows.lines.load(line.schedule_id, line);
    }
    Ok(())
}

pub(super) fn load_reservations(rows: &mut WorkingSet, found: Vec<ReservationRow>) -> Result<(), StoreError> {
    for row in found {
        let reservation = row.into_reservation(rows.policy.currency)?;
        rows.load_reservation(reservation);
    }
    Ok(())
}

fn load_schedules(rows: &mut WorkingSet, found: Vec<ScheduleRow>, blocks: Vec<BlockRow>) -> Result<(), StoreError> {
    let mut layouts = layouts(blocks, rows.policy.currency)?;
    for row in found {
        let layout = layouts.remove(&row.schedule_id).unwrap_or_default();
        let schedule = row.with_layout(layout);
        rows.schedules.load(schedule.id, schedule);
    }
    Ok(())
}

/// Blocks by the schedule they belong to, in their order.
pub(super) fn layouts(blocks: Vec<BlockRow>, currency: Currency) -> Result<BTreeMap<Uuid, Vec<SeatBlock>>, StoreError> {
    let mut layouts: BTreeMap<Uuid, Vec<SeatBlock>> = BTreeMap::new();
    for row in blocks {
        let schedule = row.schedule_id;
        layouts.entry(schedule).or_default().push(row.into_block(currency)?);
    }
    Ok(layouts)
}
