//! Letting fans in.
//!
//! A gate's row lock makes admissions at it happen one after another, on any number of instances;
//! a gate that somebody else has is passed over. Nobody else lets fans in, so the number of those
//! inside that is counted under this lock can only be too high, never too low.

use super::{Inner, Mode, Postgres, error::Failure, locks, pool::Lease, sql::sql, store::Write, store_seating, sweep};
use crate::codec::{count_from_db, count_to_db};
use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    clock::Timestamp,
    id::ScheduleId,
    outcome::StoreError,
    queue::{
        Gate, LineState, MOST_AT_ONCE, QueueToken, TokenState, admit,
        port::{Admitted, Attendant, Swept},
    },
};
use uuid::Uuid;

/// Gates that are open and behind which numbers were given out that have not been let in.
const GATES: &str = "
    SELECT s.schedule_id, s.booking_opens_at, s.booking_closes_at
    FROM schedules s
    JOIN gates g ON g.schedule_id = s.schedule_id
    JOIN lines l ON l.schedule_id = s.schedule_id
    WHERE s.booking_closes_at > statement_timestamp() AND s.booking_opens_at <= statement_timestamp()
        AND NOT g.paused AND l.issued > g.admitted_number
    ORDER BY s.schedule_id";

/// `at` is later than the snapshot of the same statement: whoever is not counted any more had left
/// before it.
const INSIDE: &str = "
    SELECT moment.at,
        (SELECT count(*) FROM queue_tokens
            WHERE schedule_id = $1 AND state = 'active') AS active,
        (SELECT count(*) FROM queue_tokens
            WHERE schedule_id = $1 AND activated_at > moment.at - interval '60 seconds') AS last_minute,
        (SELECT issued FROM lines WHERE schedule_id = $1) AS issued
    FROM (SELECT clock_timestamp() AS at OFFSET 0) AS moment";

const MOVE_MARK: &str = "
    UPDATE gates SET admitted_number = $2, next_slot_at = $3 WHERE schedule_id = $1";

#[derive(QueryableByName, Clone, Copy)]
struct DueGate {
    #[diesel(sql_type = SqlUuid)]
    schedule_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    booking_opens_at: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    booking_closes_at: Timestamp,
}

#[derive(QueryableByName)]
struct InsideRow {
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = BigInt)]
    active: i64,
    #[diesel(sql_type = BigInt)]
    last_minute: i64,
    #[diesel(sql_type = BigInt)]
    issued: i64,
}

#[async_trait]
impl Attendant for Postgres {
    async fn admit_due(&self) -> Result<Admitted, StoreError> {
        let gates: Vec<DueGate> = self
            .query(|_, lease| Box::pin(async move { Ok(sql(GATES).load(&mut lease.connection()?).await?) }))
            .await?;
        let mut done = Admitted::default();
        let mut trouble = None;
        for due in gates {
            match self.admit_at(due).await {
                Ok(admitted) => {
                    done.admitted += admitted;
                    done.more |= admitted == MOST_AT_ONCE;
                }
                // One gate must not keep the others shut.
                Err(error) => trouble = Some(error),
            }
        }
        trouble.map_or(Ok(done), Err)
    }

    async fn sweep(&self) -> Result<Swept, StoreError> {
        sweep::all(self).await
    }
}

impl Postgres {
    /// Lets in what one gate allows; says how many came in. Ended tokens are put away in a
    /// transaction of their own: one that held them while it waits for tokens in line could
    /// deadlock with a decision about both.
    async fn admit_at(&self, due: DueGate) -> Result<u64, StoreError> {
        sweep::tokens_inside(self, ScheduleId(due.schedule_id)).await?;
        self.transact(Mode::Write, move |inner, lease| Box::pin(inner.admit_at(lease, due)))
            .await
    }
}

impl Inner {
    async fn admit_at(&self, lease: &Lease, due: DueGate) -> Result<u64, Failure> {
        let conn = lease.connection()?;
        let schedule = ScheduleId(due.schedule_id);
        let Some(gate) = locks::idle_gate(conn, schedule).await? else {
            return Ok(0);
        };
        let inside = sql(INSIDE).bind::<SqlUuid, _>(due.schedule_id);
        let inside: InsideRow = inside.get_result(&mut lease.connection()?).await?;
        let line = LineState {
            booking_opens_at: due.booking_opens_at,
            booking_closes_at: due.booking_closes_at,
            active: count_from_db(inside.active)?,
            last_minute: count_from_db(inside.last_minute)?,
        };
        let now = inside.at;
        let admission = admit(&gate, line, now);
        if admission.at_most == 0 {
            return Ok(0);
        }
        let mut entering = locks::next_tokens(conn, &gate, admission.at_most, now).await?;
        let mark = mark_after(&gate, &entering, admission.at_most, count_from_db(inside.issued)?);
        entering.retain(|token| token.state == TokenState::Waiting);
        for token in &mut entering {
            token.activate(&gate.settings, self.policy.claim, now);
        }
        let admitted = entering.len() as u64;
        let next_slot = if admitted == 0 {
            gate.next_slot_at
        } else {
            Some(admission.next_slot_after(admitted))
        };
        self.let_in(lease, schedule, &entering, mark, next_slot).await?;
        Ok(admitted)
    }

    async fn let_in(
        &self,
        lease: &Lease,
        schedule: ScheduleId,
        entering: &[QueueToken],
        mark: u64,
        next_slot: Option<Timestamp>,
    ) -> Result<(), Failure> {
        let mut writes = Vec::new();
        if !entering.is_empty() {
            let entering: Vec<&QueueToken> = entering.iter().collect();
            writes.push(store_seating::change_tokens(schedule, &entering)?);
        }
        let gate = sql(MOVE_MARK)
            .bind::<SqlUuid, _>(schedule.0)
            .bind::<BigInt, _>(count_to_db(mark)?)
            .bind::<Nullable<Timestamptz>, Option<Timestamp>>(next_slot);
        writes.push(Write::of("gates", gate, 1));
        super::store::run(lease.connection()?, writes).await
    }
}

/// How far the line has moved: past everybody who was looked at.
///
/// When fewer were found than were asked for, nobody waits behind the last of them, and the mark
/// may pass everybody who had been given a number before they were looked for: else a line that
/// all have left would be looked at for ever. A fan who joins meanwhile is not passed: numbers are
/// given out under the line's lock, which is kept until its transaction ends, so whoever a
/// snapshot does not show has a higher number than all that it shows.
fn mark_after(gate: &Gate, next: &[QueueToken], asked: u64, issued_before: u64) -> u64 {
    let seen = next.iter().map(|token| token.number).max().unwrap_or_default();
    let exhausted = (next.len() as u64) < asked;
    let passed = if exhausted { issued_before } else { 0 };
    seen.max(passed).max(gate.admitted_number)
}
