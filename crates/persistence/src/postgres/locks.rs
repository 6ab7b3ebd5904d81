//! Every locking statement of decisions, in the one lock order of the program.
//!
//! Concerts, gates, lines, tokens, reservations, seats, wallets; within a kind by schedule, then by key.
//! Whoever locks in another order can deadlock with a decision. A statement names one schedule, so
//! that each runs on one shard. All of them leave in one round trip and the server runs them one
//! after another: each sees what the ones before it waited for, which is why a statement may find
//! the keys it locks by reading rows that an earlier one has locked.
//!
//! - Under a line's lock no token can join it, so all live tokens of its fans are found; and none can
//!   leave it while waiting, so departures become visible in their order.
//! - Under a token's lock nobody can hold seats with it, so all of its holds are found.
//! - Rows are looked up one by one (`LATERAL` with `FOR UPDATE` or `OFFSET 0`, which the planner does
//!   not take apart): a plan made while a table was small is kept, and must not read the whole
//!   table, or all of a performance, when that has grown.
//! - `FOR UPDATE` gives the newest version of a row found by its primary key. One that was found
//!   by a condition that is no longer true is given too; rules look at it again.

use super::{
    assemble::Fetched,
    error::Failure,
    grouped::{Grouped, ScheduleNeeds},
    rows::{ConcertRow, GateRow, ReservationRow, SeatRow, TokenRow, WalletRow},
    sql::{Sql, Step, in_order, sql},
};
use crate::codec::count_to_db;
use diesel::sql_types::{Array, BigInt, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use frontrow_domain::{
    clock::Timestamp,
    id::ScheduleId,
    money::Currency,
    queue::{Gate, QueueToken},
    seating::{Reservation, Seat},
};
use std::collections::BTreeMap;
use uuid::Uuid;

const CONCERTS: &str = "
    SELECT concert_id, title, venue, created_at
    FROM concerts WHERE concert_id = ANY($1) ORDER BY concert_id FOR UPDATE";

const LINE: &str = "SELECT issued FROM lines WHERE schedule_id = $1 FOR UPDATE";

/// Tokens by id, and the live ones of fans.
const TOKENS: &str = "
    SELECT token.* FROM (
        SELECT id FROM (
            SELECT unnest($2) AS id
            UNION
            SELECT live.token_id FROM unnest($3) AS fan (user_id)
            CROSS JOIN LATERAL (
                SELECT one.token_id FROM queue_tokens one
                WHERE one.schedule_id = $1 AND one.user_id = fan.user_id AND one.state IN ('waiting', 'active')
                OFFSET 0) live) AS found
        ORDER BY id) AS wanted
    CROSS JOIN LATERAL (
        SELECT schedule_id, token_id, user_id, number, state, issued_at, activated_at, claimed_at,
            session_seconds, lapses_at, ended_at, admitted_under, departure
        FROM queue_tokens WHERE schedule_id = $1 AND token_id = wanted.id FOR UPDATE) AS token";

/// Reservations by id, and the unpaid ones of tokens. Those are found through their fans, of whom
/// each has a few.
const RESERVATIONS: &str = "
    SELECT reservation.* FROM (
        SELECT id FROM (
            SELECT unnest($2) AS id
            UNION
            SELECT hold.reservation_id FROM unnest($3) AS of (token_id)
            CROSS JOIN LATERAL (
                SELECT one.user_id, one.token_id FROM queue_tokens one
                WHERE one.schedule_id = $1 AND one.token_id = of.token_id OFFSET 0) token
            CROSS JOIN LATERAL (
                SELECT one.reservation_id FROM reservations one
                WHERE one.schedule_id = $1 AND one.user_id = token.user_id
                    AND one.token_id = token.token_id AND one.state = 'held'
                OFFSET 0) hold) AS found
        ORDER BY id) AS wanted
    CROSS JOIN LATERAL (
        SELECT schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price, state,
            held_at, held_until, ended_at, request_key
        FROM reservations WHERE schedule_id = $1 AND reservation_id = wanted.id FOR UPDATE) AS reservation";

/// Seats by number, and those of the reservations that are locked.
const SEATS: &str = "
    SELECT seat.* FROM (
        SELECT number FROM (
            SELECT unnest($2) AS number
            UNION
            SELECT unnest(hold.seat_numbers) FROM unnest($3) AS of (reservation_id)
            CROSS JOIN LATERAL (
                SELECT one.seat_numbers FROM reservations one
                WHERE one.schedule_id = $1 AND one.reservation_id = of.reservation_id OFFSET 0) hold
            UNION
            SELECT unnest(hold.seat_numbers) FROM unnest($4) AS of (token_id)
            CROSS JOIN LATERAL (
                SELECT one.user_id, one.token_id FROM queue_tokens one
                WHERE one.schedule_id = $1 AND one.token_id = of.token_id OFFSET 0) token
            CROSS JOIN LATERAL (
                SELECT one.seat_numbers FROM reservations one
                WHERE one.schedule_id = $1 AND one.user_id = token.user_id
                    AND one.token_id = token.token_id AND one.state = 'held'
                OFFSET 0) hold) AS found
        ORDER BY number) AS wanted
    CROSS JOIN LATERAL (
        SELECT schedule_id, number, status, reservation_id, user_id, held_until, version
        FROM seats WHERE schedule_id = $1 AND number = wanted.number FOR UPDATE) AS seat";

const WALLETS: &str = "
    SELECT user_id, wallet_id, balance, entries, created_at
    FROM wallets WHERE user_id = ANY($1) ORDER BY user_id FOR UPDATE";

/// Admission and operators take it before any line or token, and so does the one decision that needs
/// it: to let somebody in out of turn.
const GATE: &str = "
    SELECT schedule_id, max_active, admissions_per_minute, session_seconds, paused, admitted_number, next_slot_at,
        admitted
    FROM gates WHERE schedule_id = $1 FOR UPDATE";

const IDLE_GATE: &str = "
    SELECT schedule_id, max_active, admissions_per_minute, session_seconds, paused, admitted_number, next_slot_at,
        admitted
    FROM gates WHERE schedule_id = $1 FOR UPDATE SKIP LOCKED";

/// The first fans behind a mark who wait, locked by id as everywhere. Those who leave before the
/// lock is had are given too, as they are by then.
const NEXT_TOKENS: &str = "
    SELECT token.* FROM (
        SELECT next.token_id FROM (
            SELECT one.token_id FROM queue_tokens one
            WHERE one.schedule_id = $1 AND one.number > $2 AND one.state = 'waiting' AND one.lapses_at > $3
            ORDER BY one.number LIMIT $4) AS next
        ORDER BY next.token_id) AS wanted
    CROSS JOIN LATERAL (
        SELECT schedule_id, token_id, user_id, number, state, issued_at, activated_at, claimed_at,
            session_seconds, lapses_at, ended_at, admitted_under, departure
        FROM queue_tokens WHERE schedule_id = $1 AND token_id = wanted.token_id FOR UPDATE) AS token";

/// Unpaid holds whose time is over, whatever their schedule. Nobody is waited for.
const LAPSED_HOLDS: &str = "
    SELECT schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price, state,
        held_at, held_until, ended_at, request_key
    FROM reservations
    WHERE state = 'held' AND held_until <= statement_timestamp()
    ORDER BY held_until LIMIT $1 FOR UPDATE SKIP LOCKED";

/// The statement that locks one kind of row at one schedule, where there is something to lock.
type Kind = for<'c> fn(&'c AsyncPgConnection, Uuid, &ScheduleNeeds) -> Option<Step<'c, Fetched>>;

