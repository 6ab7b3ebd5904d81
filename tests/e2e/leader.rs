//! Three instances on one PostgreSQL, and what happens to the line when the one that leads falls silent under load.
//!
//! How long the line stood still is printed. `FRONTROW_E2E_FROZEN_SECONDS` says how much longer an instance is frozen than the line needs.

use crate::crowd::{Doors, assert_fair, places};
use e2e::{Deployment, Partition, Performance, Server, Show, Storage, eventually};
use futures_util::future::join_all;
use std::time::Duration;

const FANS: u32 = 240;

const INSIDE: usize = 20;

/// How many fans have to enter for the line to be called moving.
const MOVING: usize = 40;

/// Whether this instance lets fans in for all.
pub async fn leads(server: &Server) -> bool {
    let metrics = server.get("/metrics").await.expect(200);
    String::from_utf8_lossy(&metrics.body)
        .lines()
        .any(|line| line == "frontrow_leader 1")
}

/// Three instances with a line in front of them.
struct House {
    deployment: Deployment,
    servers: Vec<Server>,
    ways: Vec<Partition>,
    show: Show,
    database: tokio_postgres::Client,
}

impl House {
    async fn open() -> Self {
        let deployment = Deployment::on(Storage::Postgres)
            .with("CLAIM_SECONDS", "8")
            .with("LOG", "info,frontrow::access=warn");
        let ways = join_all((0..3).map(|_| Partition::before(deployment.storage_url()))).await;
        let start = |way: &Partition| deployment.clone().with("STORAGE", way.url());
        let servers: Vec<_> = ways.iter().map(start).collect();
        let servers = join_all(servers.iter().map(Deployment::start)).await;
        let performance = Performance::of_seats(FANS).gate("max_active", INSIDE);
        let show = servers[0].stage(&performance).await;
        let database = deployment.database().await;
        Self {
            deployment,
            servers,
            ways,
            show,
            database,
        }
    }

    /// The one that leads, out of these.
    async fn leader(&self, among: impl IntoIterator<Item = usize> + Clone) -> usize {
        eventually("one instance leads", async || {
            for place in among.clone() {
                if leads(&self.servers[place]).await {
                    return Some(place);
                }
            }
            None
        })
        .await
    }

    async fn entered(&self) -> usize {
        let places = places(&self.database, &self.show).await;
        places.iter().filter(|place| place.entered.is_some()).count()
    }

    async fn until_it_moves(&self) {
        let before = self.entered().await;
        let moves = async || (self.entered().await >= before + MOVING).then_some(());
        eventually("the line moves", moves).await;
    }

    /// The moment by the database's clock, in microseconds.
    async fn now(&self) -> i64 {
        let now = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
        self.database
            .query_one(now, &[])
            .await
            .expect("the database answers")
            .get(0)
    }

    /// The longest time between two entries from a moment on.
    async fn stood_still(&self, since: i64) -> Duration {
        let places = places(&self.database, &self.show).await;
        let mut entries: Vec<i64> = places.iter().filter_map(|place| place.entered).collect();
        entries.sort_unstable();
        let pauses = entries.windows(2).filter(|pair| pair[1] >= since);
        let longest = pauses.map(|pair| pair[1] - pair[0].max(since)).max();
        Duration::from_micros(longest.and_then(|micros| u64::try_from(micros).ok()).expect("entries"))
    }
}

/// The line moves while all is well; then `silence` takes the leader away, another one leads and the line moves again;
/// then `back` brings it back, where that is possible.
async fn the_leader_falls_silent(
    what: &str,
    silence: impl AsyncFnOnce(&mut House, usize) -> Vec<usize>,
    back: impl AsyncFnOnce(&House, usize),
) {
    let mut house = House::open().await;
    let doors = Doors::of(&house.servers.iter().collect::<Vec<_>>(), &house.show);
    let crowd = doors.let_loose(FANS as usize);
    house.until_it_moves().await;
    let leader = house.leader(0..3).await;

    let since = house.now().await;
    let others = silence(&mut house, leader).await;
    house.leader(others.iter().copied()).await;
    house.until_it_moves().await;
    let still = house.stood_still(since).await;
    println!("{what}: the line stood still for {still:?} at the most");
    back(&house, leader).await;

    let joined = crowd.await.expect("the crowd comes to an end");
    let account = assert_fair(&house.deployment, &house.show, &joined, INSIDE).await;
    assert_eq!(account.places.len(), FANS as usize);
    let House { servers, ways, .. } = house;
    for server in servers {
        server.finish().await;
    }
    drop(ways);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_followed_by_another() {
    let kill = async |house: &mut House, leader: usize| {
        house.servers.remove(leader).kill();
        vec![0, 1]
    };
    the_leader_falls_silent("killed", kill, async |_, _| {}).await;
}

fn others(leader: usize) -> Vec<usize> {
    (0..3).filter(|place| *place != leader).collect()
}

/// It is an instance like the others again.
async fn follows(house: &House, leader: usize) {
    let follows = async || (!leads(&house.servers[leader]).await).then_some(());
    eventually("it does not lead any more", follows).await;
    let ready = async || (house.servers[leader].get("/health/ready").await.status == 200).then_some(());
    eventually("it is ready", ready).await;
    house.leader(others(leader)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_frozen_wakes_up_as_one_of_the_others() {
    let least = std::env::var("FRONTROW_E2E_FROZEN_SECONDS").ok();
    let least = least.map_or(0, |seconds| seconds.parse().expect("seconds"));
    let freeze = async |house: &mut House, leader: usize| {
        house.servers[leader].freeze();
        others(leader)
    };
    let thaw = async |house: &House, leader: usize| {
        tokio::time::sleep(Duration::from_secs(least)).await;
        house.servers[leader].thaw();
        follows(house, leader).await;
    };
    the_leader_falls_silent("frozen", freeze, thaw).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_cut_off_from_the_database_is_followed_by_another() {
    let cut = async |house: &mut House, leader: usize| {
        house.ways[leader].cut();
        others(leader)
    };
    let heal = async |house: &House, leader: usize| {
        house.ways[leader].heal();
        follows(house, leader).await;
    };
    the_leader_falls_silent("cut off", cut, heal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_told_to_stop_leaves_no_gap() {
    let stop = async |house: &mut House, leader: usize| {
        let stopped = house.servers.remove(leader).stop().await;
        assert!(stopped.success(), "the server stopped with {stopped}");
        vec![0, 1]
    };
    the_leader_falls_silent("told to stop", stop, async |_, _| {}).await;
}
