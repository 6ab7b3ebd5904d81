//! The background work: letting fans in, and tidying up after time has decided. Each step is a
//! transaction of its own and bounded, so that bookings never wait long for it.

use super::{
    Sqlite,
    error::SqlError,
    load::seat,
    queue::{admitted_since, gate_by_id, issued},
    rows::{ReservationRow, TokenRow},
    schema::{IsActive, IsHeld, IsLive, IsWaiting, gates, lines, queue_tokens, reservations, schedules},
    seating::unsold,
    statement::run,
    store::{update_reservation, update_seat, update_token},
    types::{Id, Moment, Whole},
};
use crate::{
    codec::{count_from_db, count_to_db},
    sold_out::SoldOut,
};
use async_trait::async_trait;
use diesel::{prelude::*, sqlite::SqliteConnection};
use frontrow_domain::{
    clock::Timestamp,
    id::ScheduleId,
    outcome::StoreError,
    policy::Policy,
    queue::{
        Gate, LineState, MOST_AT_ONCE, QueueToken, admit,
        port::{Admitted, Attendant, Swept},
    },
    seating::Reservation,
};
use time::Duration;

/// How many rows one step tidies at the most.
pub(super) const STEP: usize = 500;

#[async_trait]
impl Attendant for Sqlite {
    async fn admit_due_in(&self, epoch: Option<u64>) -> Result<Admitted, StoreError> {
        if !self.lease.allows(epoch) {
            return Ok(Admitted::default());
        }
        let clock = self.clock.clone();
        let due = self.readers.run(move |conn| due_gates(conn, clock.now())).await?;
        let mut done = Admitted::default();
        for schedule in due.into_iter().filter(|house| !self.sold_out.was_just(*house)) {
            let policy = self.policy;
            let clock = self.clock.clone();
            let sold_out = self.sold_out.clone();
            let admitted = self
                .writer
                .run(move |conn| admit_next(conn, schedule, &policy, &sold_out, clock.now()));
            let step = admitted.await?;
            done.admitted += step.admitted;
            done.more |= step.more;
        }
        Ok(done)
    }

    async fn sweep(&self) -> Result<Swept, StoreError> {
        let policy = self.policy;
        Ok(Swept {
            holds: self
                .step_by_step(move |conn, now| free_lapsed_holds(conn, &policy, now))
                .await?,
            tokens: self.step_by_step(end_lapsed_tokens).await?,
            records: self.step_by_step(delete_lapsed_records).await?,
        })
    }
}

impl Sqlite {
    /// Repeats a step until it finds less to do than it could.
    async fn step_by_step<S>(&self, step: S) -> Result<u64, StoreError>
    where
        S: Fn(&mut SqliteConnection, Timestamp) -> Result<usize, SqlError> + Clone + Send + 'static,
    {
        let mut total = 0;
        loop {
            let step = step.clone();
            let clock = self.clock.clone();
            let tidied = self.writer.run(move |conn| step(conn, clock.now())).await?;
            total += tidied as u64;
            if tidied < STEP {
                return Ok(total);
            }
        }
    }
}

/// Gates that may let somebody in: open, not paused, with numbers beyond the mark.
fn due_gates(conn: &mut SqliteConnection, now: Timestamp) -> Result<Vec<ScheduleId>, SqlError> {
    let found: Vec<Id> = gates::table
        .inner_join(lines::table.on(lines::schedule_id.eq(gates::schedule_id)))
        .inner_join(schedules::table.on(schedules::schedule_id.eq(gates::schedule_id)))
        .filter(gates::paused.eq(false))
        .filter(lines::issued.gt(gates::admitted_number))
        .filter(schedules::booking_opens_at.le(Moment(now)))
        .filter(schedules::booking_closes_at.gt(Moment(now)))
        .select(gates::schedule_id)
        .load(conn)?;
    Ok(found.into_iter().map(|id| ScheduleId(id.0)).collect())
}

/// Lets in at one gate what is due.
fn admit_next(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    policy: &Policy,
    sold_out: &SoldOut,
    now: Timestamp,
) -> Result<Admitted, SqlError> {
    let window = schedules::table.find(Id(schedule.0));
    let window = window.select((schedules::booking_opens_at, schedules::booking_closes_at));
    let window: Option<(Moment, Moment)> = window.get_result(conn).optional()?;
    let (Some(gate), Some((opens_at, closes_at))) = (gate_by_id(conn, schedule)?, window) else {
        return Ok(Admitted::default());
    };
    let ended = end_tokens_inside(conn, schedule, now)?;
    let state = LineState {
        booking_opens_at: opens_at.0,
        booking_closes_at: closes_at.0,
        active: stored_active(conn, schedule)?,
        last_minute: admitted_since(conn, schedule, now - Duration::MINUTE)?,
    };
    let more = ended == STEP;
    let nobody = Admitted { admitted: 0, more };
    let Some(opening) = admit(&gate, state, now) else {
        return Ok(nobody);
    };
    let unsold = unsold(conn, schedule, opening.seats_that_matter())?;
    if unsold == 0 {
        sold_out.note(schedule);
    }
    let admission = opening.with_unsold(unsold);
    if admission.at_most == 0 {
        return Ok(nobody);
    }
    let entering = next_waiting(conn, &gate, admission.at_most, now)?;
    let admitted = entering.len() as u64;
    let mut mark = gate.admitted_number;
    for mut token in entering {
        token.activate(&gate.settings, policy.claim, now);
        mark = mark.max(token.number);
        update_token(conn, &token)?;
    }
    if admitted < admission.at_most {
        // Nobody waits: all who have a number have entered or gone.
        mark = issued(conn, schedule)?.unwrap_or(mark);
    }
    let next_slot_at = match admitted {
        0 => gate.next_slot_at,
        _ => Some(admission.next_slot_after(admitted)),
    };
    let moved = Gate {
        admitted_number: mark,
        admitted: gate.admitted + admitted,
        next_slot_at,
        ..gate
    };
    move_mark(conn, &moved)?;
    Ok(Admitted {
        admitted,
        more: more || admitted == MOST_AT_ONCE,
    })
}

