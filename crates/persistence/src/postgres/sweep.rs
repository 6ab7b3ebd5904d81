//! Tidying up what time has decided, in steps that hold few locks and for a short time.

use super::{
    Inner, Mode, Postgres,
    error::Failure,
    locks,
    pool::Lease,
    sql::sql,
    store::{self, by_schedule},
    store_seating,
};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    id::{ReservationId, ScheduleId},
    outcome::StoreError,
    queue::port::Swept,
    seating::{Reservation, Seat},
};
use std::collections::BTreeSet;

/// How many rows one step takes.
const STEP: u32 = 1_000;

/// How many steps of a kind one sweep makes: the next sweep goes on.
const MOST_STEPS: u32 = 100;

/// What was locked is written where it was found, which is quicker than to look it up again.
const TOKENS: &str = "
    UPDATE queue_tokens SET state = 'expired', ended_at = lapses_at WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM queue_tokens
        WHERE state IN ('waiting', 'active') AND lapses_at <= statement_timestamp()
        ORDER BY lapses_at LIMIT $1 FOR UPDATE SKIP LOCKED))";

const TOKENS_INSIDE: &str = "
    UPDATE queue_tokens SET state = 'expired', ended_at = lapses_at WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM queue_tokens
        WHERE schedule_id = $2 AND state = 'active' AND lapses_at <= statement_timestamp()
        ORDER BY lapses_at LIMIT $1 FOR UPDATE SKIP LOCKED))";

const RECORDS: &str = "
    DELETE FROM idempotency_records WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM idempotency_records
        WHERE expires_at <= statement_timestamp()
        ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))";

/// Everything that is due, up to a bound.
pub(super) async fn all(storage: &Postgres) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    for _ in 0..MOST_STEPS {
        let freed = storage
            .transact(Mode::Write, |inner, lease| Box::pin(inner.free_lapsed_holds(lease)))
            .await?;
        swept.holds += freed;
        if freed < u64::from(STEP) {
            break;
        }
    }
    swept.tokens = step_by_step(storage, TOKENS).await?;
    swept.records = step_by_step(storage, RECORDS).await?;
    Ok(swept)
}

/// Ends active tokens of one gate whose time is over, as many as one step takes; says whether there
/// may be more of them.
pub(super) async fn tokens_inside(storage: &Postgres, schedule: ScheduleId) -> Result<bool, StoreError> {
    storage
        .on_own_runtime(move |inner| async move { inner.end_tokens_inside(schedule).await })
        .await
}

/// Repeats a statement until it finds nothing more to do.
async fn step_by_step(storage: &Postgres, text: &'static str) -> Result<u64, StoreError> {
    let mut total = 0;
    for _ in 0..MOST_STEPS {
        let done = storage
            .query(move |_, lease| {
                let step = sql(text).bind::<BigInt, _>(i64::from(STEP));
                Box::pin(async move { Ok(step.execute(&mut lease.connection()?).await? as u64) })
            })
            .await?;
        total += done;
        if done < u64::from(STEP) {
            break;
        }
    }
    Ok(total)
}

impl Inner {
    /// As [`tokens_inside`].
    async fn end_tokens_inside(&self, schedule: ScheduleId) -> Result<bool, StoreError> {
        let done = self
            .query(&move |_, lease| {
                let step = sql(TOKENS_INSIDE).bind::<BigInt, _>(i64::from(STEP));
                let step = step.bind::<SqlUuid, _>(schedule.0);
                Box::pin(async move { Ok(step.execute(&mut lease.connection()?).await?) })
            })
            .await?;
        Ok(done as u64 == u64::from(STEP))
    }

    /// Ends active tokens of gates whose time is over, up to a bound.
    pub(super) async fn end_all_tokens_inside(&self, gates: &BTreeSet<ScheduleId>) -> Result<(), StoreError> {
        for gate in gates {
            for _ in 0..MOST_STEPS {
                if !self.end_tokens_inside(*gate).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Frees the seats of holds whose time is over: their rows first, then the seats, as decisions
    /// lock them.
    async fn free_lapsed_holds(&self, lease: &Lease) -> Result<u64, Failure> {
        let conn = lease.connection()?;
        let mut holds = locks::lapsed_holds(conn, STEP, self.policy.currency).await?;
        if holds.is_empty() {
            return Ok(0);
        }
        let seats = locks::seats_of(conn, &holds).await?;
        holds.iter_mut().for_each(Reservation::lapse);
        let ended: BTreeSet<ReservationId> = holds.iter().map(|hold| hold.id).collect();
        // A seat that somebody else has taken over since is theirs.
        let free = |seat: &Seat| {
            let hold = seat.reservation().filter(|hold| ended.contains(hold));
            seat.let_go_by(hold?)
        };
        let freed: Vec<Seat> = seats.iter().filter_map(free).collect();
        let mut writes = Vec::new();
        for (schedule, group) in by_schedule(holds.iter(), |hold: &Reservation| hold.schedule_id) {
            writes.push(store_seating::change_reservations(schedule, &group)?);
        }
        for (schedule, group) in by_schedule(freed.iter(), |seat: &Seat| seat.schedule_id) {
            writes.push(store_seating::change_seats(schedule, &group)?);
        }
        store::run(conn, writes).await?;
        Ok(holds.len() as u64)
    }
}
