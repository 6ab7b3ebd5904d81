//! Seed 002: the scheduler that frees seats whose time is over.

use e2e::{Deployment, Fan, Performance, Server, Show, eventually, on_every_deployment};
use serde_json::{Value, json};

on_every_deployment!(releasing_lapsed_holds);

/// 임시 배정 해제 스케줄러
async fn releasing_lapsed_holds(deployment: Deployment) {
    let server = deployment.with("HOLD_SECONDS", "2").start().await;
    let show = server.stage(&Performance::of_seats(3)).await;
    let mut mina = server.fan("Mina").await;
    let mut jun = server.fan_with("Jun", 50_000).await;
    mina.enter(&show).await;
    jun.enter(&show).await;

    // loop, with nothing to release: one seat sold, one given back.
    let bought = jun.held(&show, &[1]).await;
    jun.pay(&bought).await.expect(201);
    let given_back = mina.held(&show, &[2]).await;
    mina.release(&given_back).await.expect(204);
    assert_eq!(reservations(&server, &show).await, counts(0, 1, 0, 1));

    // loop, with a lapsed hold: its seats are free again, the reservation is over.
    let lapsing = mina.held(&show, &[2, 3]).await;
    assert_eq!(reservations(&server, &show).await, counts(1, 1, 0, 1));
    assert_eq!(statuses(&mina, &show).await, ["sold", "held", "held"]);
    let freed = async || (statuses(&mina, &show).await == ["sold", "available", "available"]).then_some(());
    eventually("the seats are free again", freed).await;
    let over = mina.reservation(&lapsing).await.expect(200);
    assert_eq!(over["state"], "expired", "{over}");
    let swept = async || (reservations(&server, &show).await == counts(0, 1, 1, 1)).then_some(());
    eventually("the books say so", swept).await;

    // What is over cannot be released or paid, and the seats are there for others.
    mina.release(&lapsing).await.problem(409, "reservation_not_held");
    mina.pay(&lapsing).await.problem(409, "reservation_not_held");
    let mut somi = server.fan("Somi").await;
    somi.enter(&show).await;
    somi.held(&show, &[2, 3]).await;
    server.finish().await;
}

/// How many reservations there are, by state.
async fn reservations(server: &Server, show: &Show) -> Value {
    let stats = server.operator().stats(show).await.expect(200);
    stats["reservations"].clone()
}

fn counts(held: u32, confirmed: u32, expired: u32, released: u32) -> Value {
    json!({ "held": held, "confirmed": confirmed, "expired": expired, "released": released })
}

async fn statuses(fan: &Fan, show: &Show) -> Vec<Value> {
    let map = fan.seats(show).await.expect(200);
    let statuses = map.list("seats").iter().map(|seat| seat["status"].clone());
    statuses.collect()
}
