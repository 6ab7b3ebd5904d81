//! Loading what a batch needs: everything is locked first, then all else is read. One round trip
//! takes both, because the server runs statements in the order they were sent.

use super::{
    assemble::{Fetched, Loaded, assemble, load_reservations},
    error::Failure,
    grouped::Grouped,
    locks,
    rows::small_to_db,
    sql::{Step, in_order, sql},
    transaction::Mode,
};
use diesel::sql_types::{Array, Integer, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use frontrow_domain::{
    decision::{Needs, WorkingSet},
    id::ReservationId,
    outcome::StoreError,
    policy::Policy,
    queue::Room,
};
use uuid::Uuid;

/// The end and the front of a line, from one snapshot.
const LINE: &str = "
    SELECT g.schedule_id, g.max_active, g.admissions_per_minute, g.session_seconds, g.paused,
        g.admitted_number, g.next_slot_at, g.admitted, l.issued, l.departed
    FROM lines l JOIN gates g ON g.schedule_id = l.schedule_id
    WHERE l.schedule_id = $1";

/// How many fans wait ahead of the waiting tokens of these fans.
const AHEAD: &str = "
    SELECT t.token_id, greatest(0, t.number - 1 - g.admitted_number - (
            SELECT count(*) FROM queue_tokens gone
            WHERE gone.schedule_id = $1 AND gone.number > g.admitted_number AND gone.number < t.number
                AND gone.departure IS NOT NULL)) AS ahead
    FROM unnest($2) AS fan (user_id)
    CROSS JOIN LATERAL (
        SELECT * FROM queue_tokens live
        WHERE live.schedule_id = $1 AND live.user_id = fan.user_id AND live.state IN ('waiting', 'active')
        OFFSET 0) t
    JOIN gates g ON g.schedule_id = t.schedule_id
    WHERE t.state = 'waiting'";

/// How many are inside a gate and, from the same snapshot, how many seats are unsold: counted no
/// further than it matters. The order keeps the planner from looking all of them up before it looks
/// at the first.
const ROOM: &str = "
    SELECT g.schedule_id,
        (SELECT count(*) FROM queue_tokens WHERE schedule_id = $1 AND state = 'active') AS active,
        (SELECT count(*) FROM (
            SELECT FROM seats WHERE schedule_id = $1 AND status <> 'sold'
            ORDER BY number LIMIT g.max_active + $2) AS seat) AS unsold
    FROM gates g WHERE g.schedule_id = $1";

const HOLDINGS: &str = "
    SELECT own.schedule_id, own.reservation_id, own.user_id, own.token_id, own.seat_numbers, own.total_price,
        own.state, own.held_at, own.held_until, own.ended_at, own.request_key
    FROM unnest($2) AS fan (user_id)
    CROSS JOIN LATERAL (
        SELECT * FROM reservations one
        WHERE one.schedule_id = $1 AND one.user_id = fan.user_id AND one.state IN ('held', 'confirmed')
        OFFSET 0) own";

/// Reservations at any schedule: this fans out where the table is distributed.
const RESERVATIONS_ANYWHERE: &str = "
    SELECT schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price, state,
        held_at, held_until, ended_at, request_key
    FROM reservations WHERE reservation_id = ANY($1)";

const SCHEDULES: &str = "
    SELECT schedule_id, concert_id, date, starts_at, booking_opens_at, booking_closes_at, created_at
    FROM schedules WHERE concert_id = ANY($1)";

const BLOCKS: &str = "
    SELECT b.schedule_id, b.section, b.rows, b.seats_per_row, b.price
    FROM schedules s JOIN seat_blocks b ON b.schedule_id = s.schedule_id
    WHERE s.concert_id = ANY($1) ORDER BY b.schedule_id, b.ordinal";

const USERS: &str = "SELECT user_id, name, created_at FROM users WHERE user_id = ANY($1)";

const RECORDS: &str = "
    SELECT r.scope, r.request_key, r.fingerprint, r.outcome, r.reference, r.attempts, r.lease_until,
        r.expires_at
    FROM unnest($1, $2) AS wanted (scope, request_key)
    CROSS JOIN LATERAL (
        SELECT * FROM idempotency_records one
        WHERE one.scope = wanted.scope AND one.request_key = wanted.request_key OFFSET 0) r";

const PAYMENTS: &str = "
    SELECT p.user_id, p.payment_id, p.schedule_id, p.reservation_id, p.status, p.amount, p.payment_method,
        p.seat_numbers, p.request_key, p.created_at, p.paid_at
    FROM unnest($1, $2) AS wanted (user_id, payment_id)
    JOIN payments p ON p.user_id = wanted.user_id AND p.payment_id = wanted.payment_id";

const CLOCK: &str = "SELECT clock_timestamp() AS at";

/// Opens a transaction, locks and loads.
pub(super) async fn begin(conn: &AsyncPgConnection, policy: Policy, needs: &Needs) -> Result<Loaded, Failure> {
    let grouped = Grouped::new(needs)?;
    let mut steps = vec![open(conn)];
    steps.extend(locks::take(conn, &grouped));
    steps.extend(reads(conn, &grouped)?);
    let mut loaded = assemble(policy, in_order(steps).await?)?;
    load_strays(conn, needs, &mut loaded.rows).await?;
    Ok(loaded)
}

fn open(mut conn: &AsyncPgConnection) -> Step<'_, Fetched> {
    Box::pin(async move {
        conn.batch_execute(Mode::Write.begin()).await?;
        Ok(Fetched::Nothing)
    })
}