/// Locks all that a batch needs, kind by kind.
pub(super) fn take<'c>(conn: &'c AsyncPgConnection, needs: &Grouped) -> Vec<Step<'c, Fetched>> {
    let mut steps: Vec<Step<'c, Fetched>> = Vec::new();
    if !needs.concerts.is_empty() {
        steps.push(concerts(conn, needs.concerts.clone()));
    }
    let kinds: [Kind; 5] = [gate_of, line, tokens, reservations, seats];
    for kind in kinds {
        for (schedule, own) in &needs.schedules {
            steps.extend(kind(conn, *schedule, own));
        }
    }
    if !needs.wallets.is_empty() {
        steps.push(wallets(conn, needs.wallets.clone()));
    }
    steps
}

fn concerts(mut conn: &AsyncPgConnection, ids: Vec<Uuid>) -> Step<'_, Fetched> {
    let lock = sql(CONCERTS).bind::<Array<SqlUuid>, _>(ids);
    Box::pin(async move { Ok(Fetched::Concerts(lock.load::<ConcertRow>(&mut conn).await?)) })
}

fn gate_of<'c>(mut conn: &'c AsyncPgConnection, schedule: Uuid, needs: &ScheduleNeeds) -> Option<Step<'c, Fetched>> {
    needs.gate.then(|| -> Step<'c, Fetched> {
        let lock = of(GATE, schedule);
        Box::pin(async move { lock.execute(&mut conn).await.map(|_| Fetched::Nothing) })
    })
}

fn line<'c>(mut conn: &'c AsyncPgConnection, schedule: Uuid, needs: &ScheduleNeeds) -> Option<Step<'c, Fetched>> {
    needs.line.then(|| -> Step<'c, Fetched> {
        let lock = sql(LINE).bind::<SqlUuid, _>(schedule);
        Box::pin(async move { lock.execute(&mut conn).await.map(|_| Fetched::Nothing) })
    })
}

