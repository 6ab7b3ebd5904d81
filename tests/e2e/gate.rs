//! One gate, kept by two instances on one PostgreSQL.

use crate::instances::Instances;
use e2e::{Answer, Deployment, Fan, Performance, Show, Storage, eventually, now};
use futures_util::future::join_all;
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::watch;

const INSIDE: u8 = 3;

fn entered_at(active: &Answer) -> OffsetDateTime {
    OffsetDateTime::parse(active.text("activated_at"), &Rfc3339).expect("a moment")
}

/// Waits for the turn and leaves at once, at the other instance. Tells when it entered and left.
async fn visit(fan: Fan, place: usize, instances: &Instances) -> (OffsetDateTime, OffsetDateTime) {
    let active = fan.wait_until_active().await;
    instances.spread(&fan, place + 1).leave().await.expect(204);
    (entered_at(&active), now())
}

#[tokio::test]
async fn two_instances_let_fans_in_in_order_never_too_many_and_without_delay() {
    let instances = Instances::of(&Deployment::on(Storage::Postgres)).await;
    let closed = Performance::of_seats(50).gate("max_active", INSIDE).paused();
    let show = instances.first().stage(&closed).await;
    let mut fans = Vec::new();
    for place in 0..24 {
        let mut fan = instances.get(place).fan(&format!("Fan {place}")).await;
        let joined = fan.join(&show).await.expect(201);
        assert_eq!(joined.number("position"), i64::try_from(place).unwrap() + 1);
        fans.push(fan);
    }
    let operator = instances.first().operator();
    operator
        .set_gate(&show, &serde_json::json!({ "paused": false }))
        .await
        .expect(200);

    let (done, finished) = watch::channel(false);
    let watched = watch_the_cap(&instances, &show, finished);
    let visits = async {
        let visits = fans
            .into_iter()
            .enumerate()
            .map(|(place, fan)| visit(fan, place, &instances));
        let visits = join_all(visits).await;
        done.send_replace(true);
        visits
    };
    let (visits, most) = tokio::join!(visits, watched);

    assert!(most <= i64::from(INSIDE), "{most} fans were inside");
    assert!(
        visits.is_sorted_by_key(|(entered, _)| *entered),
        "somebody was overtaken: {visits:?}"
    );
    assert_slots_were_filled_at_once(&visits);
    instances.finish().await;
}

async fn watch_the_cap(instances: &Instances, show: &Show, finished: watch::Receiver<bool>) -> i64 {
    let mut most = 0;
    let operator = instances.get(1).operator();
    while !*finished.borrow() {
        let stats = operator.stats(show).await.expect(200);
        most = most.max(stats["tokens"]["active"].as_i64().expect("a count"));
    }
    most
}

/// The n-th to leave makes room for fan n + 3. A busy machine may delay one of them, not half of them.
fn assert_slots_were_filled_at_once(visits: &[(OffsetDateTime, OffsetDateTime)]) {
    let mut left: Vec<_> = visits.iter().map(|(_, left)| *left).collect();
    left.sort_unstable();
    let entered = visits.iter().map(|(entered, _)| *entered).skip(INSIDE.into());
    let mut delays: Vec<_> = entered.zip(left).map(|(entered, left)| entered - left).collect();
    delays.sort_unstable();
    let median = delays[delays.len() / 2];
    assert!(median < Duration::from_secs(1), "slots stayed empty: {delays:?}");
}

#[tokio::test]
async fn a_place_in_line_is_the_same_on_both_instances_and_never_gets_worse() {
    let instances = Instances::of(&Deployment::on(Storage::Postgres)).await;
    let slow = Performance::of_seats(50).gate("max_active", 1).paused();
    let show = instances.first().stage(&slow).await;
    let mut ahead = instances.first().fan("Ada").await;
    let mut behind = instances.get(1).fan("Bea").await;
    ahead.join(&show).await.expect(201);
    behind.join(&show).await.expect(201);

    for place in 0..2 {
        let behind = instances.spread(&behind, place);
        eventually("the place is seen", async || {
            (behind.poll().await["position"] == 2).then_some(())
        })
        .await;
    }
    instances.spread(&ahead, 1).leave().await.expect(204);

    for place in 0..2 {
        let behind = instances.spread(&behind, place);
        eventually("the place is better", async || {
            (behind.poll().await["position"] == 1).then_some(())
        })
        .await;
    }
    instances.finish().await;
}
