//! Letting fans in.
//!
//! A gate's row lock makes admissions at it happen one after another, on any number of instances;
//! a gate that somebody else has is passed over. Nobody else lets fans in, so the number of those
//! inside that is counted under this lock can only be too high, never too low.

use super::{
    Inner, Mode, Postgres,
    error::Failure,
    locks,
    pool::Lease,
    sql::sql,
    store::{self, Write},
    store_seating, sweep,
};
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
        LineState, MOST_AT_ONCE, QueueToken, TokenState, admit,
        port::{Admitted, Attendant, Swept},
    },
};
use uuid::Uuid;

/// Gates that are open and behind which somebody waits. A gate and its line are looked up for each
/// open performance, of which there are few, however many gates and fans there are. Nothing is looked
/// up for a leader whose epoch is over.
const GATES: &str = "
    SELECT s.schedule_id, s.booking_opens_at, s.booking_closes_at
    FROM schedules s
    CROSS JOIN LATERAL (
        SELECT g.admitted_number FROM gates g
        WHERE g.schedule_id = s.schedule_id AND NOT g.paused LIMIT 1) gate
    CROSS JOIN LATERAL (
        SELECT FROM queue_tokens t
        WHERE t.schedule_id = s.schedule_id AND t.number > gate.admitted_number AND t.state = 'waiting'
        LIMIT 1) next
    WHERE s.booking_closes_at > statement_timestamp() AND s.booking_opens_at <= statement_timestamp()
        AND ($1 IS NULL OR EXISTS (SELECT FROM leadership WHERE one AND epoch = $1))
    ORDER BY s.schedule_id";

/// `at` is later than the snapshot of the same statement: whoever is not counted any more had left
/// before it.
const INSIDE: &str = "
    SELECT moment.at,
        (SELECT count(*) FROM queue_tokens
            WHERE schedule_id = $1 AND state = 'active') AS active,
        (SELECT count(*) FROM queue_tokens
            WHERE schedule_id = $1 AND activated_at > moment.at - interval '60 seconds') AS last_minute
    FROM (SELECT clock_timestamp() AS at OFFSET 0) AS moment";

/// Counted no further than it matters, which is soon as long as there are seats enough. The order
/// keeps the planner from looking all of them up before it looks at the first.
const UNSOLD: &str = "
    SELECT count(*) AS unsold
    FROM (SELECT FROM seats WHERE schedule_id = $1 AND status <> 'sold' ORDER BY number LIMIT $2) AS seat";

const MOVE_MARK: &str = "
    UPDATE gates SET admitted_number = $2, next_slot_at = $3, admitted = admitted + $4 WHERE schedule_id = $1";

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
}

#[derive(QueryableByName)]
struct UnsoldRow {
    #[diesel(sql_type = BigInt)]
    unsold: i64,
}

#[async_trait]
impl Attendant for Postgres {
    async fn admit_due_in(&self, epoch: Option<u64>) -> Result<Admitted, StoreError> {
        let epoch = epoch.map(count_to_db).transpose()?;
        let gates: Vec<DueGate> = self
            .query(move |_, lease| {
                let gates = sql(GATES).bind::<Nullable<BigInt>, _>(epoch);
                Box::pin(async move { Ok(gates.load(&mut lease.connection()?).await?) })
            })
            .await?;
        let mut done = Admitted::default();
        let mut trouble = None;
        let sold_out = &self.inner.sold_out;
        let gates = gates.into_iter();
        for due in gates.filter(|due| !sold_out.was_just(ScheduleId(due.schedule_id))) {
            match self.admit_at(due).await {
                Ok(step) => {
                    done.admitted += step.admitted;
                    done.more |= step.more;
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
    /// Lets in what one gate allows. Ended tokens are put away in a transaction of their own: one
    /// that held them while it waits for tokens in line could deadlock with a decision about both.
    /// However many they are, their places are taken step by step.
    async fn admit_at(&self, due: DueGate) -> Result<Admitted, StoreError> {
        let more_to_end = sweep::tokens_inside(self, ScheduleId(due.schedule_id)).await?;
        let admitted = self
            .transact(Mode::Admission, move |inner, lease| {
                Box::pin(inner.admit_at(lease, due))
            })
            .await?;
        Ok(Admitted {
            admitted,
            more: more_to_end || admitted == MOST_AT_ONCE,
        })
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
        let Some(opening) = admit(&gate, line, now) else {
            return Ok(0);
        };
        // After those inside were counted: a seat that is sold meanwhile counts against the gate, not for it.
        let unsold = unsold(lease, schedule, opening.seats_that_matter()).await?;
        if unsold == 0 {
            self.sold_out.note(schedule);
        }
        let admission = opening.with_unsold(unsold);
        if admission.at_most == 0 {
            return Ok(0);
        }
        let mut entering = locks::next_tokens(conn, &gate, admission.at_most, now).await?;
        entering.retain(|token| token.state == TokenState::Waiting);
        // Somebody who is no longer waiting left while the locks were waited for.
        let Some(mark) = entering.iter().map(|token| token.number).max() else {
            return Ok(0);
        };
        for token in &mut entering {
            token.activate(&gate.settings, self.policy.claim, now);
        }
        let admitted = entering.len() as u64;
        let next_slot = admission.next_slot_after(admitted);
        let_in(lease, schedule, &entering, mark, next_slot).await?;
        Ok(admitted)
    }
}

/// How many seats are not sold, counted up to `most`.
async fn unsold(lease: &Lease, schedule: ScheduleId, most: u64) -> Result<u64, Failure> {
    let counted = sql(UNSOLD)
        .bind::<SqlUuid, _>(schedule.0)
        .bind::<BigInt, _>(count_to_db(most)?);
    let counted: UnsoldRow = counted.get_result(&mut lease.connection()?).await?;
    Ok(count_from_db(counted.unsold)?)
}

/// Stores who is inside now, and that everybody up to this number has left the line.
async fn let_in(
    lease: &Lease,
    schedule: ScheduleId,
    entering: &[QueueToken],
    mark: u64,
    next_slot: Timestamp,
) -> Result<(), Failure> {
    let entering: Vec<&QueueToken> = entering.iter().collect();
    let gate = sql(MOVE_MARK)
        .bind::<SqlUuid, _>(schedule.0)
        .bind::<BigInt, _>(count_to_db(mark)?)
        .bind::<Timestamptz, _>(next_slot)
        .bind::<BigInt, _>(count_to_db(entering.len() as u64)?);
    let writes = vec![
        store_seating::change_tokens(schedule, &entering)?,
        Write::of("gates", gate, 1),
    ];
    store::run(lease.connection()?, writes).await
}
