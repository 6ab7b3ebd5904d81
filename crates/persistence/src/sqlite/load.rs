//! Loading what a batch needs. Statements go row by row: inside the process that is quicker than
//! building one for many, and each is compiled once. Nothing needs a lock of its own, because the
//! transaction has held the one write lock since its beginning.
//!
//! One row is asked for with `get_result`, here and in all of this adapter: the `LIMIT ?` of
//! `first` makes SQLite compile the statement anew at each run.

use super::{
    attendant::stored_active,
    catalog::{concert_by_id, schedules_of},
    error::SqlError,
    queue::{ahead_of, gate_by_id, line, token_by_id},
    rows::{PaymentRow, RecordRow, ReservationRow, SeatRow, TokenRow, UserRow, WalletRow},
    schema::{IsLive, idempotency_records, payments, queue_tokens, reservations, seats, users, wallets},
    seating::unsold,
    statement::read,
    types::{Id, Whole},
};
use diesel::{prelude::*, sqlite::SqliteConnection};
use frontrow_domain::{
    decision::{Needs, WorkingSet},
    id::{ReservationId, ScheduleId, TokenId, UserId},
    policy::Policy,
    queue::{QueueToken, Room},
    seating::{Reservation, ReservationState, Seat},
};

pub(super) fn working_set(conn: &mut SqliteConnection, policy: Policy, needs: &Needs) -> Result<WorkingSet, SqlError> {
    let mut rows = WorkingSet::new(policy);
    load_catalog(conn, needs, &mut rows)?;
    load_line(conn, needs, &mut rows)?;
    load_seating(conn, needs, &mut rows)?;
    load_accounts(conn, needs, &mut rows)?;
    Ok(rows)
}

fn load_catalog(conn: &mut SqliteConnection, needs: &Needs, rows: &mut WorkingSet) -> Result<(), SqlError> {
    for id in &needs.concerts {
        if let Some(concert) = concert_by_id(conn, *id)? {
            rows.concerts.load(*id, concert);
            for schedule in schedules_of(conn, *id, rows.policy.currency)? {
                rows.schedules.load(schedule.id, schedule);
            }
        }
    }
    Ok(())
}

fn load_line(conn: &mut SqliteConnection, needs: &Needs, rows: &mut WorkingSet) -> Result<(), SqlError> {
    for id in &needs.gates {
        if let Some(gate) = gate_by_id(conn, *id)? {
            let most = u64::from(gate.settings.max_active) + u64::from(Room::SEATS_BEYOND);
            let room = Room {
                active: stored_active(conn, *id)?,
                unsold: unsold(conn, *id, most)?,
            };
            rows.load_room(*id, room);
        }
    }
    for id in &needs.lines {
        if let Some(line) = line(conn, *id)? {
            rows.lines.load(*id, line);
        }
    }
    for (schedule, user) in &needs.live_tokens {
        if let Some(token) = live_token(conn, *schedule, *user)? {
            let ahead = ahead_of(conn, &token)?;
            rows.load_token(token, ahead);
        }
    }
    for (schedule, id) in &needs.tokens {
        if let Some(token) = token_by_id(conn, *schedule, *id)? {
            rows.load_token(token, None);
        }
    }
    Ok(())
}

fn load_seating(conn: &mut SqliteConnection, needs: &Needs, rows: &mut WorkingSet) -> Result<(), SqlError> {
    let currency = rows.policy.currency;
    for (schedule, token) in &needs.holds_of {
        for reservation in kept_by_user_of(conn, *schedule, *token)? {
            let reservation = reservation.in_currency(currency);
            if reservation.token_id == *token && reservation.state == ReservationState::Held {
                load_with_seats(conn, reservation, rows)?;
            }
        }
    }
    for (schedule, id) in &needs.reservations {
        if let Some(reservation) = reservation_by_id(conn, *id)? {
            let reservation = reservation.in_currency(currency);
            if reservation.schedule_id == *schedule {
                load_with_seats(conn, reservation, rows)?;
            } else {
                rows.load_reservation(reservation);
            }
        }
    }
    for (schedule, user) in &needs.holdings {
        for reservation in kept_by(conn, *schedule, Id(user.0))? {
            rows.load_reservation(reservation.in_currency(currency));
        }
    }
    for (schedule, number) in &needs.seats {
        load_seat(conn, *schedule, *number, rows)?;
    }
    Ok(())
}

