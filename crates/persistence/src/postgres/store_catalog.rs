//! Writing users, concerts and performances.

use super::{
    rows::small_to_db,
    sql::sql,
    store::{Write, checked, column, text},
};
use crate::codec::count_to_db;
use diesel::sql_types::{Array, BigInt, Bool, Date, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use frontrow_domain::{catalog::Schedule, clock::Timestamp, decision::WorkingSet, outcome::StoreError, queue::Line};

const ADD_USERS: &str = "
    INSERT INTO users (user_id, name, created_at) SELECT * FROM unnest($1, $2, $3)";

const ADD_CONCERTS: &str = "
    INSERT INTO concerts (concert_id, title, venue, created_at) SELECT * FROM unnest($1, $2, $3, $4)";

const ADD_SCHEDULE: &str = "
    INSERT INTO schedules (schedule_id, concert_id, date, starts_at, booking_opens_at, booking_closes_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

const ADD_BLOCKS: &str = "
    INSERT INTO seat_blocks (schedule_id, ordinal, section, rows, seats_per_row, price)
    SELECT $1, block.* FROM unnest($2, $3, $4, $5, $6) AS block";

/// A hall of 100,000 seats takes longer than a request usually may.
const TAKE_TIME: &str = "SELECT set_config('statement_timeout', '30s', true)";

const ADD_SEATS: &str = "
    INSERT INTO seats (schedule_id, number, status, version)
    SELECT $1, number, 'available', 0 FROM generate_series(1, $2) AS number";

const ADD_LINE: &str = "INSERT INTO lines (schedule_id, issued, departed) VALUES ($1, $2, $3)";

const ADD_GATE: &str = "
    INSERT INTO gates (schedule_id, max_active, admissions_per_minute, session_seconds, paused,
        admitted_number, next_slot_at, admitted)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(super) fn writes(rows: &WorkingSet) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    let users: Vec<_> = rows.users.inserted().map(|(_, user)| user).collect();
    if !users.is_empty() {
        let add = sql(ADD_USERS)
            .bind::<Array<SqlUuid>, _>(column(&users, |user| user.id.0))
            .bind::<Array<Text>, _>(checked(&users, |user| text(&user.name))?)
            .bind::<Array<Timestamptz>, _>(column(&users, |user| user.created_at));
        writes.push(Write::of("users", add, users.len()));
    }
    let concerts: Vec<_> = rows.concerts.inserted().map(|(_, concert)| concert).collect();
    if !concerts.is_empty() {
        let add = sql(ADD_CONCERTS)
            .bind::<Array<SqlUuid>, _>(column(&concerts, |concert| concert.id.0))
            .bind::<Array<Text>, _>(checked(&concerts, |concert| text(&concert.title))?)
            .bind::<Array<Text>, _>(checked(&concerts, |concert| text(&concert.venue))?)
            .bind::<Array<Timestamptz>, _>(column(&concerts, |concert| concert.created_at));
        writes.push(Write::of("concerts", add, concerts.len()));
    }
    for (_, schedule) in rows.schedules.inserted() {
        add_schedule(&mut writes, schedule)?;
    }
    for (_, line) in rows.lines.inserted() {
        add_line(&mut writes, line)?;
    }
    Ok(writes)
}

/// A performance with its blocks, and with every seat free.
fn add_schedule(writes: &mut Vec<Write>, schedule: &Schedule) -> Result<(), StoreError> {
    let add = sql(ADD_SCHEDULE)
        .bind::<SqlUuid, _>(schedule.id.0)
        .bind::<SqlUuid, _>(schedule.concert_id.0)
        .bind::<Date, _>(schedule.date)
        .bind::<Timestamptz, Timestamp>(schedule.starts_at)
        .bind::<Timestamptz, Timestamp>(schedule.booking_opens_at)
        .bind::<Timestamptz, Timestamp>(schedule.booking_closes_at)
        .bind::<Timestamptz, Timestamp>(schedule.created_at);
    writes.push(Write::of("schedules", add, 1));

    let blocks: Vec<_> = schedule.layout.0.iter().collect();
    let section = |name: &Option<String>| name.as_deref().map(text).transpose();
    let add = sql(ADD_BLOCKS)
        .bind::<SqlUuid, _>(schedule.id.0)
        .bind::<Array<Integer>, _>((1..).zip(&blocks).map(|(ordinal, _)| ordinal).collect::<Vec<i32>>())
        .bind::<Array<Nullable<Text>>, _>(checked(&blocks, |block| section(&block.section))?)
        .bind::<Array<Integer>, _>(checked(&blocks, |block| small_to_db(block.rows))?)
        .bind::<Array<Integer>, _>(checked(&blocks, |block| small_to_db(block.seats_per_row))?)
        .bind::<Array<BigInt>, _>(column(&blocks, |block| block.price.minor()));
    writes.push(Write::of("seat blocks", add, blocks.len()));

    let seats = schedule.layout.len();
    writes.push(Write::of("timeouts", sql(TAKE_TIME), 1));
    let add = sql(ADD_SEATS)
        .bind::<SqlUuid, _>(schedule.id.0)
        .bind::<Integer, _>(small_to_db(seats)?);
    writes.push(Write::of("seats", add, seats as usize));
    Ok(())
}

/// A line with the gate in front of it.
fn add_line(writes: &mut Vec<Write>, line: &Line) -> Result<(), StoreError> {
    let add = sql(ADD_LINE)
        .bind::<SqlUuid, _>(line.schedule_id.0)
        .bind::<BigInt, _>(count_to_db(line.issued)?)
        .bind::<BigInt, _>(count_to_db(line.departed)?);
    writes.push(Write::of("lines", add, 1));

    let settings = &line.gate.settings;
    let add = sql(ADD_GATE)
        .bind::<SqlUuid, _>(line.schedule_id.0)
        .bind::<Integer, _>(small_to_db(settings.max_active)?)
        .bind::<Integer, _>(small_to_db(settings.admissions_per_minute)?)
        .bind::<Integer, _>(small_to_db(settings.session_seconds)?)
        .bind::<Bool, _>(settings.paused)
        .bind::<BigInt, _>(count_to_db(line.gate.admitted_number)?)
        .bind::<Nullable<Timestamptz>, Option<Timestamp>>(line.gate.next_slot_at)
        .bind::<BigInt, _>(count_to_db(line.gate.admitted)?);
    writes.push(Write::of("gates", add, 1));
    Ok(())
}
