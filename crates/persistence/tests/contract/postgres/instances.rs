//! Two instances on one database are as one.

use super::server::{Database, shown};
use frontrow_contract::{Plan, Show, Stage, hold_of, usual_policy};
use frontrow_domain::{
    decision::{Command, Verdict, port::Decisions},
    queue::GateSettings,
    seating::HoldRefusal,
    storage::Storage,
};
use frontrow_persistence::metrics::StoreMetrics;
use std::sync::Arc;
use tokio::sync::Barrier;

struct TwoInstances {
    stage: Stage<Database>,
    instances: [Storage; 2],
    metrics: StoreMetrics,
}

impl TwoInstances {
    async fn start() -> Self {
        let stage = Stage::set(Database::migrated()).await;
        let metrics = StoreMetrics::default();
        let database = &stage.fixture;
        let instances = [
            Storage::of(&database.open_counting(usual_policy(), &metrics).await),
            Storage::of(&database.open_counting(usual_policy(), &metrics).await),
        ];
        Self {
            stage,
            instances,
            metrics,
        }
    }

    /// Decides batches at once, every other one on the other instance.
    async fn race(&self, batches: Vec<Vec<Command>>) -> Vec<Verdict> {
        let start = Arc::new(Barrier::new(batches.len()));
        let mut racing = Vec::new();
        for (number, batch) in batches.into_iter().enumerate() {
            let decisions: Arc<dyn Decisions> = self.instances[number % 2].decisions.clone();
            let start = start.clone();
            racing.push(tokio::spawn(async move {
                start.wait().await;
                decisions.decide_each(batch).await
            }));
        }
        let mut verdicts = Vec::new();
        for batch in racing {
            verdicts.extend(batch.await.expect("it ends").expect("the storage answers"));
        }
        verdicts
    }

    async fn show(&self) -> Show {
        self.stage.show(Plan::default()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_holds_of_one_seat_have_one_winner() {
    let two = TwoInstances::start().await;
    let show = two.show().await;
    let fans = two.stage.insiders(&show, 40).await;
    let holds = fans.iter().map(|fan| vec![hold_of(fan, &show, &[7]).into()]);
    let verdicts = two.race(holds.collect()).await;
    let held = verdicts
        .iter()
        .filter(|verdict| matches!(verdict, Verdict::HoldSeats(Ok(_))))
        .count();
    let taken = |verdict: &&Verdict| matches!(verdict, Verdict::HoldSeats(Err(HoldRefusal::SeatsTaken(seats))) if seats == &[7]);
    assert_eq!((held, verdicts.iter().filter(taken).count()), (1, 39));
    two.stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_want_the_same_rows_in_any_order_never_wait_for_each_other_in_a_circle() {
    let two = TwoInstances::start().await;
    let show = two.show().await;
    let other_show = two.show().await;
    let fans = two.stage.insiders(&show, 8).await;
    let others = two.stage.insiders(&other_show, 8).await;
    for round in 0..5_u32 {
        let seat = |number: usize| u32::try_from(number).expect("small") + 1;
        let mut holds: Vec<Command> = Vec::new();
        for (number, (fan, other)) in fans.iter().zip(&others).enumerate() {
            holds.push(hold_of(fan, &show, &[seat(number), 20 - round]).into());
            holds.push(hold_of(other, &other_show, &[20 - round, seat(number)]).into());
        }
        let mut backwards: Vec<Command> = Vec::new();
        for (number, (fan, other)) in fans.iter().zip(&others).enumerate().rev() {
            backwards.push(hold_of(other, &other_show, &[seat(7 - number), 15]).into());
            backwards.push(hold_of(fan, &show, &[15, seat(7 - number)]).into());
        }
        two.race(vec![holds.clone(), backwards, holds]).await;
    }
    // A deadlock would be resolved after a second by running a batch again, and be counted.
    let figures = shown(&two.metrics);
    assert!(!figures.contains("reason="), "{figures}");
    two.stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_let_in_as_one() {
    let two = TwoInstances::start().await;
    let gate = GateSettings {
        max_active: 12,
        admissions_per_minute: 6_000,
        session_seconds: 600,
        paused: false,
    };
    let show = two
        .stage
        .show(Plan {
            gate,
            ..Plan::default()
        })
        .await;
    let users = two.stage.fans(40).await;
    two.stage.line_up(&show, &users).await;
    let mut inside = 0;
    while inside < 12 {
        let admitting = two.instances.clone().map(|instance| {
            tokio::spawn(async move {
                instance.attendant.sweep().await.expect("it sweeps");
                instance.attendant.admit_due().await.expect("it admits").admitted
            })
        });
        for admitting in admitting {
            inside += admitting.await.expect("it ends");
        }
    }
    for instance in &two.instances {
        assert_eq!(instance.attendant.admit_due().await.map(|done| done.admitted), Ok(0));
    }
    let entered = two.stage.books(&show).await.tokens;
    let entered: Vec<u64> = entered
        .iter()
        .filter(|token| token.activated_at.is_some())
        .map(|token| token.number)
        .collect();
    assert_eq!(entered, (1..=12).collect::<Vec<u64>>());
    two.stage.assert_sound().await;
}