fn tokens<'c>(mut conn: &'c AsyncPgConnection, schedule: Uuid, needs: &ScheduleNeeds) -> Option<Step<'c, Fetched>> {
    if needs.tokens.is_empty() && needs.live_tokens_of.is_empty() {
        return None;
    }
    let lock = of(TOKENS, schedule)
        .bind::<Array<SqlUuid>, _>(needs.tokens.clone())
        .bind::<Array<SqlUuid>, _>(needs.live_tokens_of.clone());
    Some(Box::pin(async move {
        Ok(Fetched::Tokens(lock.load::<TokenRow>(&mut conn).await?))
    }))
}

fn reservations<'c>(
    mut conn: &'c AsyncPgConnection,
    schedule: Uuid,
    needs: &ScheduleNeeds,
) -> Option<Step<'c, Fetched>> {
    if needs.reservations.is_empty() && needs.holds_of.is_empty() {
        return None;
    }
    let lock = of(RESERVATIONS, schedule)
        .bind::<Array<SqlUuid>, _>(needs.reservations.clone())
        .bind::<Array<SqlUuid>, _>(needs.holds_of.clone());
    Some(Box::pin(async move {
        Ok(Fetched::Reservations(lock.load::<ReservationRow>(&mut conn).await?))
    }))
}

fn seats<'c>(mut conn: &'c AsyncPgConnection, schedule: Uuid, needs: &ScheduleNeeds) -> Option<Step<'c, Fetched>> {
    if needs.seats.is_empty() && needs.reservations.is_empty() && needs.holds_of.is_empty() {
        return None;
    }
    let lock = of(SEATS, schedule)
        .bind::<Array<Integer>, _>(needs.seats.clone())
        .bind::<Array<SqlUuid>, _>(needs.reservations.clone())
        .bind::<Array<SqlUuid>, _>(needs.holds_of.clone());
    Some(Box::pin(async move {
        Ok(Fetched::Seats(lock.load::<SeatRow>(&mut conn).await?))
    }))
}

fn wallets(mut conn: &AsyncPgConnection, users: Vec<Uuid>) -> Step<'_, Fetched> {
    let lock = sql(WALLETS).bind::<Array<SqlUuid>, _>(users);
    Box::pin(async move { Ok(Fetched::Wallets(lock.load::<WalletRow>(&mut conn).await?)) })
}

fn of(text: &'static str, schedule: Uuid) -> Sql {
    sql(text).bind::<SqlUuid, _>(schedule)
}

/// A gate, for whoever has time to wait for it.
pub(super) async fn gate(mut conn: &AsyncPgConnection, schedule: ScheduleId) -> Result<Option<Gate>, Failure> {
    let rows: Vec<GateRow> = of(GATE, schedule.0).load(&mut conn).await?;
    Ok(rows.into_iter().next().map(Gate::try_from).transpose()?)
}

/// A gate that nobody else is working on.
pub(super) async fn idle_gate(mut conn: &AsyncPgConnection, schedule: ScheduleId) -> Result<Option<Gate>, Failure> {
    let rows: Vec<GateRow> = of(IDLE_GATE, schedule.0).load(&mut conn).await?;
    Ok(rows.into_iter().next().map(Gate::try_from).transpose()?)
}

/// The first `most` fans who wait at a gate at `now`, some of whom may have left by now.
pub(super) async fn next_tokens(
    mut conn: &AsyncPgConnection,
    gate: &Gate,
    most: u64,
    now: Timestamp,
) -> Result<Vec<QueueToken>, Failure> {
    let lock = of(NEXT_TOKENS, gate.schedule_id.0)
        .bind::<BigInt, _>(count_to_db(gate.admitted_number)?)
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(count_to_db(most)?);
    let rows: Vec<TokenRow> = lock.load(&mut conn).await?;
    Ok(rows.into_iter().map(QueueToken::try_from).collect::<Result<_, _>>()?)
}

/// At most `most` lapsed holds that nobody else is working on.
pub(super) async fn lapsed_holds(
    mut conn: &AsyncPgConnection,
    most: u32,
    currency: Currency,
) -> Result<Vec<Reservation>, Failure> {
    let lock = sql(LAPSED_HOLDS).bind::<BigInt, _>(i64::from(most));
    let rows: Vec<ReservationRow> = lock.load(&mut conn).await?;
    let reservations = rows.into_iter().map(|row| row.into_reservation(currency));
    Ok(reservations.collect::<Result<_, _>>()?)
}

/// The seats of these reservations, which are locked.
pub(super) async fn seats_of(conn: &AsyncPgConnection, reservations: &[Reservation]) -> Result<Vec<Seat>, Failure> {
    let mut needs: BTreeMap<Uuid, ScheduleNeeds> = BTreeMap::new();
    for reservation in reservations {
        let own = needs.entry(reservation.schedule_id.0).or_default();
        own.reservations.push(reservation.id.0);
    }
    let steps = needs.iter().filter_map(|(schedule, own)| seats(conn, *schedule, own));
    let mut locked = Vec::new();
    for fetched in in_order(steps.collect()).await? {
        if let Fetched::Seats(rows) = fetched {
            for row in rows {
                locked.push(Seat::try_from(row)?);
            }
        }
    }
    Ok(locked)
}