fn move_mark(conn: &mut SqliteConnection, gate: &Gate) -> Result<(), SqlError> {
    let sql = "UPDATE gates SET admitted_number = ?, admitted = ?, next_slot_at = ? WHERE schedule_id = ?";
    let binds = [
        count_to_db(gate.admitted_number)?.into(),
        count_to_db(gate.admitted)?.into(),
        gate.next_slot_at.into(),
        gate.schedule_id.0.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

/// Ends active tokens of one gate whose time is over, as many as fit a step; says how many they were.
pub(super) fn end_tokens_inside(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    now: Timestamp,
) -> Result<usize, SqlError> {
    let lapsed = lapsed_active(conn, schedule, now)?;
    end_all(conn, lapsed)
}

/// Tokens at one gate that are stored as active and have run out, as many as fit a step. One that
/// stays counts as inside until the next step, which is never too low.
fn lapsed_active(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    now: Timestamp,
) -> Result<Vec<QueueToken>, SqlError> {
    let found = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(schedule.0)))
        .filter(IsActive::new(queue_tokens::state))
        .filter(queue_tokens::lapses_at.le(Moment(now)))
        .limit(STEP as i64)
        .select(TokenRow::as_select())
        .load(conn)?;
    Ok(found.into_iter().map(Into::into).collect())
}

pub(super) fn stored_active(conn: &mut SqliteConnection, schedule: ScheduleId) -> Result<u64, SqlError> {
    let count: i64 = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(schedule.0)))
        .filter(IsActive::new(queue_tokens::state))
        .count()
        .get_result(conn)?;
    Ok(count_from_db(count)?)
}

/// The first fans in line, by number.
fn next_waiting(
    conn: &mut SqliteConnection,
    gate: &Gate,
    at_most: u64,
    now: Timestamp,
) -> Result<Vec<QueueToken>, SqlError> {
    let found = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(gate.schedule_id.0)))
        .filter(queue_tokens::number.gt(Whole(gate.admitted_number)))
        .filter(IsWaiting::new(queue_tokens::state))
        .filter(queue_tokens::lapses_at.gt(Moment(now)))
        .order(queue_tokens::number)
        .limit(count_to_db(at_most)?)
        .select(TokenRow::as_select())
        .load(conn)?;
    Ok(found.into_iter().map(Into::into).collect())
}

/// Stores what time has decided about these tokens; says how many they were.
fn end_all(conn: &mut SqliteConnection, lapsed: Vec<QueueToken>) -> Result<usize, SqlError> {
    let count = lapsed.len();
    for mut token in lapsed {
        token.lapse();
        update_token(conn, &token)?;
    }
    Ok(count)
}

fn end_lapsed_tokens(conn: &mut SqliteConnection, now: Timestamp) -> Result<usize, SqlError> {
    let lapsed = queue_tokens::table
        .filter(IsLive::new(queue_tokens::state))
        .filter(queue_tokens::lapses_at.le(Moment(now)))
        .order(queue_tokens::lapses_at)
        .limit(STEP as i64)
        .select(TokenRow::as_select())
        .load(conn)?;
    end_all(conn, lapsed.into_iter().map(Into::into).collect())
}

fn free_lapsed_holds(conn: &mut SqliteConnection, policy: &Policy, now: Timestamp) -> Result<usize, SqlError> {
    let lapsed = reservations::table
        .filter(IsHeld::new(reservations::state))
        .filter(reservations::held_until.le(Moment(now)))
        .order(reservations::held_until)
        .limit(STEP as i64)
        .select(ReservationRow::as_select())
        .load(conn)?;
    let count = lapsed.len();
    for row in lapsed {
        free_seats(conn, row.in_currency(policy.currency))?;
    }
    Ok(count)
}

/// Ends a lapsed hold, and frees the seats that nobody else has taken since.
fn free_seats(conn: &mut SqliteConnection, mut hold: Reservation) -> Result<(), SqlError> {
    for number in &hold.seat_numbers {
        let stored = seat(conn, hold.schedule_id, *number)?;
        if let Some(free) = stored.and_then(|seat| seat.let_go_by(hold.id)) {
            update_seat(conn, &free)?;
        }
    }
    hold.lapse();
    update_reservation(conn, &hold)
}

fn delete_lapsed_records(conn: &mut SqliteConnection, now: Timestamp) -> Result<usize, SqlError> {
    let sql = "DELETE FROM idempotency_records WHERE rowid IN \
               (SELECT rowid FROM idempotency_records WHERE expires_at <= ? LIMIT ?)";
    let binds = [now.into(), (STEP as i64).into()];
    Ok(run(conn, sql, binds)?)
}
