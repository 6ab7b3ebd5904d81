//! How many round trips and commits a command costs. Run with `--nocapture` to see the figures.

use super::{
    proxy::{Proxy, Traffic},
    server::Database,
};
use frontrow_contract::{Fan, Plan, Stage, hold_of, pay_of, usual_policy};
use frontrow_domain::{decision::Command, storage::Storage};
use frontrow_persistence::postgres::{Postgres, PostgresSettings};

const BATCH: u32 = 64;

struct Watched {
    stage: Stage<Database>,
    proxy: Proxy,
    storage: Storage,
}

impl Watched {
    async fn start() -> Self {
        let stage = Stage::set(Database::migrated()).await;
        let proxy = Proxy::to(&stage.fixture.url()).await;
        let settings = PostgresSettings {
            url: proxy.url(),
            pool_size: 1,
            ..stage.fixture.settings(usual_policy())
        };
        let storage = Storage::of(&Postgres::connect(settings).await.expect("it opens"));
        Self { stage, proxy, storage }
    }

    /// Decides a batch and says what that took.
    async fn cost(&self, commands: Vec<Command>) -> Traffic {
        self.proxy.traffic();
        self.storage.decisions.decide_each(commands).await.expect("it answers");
        self.proxy.traffic()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_costs_two_round_trips_and_one_commit() {
    let watched = Watched::start().await;
    let show = watched
        .stage
        .show(Plan {
            seats: 200,
            ..Plan::default()
        })
        .await;
    let fans = watched.stage.insiders(&show, 2 * BATCH as usize + 2).await;
    for fan in &fans {
        watched.stage.charge(fan.user, 10_000).await;
    }
    let (warm_up, fans) = fans.split_at(1);
    let (alone, batch) = fans.split_at(1);
    let hold = |fan: &Fan, seat: u32| hold_of(fan, &show, &[seat]);

    // The first command of a kind on a connection prepares its statements.
    let mut costs = Vec::new();
    let mut number = 0;
    for (what, fans) in [
        ("", warm_up),
        ("one", alone),
        ("a batch of 64", &batch[..BATCH as usize]),
    ] {
        let first = number + 1;
        let holds: Vec<_> = fans
            .iter()
            .map(|fan| {
                number += 1;
                hold(fan, number)
            })
            .collect();
        let pays = fans
            .iter()
            .zip(&holds)
            .map(|(fan, hold)| pay_of(fan, hold.reservation_id).into());
        let pays: Vec<Command> = pays.collect();
        let holding = watched.cost(holds.into_iter().map(Command::from).collect()).await;
        let paying = watched.cost(pays).await;
        assert!(number >= first);
        if !what.is_empty() {
            costs.push((format!("hold, {what}"), holding));
            costs.push((format!("pay, {what}"), paying));
        }
    }
    for (what, cost) in costs {
        println!(
            "{what}: {} round trips, {} statements, {} commits",
            cost.round_trips, cost.statements, cost.commits
        );
        assert_eq!((cost.round_trips, cost.commits), (2, 1), "{what}");
        assert!(cost.prepared.is_empty(), "{what} prepared {:?}", cost.prepared);
    }
    watched.stage.assert_sound().await;
}