/// A step that loads rows and says of which kind they are.
macro_rules! fetch {
    ($conn:ident, $kind:ident, $statement:expr) => {{
        let statement = $statement;
        let mut conn = $conn;
        Box::pin(async move { statement.load(&mut conn).await.map(Fetched::$kind) }) as Step<'_, Fetched>
    }};
}

fn reads<'c>(conn: &'c AsyncPgConnection, needs: &Grouped) -> Result<Vec<Step<'c, Fetched>>, StoreError> {
    let mut steps = Vec::new();
    if !needs.concerts.is_empty() {
        let of = |text| sql(text).bind::<Array<SqlUuid>, _>(needs.concerts.clone());
        steps.push(fetch!(conn, Schedules, of(SCHEDULES)));
        steps.push(fetch!(conn, Blocks, of(BLOCKS)));
    }
    for (schedule, own) in &needs.schedules {
        let at = |text| sql(text).bind::<SqlUuid, _>(*schedule);
        if own.gate {
            let room = at(ROOM).bind::<Integer, _>(small_to_db(Room::SEATS_BEYOND)?);
            steps.push(fetch!(conn, Room, room));
        }
        if own.line {
            steps.push(fetch!(conn, Lines, at(LINE)));
        }
        if !own.live_tokens_of.is_empty() {
            let ahead = at(AHEAD).bind::<Array<SqlUuid>, _>(own.live_tokens_of.clone());
            steps.push(fetch!(conn, Ahead, ahead));
        }
        if !own.holdings_of.is_empty() {
            let holdings = at(HOLDINGS).bind::<Array<SqlUuid>, _>(own.holdings_of.clone());
            steps.push(fetch!(conn, Reservations, holdings));
        }
    }
    if !needs.users.is_empty() {
        let users = sql(USERS).bind::<Array<SqlUuid>, _>(needs.users.clone());
        steps.push(fetch!(conn, Users, users));
    }
    if !needs.payments.is_empty() {
        let (users, ids) = needs.payments.iter().copied().unzip::<Uuid, Uuid, Vec<_>, Vec<_>>();
        let payments = sql(PAYMENTS)
            .bind::<Array<SqlUuid>, _>(users)
            .bind::<Array<SqlUuid>, _>(ids);
        steps.push(fetch!(conn, Payments, payments));
    }
    if !needs.records.is_empty() {
        let scopes: Vec<Uuid> = needs.records.iter().map(|record| record.scope).collect();
        let keys: Vec<Uuid> = needs.records.iter().map(|record| record.key.0).collect();
        let records = sql(RECORDS)
            .bind::<Array<SqlUuid>, _>(scopes)
            .bind::<Array<SqlUuid>, _>(keys);
        steps.push(fetch!(conn, Records, records));
    }
    let mut clock = conn;
    steps.push(Box::pin(async move {
        sql(CLOCK).get_result(&mut clock).await.map(Fetched::Clock)
    }));
    Ok(steps)
}

/// Reservations that are not at the schedule named are looked up wherever they are, to be looked
/// at only. This is rare, so it may take another round trip.
async fn load_strays(mut conn: &AsyncPgConnection, needs: &Needs, rows: &mut WorkingSet) -> Result<(), Failure> {
    let missing = |id: &ReservationId| rows.reservations.get(id).is_none();
    let strays = needs.reservations.iter().map(|(_, id)| *id).filter(missing);
    let strays: Vec<Uuid> = strays.map(|id| id.0).collect();
    if !strays.is_empty() {
        let found = sql(RESERVATIONS_ANYWHERE).bind::<Array<SqlUuid>, _>(strays);
        load_reservations(rows, found.load(&mut conn).await?)?;
    }
    Ok(())
}