fn load_accounts(conn: &mut SqliteConnection, needs: &Needs, rows: &mut WorkingSet) -> Result<(), SqlError> {
    let currency = rows.policy.currency;
    for id in &needs.users {
        let found = users::table.find(Id(id.0)).select(UserRow::as_select());
        if let Some(user) = found.get_result(conn).optional()? {
            rows.users.load(*id, user.into());
        }
    }
    for user in &needs.wallets {
        let found = wallets::table.find(Id(user.0)).select(WalletRow::as_select());
        if let Some(wallet) = found.get_result(conn).optional()? {
            rows.wallets.load(*user, wallet.in_currency(currency));
        }
    }
    for (user, id) in &needs.payments {
        let found = payments::table.find((Id(user.0), Id(id.0)));
        let found = found.select(PaymentRow::as_select());
        if let Some(payment) = found.get_result(conn).optional()? {
            rows.payments.load(*id, payment.in_currency(currency));
        }
    }
    for id in &needs.records {
        let found = idempotency_records::table.find((Id(id.scope), Id(id.key.0)));
        let found = found.select(RecordRow::as_select());
        if let Some(record) = found.get_result(conn).optional()? {
            rows.records.load(*id, record.record()?);
        }
    }
    Ok(())
}

/// The fan's token at a gate whose stored state is live.
fn live_token(conn: &mut SqliteConnection, schedule: ScheduleId, user: UserId) -> Result<Option<QueueToken>, SqlError> {
    let found = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(schedule.0)))
        .filter(queue_tokens::user_id.eq(Id(user.0)))
        .filter(IsLive::new(queue_tokens::state))
        .select(TokenRow::as_select());
    Ok(found.get_result(conn).optional()?.map(Into::into))
}

/// As [`kept_by`], for the user of a token.
fn kept_by_user_of(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    token: TokenId,
) -> Result<Vec<ReservationRow>, SqlError> {
    let user: Option<Id> = queue_tokens::table
        .find((Id(schedule.0), Id(token.0)))
        .select(queue_tokens::user_id)
        .get_result(conn)
        .optional()?;
    user.map_or_else(|| Ok(Vec::new()), |user| kept_by(conn, schedule, user))
}

/// A fan's reservations at a performance whose stored state is held or confirmed. Left to choose,
/// SQLite would read all of the performance's instead.
fn kept_by(conn: &mut SqliteConnection, schedule: ScheduleId, user: Id) -> Result<Vec<ReservationRow>, SqlError> {
    let sql = "SELECT schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price, state, held_at, \
               held_until, ended_at, request_key FROM reservations INDEXED BY reservations_by_user \
               WHERE schedule_id = ? AND user_id = ? AND state IN ('held', 'confirmed')";
    Ok(read::<reservations::SqlType, _, 2>(
        conn,
        sql,
        [schedule.0.into(), user.0.into()],
    )?)
}

pub(super) fn reservation_by_id(
    conn: &mut SqliteConnection,
    id: ReservationId,
) -> Result<Option<ReservationRow>, SqlError> {
    let found = reservations::table
        .filter(reservations::reservation_id.eq(Id(id.0)))
        .select(ReservationRow::as_select());
    Ok(found.get_result(conn).optional()?)
}

fn load_with_seats(
    conn: &mut SqliteConnection,
    reservation: Reservation,
    rows: &mut WorkingSet,
) -> Result<(), SqlError> {
    for number in &reservation.seat_numbers {
        load_seat(conn, reservation.schedule_id, *number, rows)?;
    }
    rows.load_reservation(reservation);
    Ok(())
}

fn load_seat(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    number: u32,
    rows: &mut WorkingSet,
) -> Result<(), SqlError> {
    if rows.seats.get(&(schedule, number)).is_none()
        && let Some(seat) = seat(conn, schedule, number)?
    {
        rows.load_seat(seat);
    }
    Ok(())
}

pub(super) fn seat(conn: &mut SqliteConnection, schedule: ScheduleId, number: u32) -> Result<Option<Seat>, SqlError> {
    let found = seats::table.find((Id(schedule.0), Whole(number)));
    let found = found.select(SeatRow::as_select()).get_result(conn).optional()?;
    found.map(|row: SeatRow| row.of(schedule)).transpose()
}
