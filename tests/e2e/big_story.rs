//! A whole on-sale through three instances, every request at any of them.
//!
//! `FRONTROW_E2E_FANS` says how many come. The figures are printed.

use crate::crowd::{Doors, assert_fair};
use e2e::{Deployment, Performance, Storage};
use futures_util::future::join_all;
use std::time::Instant;

/// Few enough for the gate to be full most of the time.
const INSIDE: usize = 200;

fn fans() -> usize {
    let fans = std::env::var("FRONTROW_E2E_FANS").ok();
    fans.map_or(2_000, |fans| fans.parse().expect("FRONTROW_E2E_FANS is a whole number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_that_asks_anywhere_enters_in_order() {
    let deployment = Deployment::on(Storage::Postgres)
        .with("CLAIM_SECONDS", "8")
        .with("LOG", "info,frontrow::access=warn");
    let servers = join_all((0..3).map(|_| deployment.start())).await;
    let seats = u32::try_from(fans()).expect("a hall");
    let performance = Performance::of_seats(seats).gate("max_active", INSIDE);
    let show = servers[0].stage(&performance).await;

    let started = Instant::now();
    let doors = Doors::of(&servers.iter().collect::<Vec<_>>(), &show);
    let joined = doors.let_loose(fans()).await.expect("the crowd comes to an end");
    let account = assert_fair(&deployment, &show, &joined, INSIDE).await;

    let entered = account.places.iter().filter(|place| place.entered.is_some()).count();
    println!(
        "{} fans in {:?}: {entered} entered, {} at once at the most (of {INSIDE}), {} inversions",
        joined.len(),
        started.elapsed(),
        account.most_inside,
        account.inversions
    );
    for server in servers {
        server.finish().await;
    }
}
