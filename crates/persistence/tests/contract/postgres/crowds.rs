//! Very many fans go at once, and admission is not held up by it.
//!
//! `FRONTROW_CROWD` says how many; the figures are printed.

use super::server::Database;
use frontrow_contract::{Plan, Show, Stage};
use frontrow_domain::{
    id::{ScheduleId, TokenId, UserId},
    queue::{LeaveQueue, MOST_AT_ONCE, TokenRef, port::Admitted},
};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_postgres::Client;

/// How many commands a lane decides together.
const BATCH: usize = 256;

fn crowd() -> u64 {
    let crowd = std::env::var("FRONTROW_CROWD").ok();
    crowd.map_or(6_000, |crowd| crowd.parse().expect("FRONTROW_CROWD is a whole number"))
}

/// A gate at which `inside` fans are and have run out of time, and behind them so many wait.
async fn gate(stage: &Stage<Database>, inside: u64, waiting: u64) -> (Show, Client) {
    let mut plan = Plan::default();
    plan.gate.max_active = u32::try_from(inside.max(waiting)).expect("a cap");
    plan.seats = plan.gate.max_active;
    plan.gate.admissions_per_minute = 1_000_000;
    let show = stage.show(plan).await;
    let client = stage.fixture.client().await;
    let fill = format!(
        "INSERT INTO queue_tokens (schedule_id, token_id, user_id, number, state, issued_at, activated_at, session_seconds,
             lapses_at, admitted_under)
         SELECT '{id}', gen_random_uuid(), gen_random_uuid(), number,
             CASE WHEN number <= {inside} THEN 'active' ELSE 'waiting' END, now() - interval '1 hour',
             CASE WHEN number <= {inside} THEN now() - interval '2 minutes' END, 600,
             CASE WHEN number <= {inside} THEN now() - interval '1 minute' ELSE now() + interval '1 day' END,
             CASE WHEN number <= {inside} THEN {cap} END
         FROM generate_series(1, {inside} + {waiting}) AS number;
         UPDATE lines SET issued = {inside} + {waiting} WHERE schedule_id = '{id}';
         UPDATE gates SET admitted_number = {inside}, admitted = {inside}, next_slot_at = now() - interval '1 second' WHERE schedule_id = '{id}';
         ANALYZE queue_tokens",
        id = show.id,
        cap = inside.max(waiting),
    );
    client.batch_execute(&fill).await.expect("a crowd");
    (show, client)
}

async fn count(client: &Client, show: ScheduleId, state: &str) -> u64 {
    let count = format!("SELECT count(*) FROM queue_tokens WHERE schedule_id = '{show}' AND state = '{state}'");
    let row = client.query_one(&count, &[]).await.expect("a count");
    u64::try_from(row.get::<_, i64>(0)).expect("a count")
}

/// How long rounds of work took.
#[derive(Default)]
struct Rounds(Vec<Duration>);

impl Rounds {
    fn told(&mut self) -> String {
        self.0.sort_unstable();
        let half = self.0.get(self.0.len() / 2).copied().unwrap_or_default();
        let worst = self.0.last().copied().unwrap_or_default();
        format!(
            "{} rounds, half of them within {half:?}, the longest {worst:?}",
            self.0.len()
        )
    }
}

/// One round of admission.
async fn admit(stage: &Stage<Database>, rounds: &mut Rounds) -> Admitted {
    let started = Instant::now();
    let done = stage.storage.attendant.admit_due().await.expect("the storage answers");
    rounds.0.push(started.elapsed());
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn places_of_no_shows_are_taken_while_the_last_of_them_are_still_put_away() {
    let stage = Stage::set(Database::migrated()).await;
    let (show, client) = gate(&stage, crowd(), crowd()).await;
    let (started, mut rounds) = (Instant::now(), Rounds::default());

    let first = admit(&stage, &mut rounds).await;
    let silent = count(&client, show.id, "expired").await;
    assert_eq!(first.admitted, MOST_AT_ONCE, "the first round lets fans in");
    assert!(first.more && silent < crowd(), "{silent} were put away before");

    let mut entered = first.admitted;
    while entered < crowd() {
        let done = admit(&stage, &mut rounds).await;
        assert!(done.admitted > 0, "{entered} of {} have entered", crowd());
        entered += done.admitted;
    }
    println!(
        "{} no-shows made room in {:?}: {}",
        crowd(),
        started.elapsed(),
        rounds.told()
    );
    stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fans_enter_while_very_many_leave() {
    let stage = Stage::set(Database::migrated()).await;
    let (show, client) = gate(&stage, 0, 2 * crowd()).await;
    let leaving = format!(
        "SELECT token_id::text, user_id::text FROM queue_tokens WHERE schedule_id = '{}' AND number % 2 = 0 ORDER BY number",
        show.id
    );
    let leaving = client.query(&leaving, &[]).await.expect("tokens");
    let leave = |row: &tokio_postgres::Row| LeaveQueue {
        token: TokenRef {
            id: TokenId::from_client(row.get(0)),
            schedule_id: show.id,
            user_id: UserId::from_client(row.get(1)),
        },
    };
    let batches: Vec<Vec<_>> = leaving
        .chunks(BATCH)
        .map(|rows| rows.iter().map(|row| leave(row).into()).collect())
        .collect();
    let (done, gone) = watch::channel(false);
    let started = Instant::now();
    let decisions = stage.storage.decisions.clone();
    let leaving = tokio::spawn(async move {
        let mut rounds = Rounds::default();
        for batch in batches {
            let began = Instant::now();
            decisions.decide_each(batch).await.expect("the storage answers");
            rounds.0.push(began.elapsed());
        }
        done.send_replace(true);
        (started.elapsed(), rounds)
    });
    let mut rounds = Rounds::default();
    let mut entered = 0;
    while !*gone.borrow() {
        entered += admit(&stage, &mut rounds).await.admitted;
    }
    let (took, mut batches) = leaving.await.expect("they leave");
    println!("{} left in {took:?}: {}", crowd(), batches.told());
    println!("{entered} entered meanwhile: {}", rounds.told());
    let mut rounds = Rounds::default();
    while count(&client, show.id, "waiting").await > 0 {
        admit(&stage, &mut rounds).await;
    }
    println!("the others entered: {}", rounds.told());
    stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_of_very_many_goes_in_steps_and_holds_nobody_up() {
    let stage = Stage::set(Database::migrated()).await;
    let (over, client) = gate(&stage, crowd(), 0).await;
    let (open, _) = gate(&stage, 0, crowd()).await;
    let attendant = stage.storage.attendant.clone();
    let sweeping = tokio::spawn(async move {
        let started = Instant::now();
        let swept = attendant.sweep().await.expect("the storage answers");
        (swept.tokens, started.elapsed())
    });
    let mut rounds = Rounds::default();
    while count(&client, open.id, "waiting").await > 0 {
        admit(&stage, &mut rounds).await;
    }
    let (swept, took) = sweeping.await.expect("it ends");
    println!("{swept} were swept in {took:?}; meanwhile {}", rounds.told());
    while count(&client, over.id, "active").await > 0 {
        stage.storage.attendant.sweep().await.expect("the storage answers");
    }
    stage.assert_sound().await;
}
