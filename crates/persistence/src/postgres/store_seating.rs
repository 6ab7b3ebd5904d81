//! Writing lines, tokens, reservations and seats: a statement a schedule.
//!
//! Rows are changed by inserting them over what is there: that looks each one up by its primary
//! key. An `UPDATE` joined with the new values leaves it to the planner whether to look rows up or
//! to read the whole performance, and a plan made while the table was small is kept.

use super::{
    rows::small_to_db,
    sql::sql,
    store::{Write, by_schedule, checked, column},
};
use crate::codec::{count_to_db, damaged};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use frontrow_domain::{
    clock::Timestamp,
    decision::WorkingSet,
    id::ScheduleId,
    outcome::StoreError,
    queue::QueueToken,
    seating::{Reservation, Seat, SeatState},
};

const CHANGE_LINE: &str = "UPDATE lines SET issued = $2, departed = $3 WHERE schedule_id = $1";

macro_rules! add_tokens {
    () => {
        "
    INSERT INTO queue_tokens (schedule_id, token_id, state, activated_at, claimed_at, session_seconds,
        lapses_at, ended_at, admitted_under, departure, user_id, number, issued_at)
    SELECT $1, new.* FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS new"
    };
}

const ADD_TOKENS: &str = add_tokens!();

const CHANGE_TOKENS: &str = concat!(
    add_tokens!(),
    " ON CONFLICT (schedule_id, token_id) DO UPDATE
    SET state = excluded.state, activated_at = excluded.activated_at, claimed_at = excluded.claimed_at,
        session_seconds = excluded.session_seconds, lapses_at = excluded.lapses_at,
        ended_at = excluded.ended_at, admitted_under = excluded.admitted_under,
        departure = excluded.departure"
);

/// Seat numbers come as texts: `unnest` would take an array of arrays apart to the last number.
macro_rules! add_reservations {
    () => {
        "
    INSERT INTO reservations (schedule_id, reservation_id, state, held_until, ended_at, user_id,
        token_id, seat_numbers, total_price, held_at, request_key)
    SELECT $1, new.reservation_id, new.state, new.held_until, new.ended_at, new.user_id, new.token_id,
        new.seat_numbers::integer[], new.total_price, new.held_at, new.request_key
    FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        AS new (reservation_id, state, held_until, ended_at, user_id, token_id, seat_numbers,
            total_price, held_at, request_key)"
    };
}

const ADD_RESERVATIONS: &str = add_reservations!();

const CHANGE_RESERVATIONS: &str = concat!(
    add_reservations!(),
    " ON CONFLICT (schedule_id, reservation_id) DO UPDATE
    SET state = excluded.state, held_until = excluded.held_until, ended_at = excluded.ended_at"
);

const CHANGE_SEATS: &str = "
    INSERT INTO seats (schedule_id, number, status, reservation_id, user_id, held_until, version)
    SELECT $1, new.* FROM unnest($2, $3, $4, $5, $6, $7) AS new
    ON CONFLICT (schedule_id, number) DO UPDATE
    SET status = excluded.status, reservation_id = excluded.reservation_id, user_id = excluded.user_id,
        held_until = excluded.held_until, version = excluded.version";

pub(super) fn writes(rows: &WorkingSet) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    for (_, line) in rows.lines.changed() {
        let change = sql(CHANGE_LINE)
            .bind::<SqlUuid, _>(line.schedule_id.0)
            .bind::<BigInt, _>(count_to_db(line.issued)?)
            .bind::<BigInt, _>(count_to_db(line.departed)?);
        writes.push(Write::of("lines", change, 1));
    }
    // Changed tokens before new ones: a fan has one live token at a time.
    let changed = rows.tokens.changed().map(|(_, token)| token);
    for (schedule, tokens) in by_schedule(changed, |token| token.schedule_id) {
        writes.push(change_tokens(schedule, &tokens)?);
    }
    let added = rows.tokens.inserted().map(|(_, token)| token);
    for (schedule, tokens) in by_schedule(added, |token| token.schedule_id) {
        writes.push(tokens_write(ADD_TOKENS, schedule, &tokens)?);
    }
    let changed = rows.reservations.changed().map(|(_, reservation)| reservation);
    for (schedule, reservations) in by_schedule(changed, |reservation| reservation.schedule_id) {
        writes.push(change_reservations(schedule, &reservations)?);
    }
    let added = rows.reservations.inserted().map(|(_, reservation)| reservation);
    for (schedule, reservations) in by_schedule(added, |reservation| reservation.schedule_id) {
        writes.push(reservations_write(ADD_RESERVATIONS, schedule, &reservations)?);
    }
    let changed = rows.seats.changed().map(|(_, seat)| seat);
    for (schedule, seats) in by_schedule(changed, |seat| seat.schedule_id) {
        writes.push(change_seats(schedule, &seats)?);
    }
    Ok(writes)
}

