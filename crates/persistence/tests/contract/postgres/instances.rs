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
        let plan = Plan {
            seats: 50,
            ..Plan::default()
        };
        self.stage.show(plan).await
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

/// Four crowds, each of fans of its own, want the same seats of two performances in different
/// orders. Every batch locks all of them, also when it is refused.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_want_the_same_rows_never_wait_for_each_other_in_a_circle() {
    let two = TwoInstances::start().await;
    let shows = [two.show().await, two.show().await];
    let mut crowds = Vec::new();
    for _ in 0..4 {
        crowds.push([
            two.stage.insiders(&shows[0], 4).await,
            two.stage.insiders(&shows[1], 4).await,
        ]);
    }
    let wishes: [[u32; 4]; 4] = [[1, 5, 9, 13], [14, 2, 6, 10], [11, 15, 3, 7], [8, 12, 16, 4]];
    for _ in 0..10 {
        let batches = crowds.iter().enumerate().map(|(number, crowd)| {
            let mut batch: Vec<Command> = Vec::new();
            for (show, fans) in shows.iter().zip(crowd) {
                let holds = fans
                    .iter()
                    .zip(&wishes)
                    .map(|(fan, seats)| hold_of(fan, show, seats).into());
                batch.extend(holds);
            }
            batch.rotate_left(2 * number);
            batch
        });
        two.race(batches.collect()).await;
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
