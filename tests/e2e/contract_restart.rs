//! What outlives the process.

use e2e::{Deployment, Performance, Storage};
use serde_json::json;

#[tokio::test]
async fn a_restart_loses_nothing_on_sqlite() {
    Box::pin(a_restart_loses_nothing(Deployment::on(Storage::Sqlite))).await;
}

#[tokio::test]
async fn a_restart_loses_nothing_on_postgres() {
    Box::pin(a_restart_loses_nothing(Deployment::on(Storage::Postgres))).await;
}

/// Places in line, holds, money, payments and recorded answers are there after a restart, under the same credentials.
async fn a_restart_loses_nothing(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 2)).await;
    let mut mina = server.fan_with("Mina", 150_000).await;
    let (mut jun, mut somi) = (server.fan("Jun").await, server.fan("Somi").await);
    mina.enter(&show).await;
    jun.enter(&show).await;
    somi.join(&show).await.expect(201);
    let bought = mina.held(&show, &[1]).await;
    let held = mina.hold(&show, &[2, 3]).key("hold").await.expect(201);
    let paid = mina.pay(&bought).key("pay").await.expect(201);
    let his = jun.held(&show, &[4]).await;

    let server = server.restart().await;
    let (mina, jun, somi) = (mina.at(&server), jun.at(&server), somi.at(&server));
    assert_eq!(mina.balance().await, 100_000);
    let history = mina.payments().await.expect(200);
    assert_eq!(history.list("items")[0]["payment_id"], paid["payment_id"], "{history}");
    let map = mina.seats(&show).await.expect(200);
    let statuses: Vec<_> = map.list("seats").iter().map(|seat| &seat["status"]).collect();
    assert_eq!(statuses, ["sold", "held", "held", "held", "available"], "{map}");
    let waiting = somi.poll().await.expect(200);
    assert_eq!(waiting["position"], 1, "{waiting}");
    assert_eq!(mina.hold(&show, &[2, 3]).key("hold").await.expect(201).body, held.body);
    assert_eq!(mina.pay(&bought).key("pay").await.expect(201).body, paid.body);

    // And the story goes on where it stopped.
    mina.pay(held.text("reservation_id")).await.expect(201);
    somi.wait_until_active().await;
    jun.release(&his).await.expect(204);
    let stats = server.operator().stats(&show).await.expect(200).shows(&json!({
        "seats": { "available": 2, "held": 0, "sold": 3 },
        "tokens": { "waiting": 0, "active": 2, "completed": 1, "expired": 0, "left": 0 },
        "reservations": { "held": 0, "confirmed": 2, "expired": 0, "released": 1 },
    }));
    assert_eq!(stats["revenue"], 150_000, "{stats}");
    server.finish().await;
}