/// Changes tokens of one gate.
pub(super) fn change_tokens(schedule: ScheduleId, tokens: &[&QueueToken]) -> Result<Write, StoreError> {
    tokens_write(CHANGE_TOKENS, schedule, tokens)
}

/// Changes reservations of one performance.
pub(super) fn change_reservations(schedule: ScheduleId, reservations: &[&Reservation]) -> Result<Write, StoreError> {
    reservations_write(CHANGE_RESERVATIONS, schedule, reservations)
}

fn tokens_write(text: &'static str, schedule: ScheduleId, tokens: &[&QueueToken]) -> Result<Write, StoreError> {
    let seconds = |token: &QueueToken| i32::try_from(token.session.whole_seconds()).map_err(|_| damaged("session"));
    let cap = |token: &QueueToken| token.admitted_under.map(small_to_db).transpose();
    let departure = |token: &QueueToken| token.departure.map(count_to_db).transpose();
    let statement = sql(text)
        .bind::<SqlUuid, _>(schedule.0)
        .bind::<Array<SqlUuid>, _>(column(tokens, |token| token.id.0))
        .bind::<Array<Text>, _>(column(tokens, |token| token.state.as_str()))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(tokens, |token| token.activated_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(tokens, |token| token.claimed_at))
        .bind::<Array<Integer>, _>(checked(tokens, seconds)?)
        .bind::<Array<Timestamptz>, _>(column(tokens, |token| token.lapses_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(tokens, |token| token.ended_at))
        .bind::<Array<Nullable<Integer>>, _>(checked(tokens, cap)?)
        .bind::<Array<Nullable<BigInt>>, _>(checked(tokens, departure)?)
        .bind::<Array<SqlUuid>, _>(column(tokens, |token| token.user_id.0))
        .bind::<Array<BigInt>, _>(checked(tokens, |token| count_to_db(token.number))?)
        .bind::<Array<Timestamptz>, _>(column(tokens, |token| token.issued_at));
    Ok(Write::of("queue tokens", statement, tokens.len()))
}

fn reservations_write(
    text: &'static str,
    schedule: ScheduleId,
    reservations: &[&Reservation],
) -> Result<Write, StoreError> {
    let statement = sql(text)
        .bind::<SqlUuid, _>(schedule.0)
        .bind::<Array<SqlUuid>, _>(column(reservations, |one| one.id.0))
        .bind::<Array<Text>, _>(column(reservations, |one| one.state.as_str()))
        .bind::<Array<Timestamptz>, _>(column(reservations, |one| one.held_until))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(reservations, |one| one.ended_at))
        .bind::<Array<SqlUuid>, _>(column(reservations, |one| one.user_id.0))
        .bind::<Array<SqlUuid>, _>(column(reservations, |one| one.token_id.0))
        .bind::<Array<Text>, _>(column(reservations, |one| array_literal(&one.seat_numbers)))
        .bind::<Array<BigInt>, _>(column(reservations, |one| one.total_price.minor()))
        .bind::<Array<Timestamptz>, _>(column(reservations, |one| one.held_at))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(reservations, |one| one.request_key.map(|key| key.0)));
    Ok(Write::of("reservations", statement, reservations.len()))
}

/// Changes seats of one performance.
pub(super) fn change_seats(schedule: ScheduleId, seats: &[&Seat]) -> Result<Write, StoreError> {
    let status = |seat: &Seat| match seat.state {
        SeatState::Available => "available",
        SeatState::Held { .. } => "held",
        SeatState::Sold { .. } => "sold",
    };
    let until = |seat: &Seat| -> Option<Timestamp> {
        match seat.state {
            SeatState::Held { until, .. } => Some(until),
            SeatState::Available | SeatState::Sold { .. } => None,
        }
    };
    let change = sql(CHANGE_SEATS)
        .bind::<SqlUuid, _>(schedule.0)
        .bind::<Array<Integer>, _>(checked(seats, |seat| small_to_db(seat.number))?)
        .bind::<Array<Text>, _>(column(seats, status))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(seats, |seat| seat.reservation().map(|id| id.0)))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(seats, |seat| seat.holder().map(|id| id.0)))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(seats, until))
        .bind::<Array<BigInt>, _>(checked(seats, |seat| count_to_db(seat.version))?);
    Ok(Write::of("seats", change, seats.len()))
}

/// An array of numbers as PostgreSQL writes it.
pub(super) fn array_literal(numbers: &[u32]) -> String {
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    format!("{{{}}}", numbers.join(","))
}
