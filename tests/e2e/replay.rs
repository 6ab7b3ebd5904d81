//! The same key and body get the same answer and one effect, on whichever instance they arrive.

use crate::instances::Instances;
use e2e::{Answer, Deployment, Performance, on_every_storage};
use serde_json::json;
use std::time::{Duration, Instant};

on_every_storage!(
    an_answer_is_repeated_byte_for_byte,
    a_declined_payment_is_repeated_as_it_was,
    another_body_under_a_used_key_is_refused,
    a_refusal_is_decided_anew,
    a_silent_provider_is_asked_again_under_the_same_key,
);

#[track_caller]
fn assert_same(first: &Answer, again: &Answer) {
    assert_eq!(
        (first.status, &first.body),
        (again.status, &again.body),
        "{first}\n{again}"
    );
}

async fn an_answer_is_repeated_byte_for_byte(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fan = instances.guest_with(500_000, &show).await;
    let elsewhere = instances.spread(&fan, 1);

    let charged = fan.charge(7_000).key("one").await.expect(201);
    assert_same(&charged, &elsewhere.charge(7_000).key("one").await);

    let held = fan.hold(&show, &[3, 4]).key("two").await.expect(201);
    assert_same(&held, &elsewhere.hold(&show, &[3, 4]).key("two").await);

    let reservation = held.text("reservation_id");
    let paid = fan.pay(reservation).key("three").await.expect(201);
    assert_same(&paid, &elsewhere.pay(reservation).key("three").await);

    assert_eq!(fan.balance().await, 407_000);
    assert_eq!(fan.entries().await.list("items").len(), 3);
    instances.finish().await;
}

async fn a_declined_payment_is_repeated_as_it_was(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fan = instances.guest_with(500_000, &show).await;
    let reservation = fan.held(&show, &[3]).await;
    let body = json!({ "reservation_id": reservation, "payment_method": "decline" });

    let declined = fan.pay_with(&body).key("no").await.problem(402, "payment_failed");
    assert_same(&declined, &instances.spread(&fan, 1).pay_with(&body).key("no").await);

    assert_eq!(fan.seat_status(&show, 3).await, "available");
    assert_eq!(fan.payments().await.list("items").len(), 1);
    instances.finish().await;
}

async fn another_body_under_a_used_key_is_refused(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let fan = instances.first().fan("Mina").await;

    fan.charge(7_000).key("one").await.expect(201);
    let reused = instances.spread(&fan, 1).charge(8_000).key("one").await;

    reused.problem(422, "idempotency_key_reused");
    assert_eq!(fan.balance().await, 7_000);
    instances.finish().await;
}

async fn a_refusal_is_decided_anew(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fan = instances.guest_with(10_000, &show).await;
    let reservation = fan.held(&show, &[3]).await;

    let poor = fan.pay(&reservation).key("pay").await;
    poor.problem(402, "insufficient_balance");
    fan.charge(40_000).await.expect(201);

    instances.spread(&fan, 1).pay(&reservation).key("pay").await.expect(201);
    instances.finish().await;
}

async fn a_silent_provider_is_asked_again_under_the_same_key(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let show = instances.first().stage(&Performance::of_seats(50)).await;
    let fan = instances.guest_with(100_000, &show).await;
    let elsewhere = instances.spread(&fan, 1);
    let reservation = fan.held(&show, &[3]).await;
    let charge = json!({ "amount": 5_000, "payment_method": "timeout" });
    let payment = json!({ "reservation_id": reservation, "payment_method": "timeout" });

    let asked = Instant::now();
    let charging = fan.charge_with(&charge).key("charge");
    let (charged, paid) = tokio::join!(charging.into_future(), fan.pay_with(&payment).key("pay").into_future());
    charged.problem(503, "outcome_unknown");
    paid.problem(503, "outcome_unknown");
    assert!(
        asked.elapsed() < Duration::from_secs(5),
        "nobody waits longer than five seconds"
    );
    assert_eq!(fan.balance().await, 100_000);
    assert_eq!(fan.seat_status(&show, 3).await, "held");

    let charged = elsewhere.charge_with(&charge).key("charge").await.expect(201);
    assert_same(&charged, &fan.charge_with(&charge).key("charge").await);
    let paid = elsewhere.pay_with(&payment).key("pay").await.expect(201);
    assert_same(&paid, &fan.pay_with(&payment).key("pay").await);

    assert_eq!(fan.balance().await, 55_000);
    assert_eq!(fan.payments().await.list("items").len(), 1);
    instances.finish().await;
}
