//! The contract of payments: the order of checks, and a provider with moods.

use crate::refusals::needs_both_tokens;
use e2e::{Answer, Deployment, Fan, Performance, Show, eventually, now, on_every_storage, sorted_fields, unknown_id};
use serde_json::{Value, json};
use time::Duration;

on_every_storage!(
    paying,
    a_provider_that_does_not_answer,
    no_provider_at_all,
    reading_payments,
);

/// `POST /v1/payments`, check by check: each next request is wrong in one thing less.
async fn paying(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(6).gate("max_active", 2)).await;
    let other_day = Performance::of_seats(4).starting(now() + Duration::days(31));
    let other_day = server.operator().schedule(&show.concert_id, &other_day).await;
    let (mut mina, mut jun, mut somi) = (
        server.fan("Mina").await,
        server.fan("Jun").await,
        server.fan("Somi").await,
    );
    mina.enter(&show).await;
    jun.enter(&show).await;
    somi.join(&show).await.expect(201);
    let other_days = {
        let mut elsewhere = jun.clone();
        elsewhere.enter(&other_day).await;
        elsewhere.held(&other_day, &[1]).await
    };
    let given_back = jun.held(&show, &[1]).await;
    jun.release(&given_back).await.expect(204);
    let his = jun.held(&show, &[1]).await;
    let hers = mina.held(&show, &[2, 3]).await;

    let ask = |reservation: &str, amount: Value, method: &str| json!({ "reservation_id": reservation, "amount": amount, "payment_method": method });
    refuses_bodies(&mina, &hers).await;
    let nothing = ask(&unknown_id(), json!("much"), "decline");
    somi.pay_with(&nothing).await.problem(403, "token_not_active");
    let borrowed = mina.pay_with(&nothing).queue_token(&jun.queue_token);
    borrowed.await.problem(403, "user_mismatch");

    for amount in [json!("100000"), json!(0), json!(-1), json!(0.5), json!([1])] {
        let body = json!({ "reservation_id": unknown_id(), "amount": amount, "user_id": jun.user_id });
        mina.pay_with(&body).await.problem(422, "invalid_amount");
    }
    let named = json!({ "reservation_id": unknown_id(), "amount": 1, "user_id": jun.user_id });
    mina.pay_with(&named).await.problem(403, "user_mismatch");
    for id in [unknown_id().as_str(), "no-uuid"] {
        let body = ask(id, json!(1), "decline");
        mina.pay_with(&body).await.problem(404, "invalid_reservation");
    }
    let body = ask(&other_days, json!(1), "decline");
    mina.pay_with(&body).await.problem(403, "token_scope_mismatch");
    let body = ask(&given_back, json!(1), "decline");
    mina.pay_with(&body).await.problem(409, "reservation_not_held");
    let body = ask(&his, json!(1), "decline");
    mina.pay_with(&body).await.problem(403, "user_mismatch");
    let body = ask(&hers, json!(1), "decline");
    mina.pay_with(&body).await.problem(422, "amount_mismatch");
    let body = ask(&hers, json!(100_000), "decline");
    mina.pay_with(&body).await.problem(402, "insufficient_balance");
    let kept = mina.reservation(&hers).await.expect(200);
    assert_eq!(kept["state"], "held", "{kept}");
    let none = mina.payments().await.expect(200);
    assert!(
        none.list("items").is_empty(),
        "earlier refusals leave no record\n{none}"
    );

    mina.charge(100_000).await.expect(201);
    mina.pay_with(&body).await.problem(402, "payment_failed");
    let released = mina.reservation(&hers).await.expect(200);
    assert_eq!(released["state"], "released", "{released}");
    let again = mina.held(&show, &[2, 3]).await;
    // The amount is compared as a number, however it is written.
    let written = format!(r#"{{"reservation_id":"{again}","amount":1.0e5}}"#);
    let paid = mina.pay_with(&json!(null)).raw(written).await.expect(201);
    let fields = [
        "amount",
        "balance",
        "currency",
        "paid_at",
        "payment_id",
        "reservation_id",
        "seat_numbers",
        "status",
        "user_id",
    ];
    assert_eq!(paid.fields(), fields, "{paid}");
    assert_eq!(mina.balance().await, 0);
    server.finish().await;
}

/// The credentials come before the body, the body before everything in it.
async fn refuses_bodies(mina: &Fan, reservation_id: &str) {
    needs_both_tokens(&mina.pay_with(&json!({ "amount": 1 })), mina).await;
    let unreadable = mina.pay_with(&json!(null)).raw("pay!");
    unreadable.await.problem(400, "malformed_request");
    for body in [
        json!({}),
        json!({ "reservation_id": 7 }),
        json!({ "reservation_id": reservation_id, "payment_method": 7 }),
        json!({ "reservation_id": reservation_id, "user_id": 7 }),
        json!({ "reservation_id": reservation_id, "paid": true }),
    ] {
        mina.pay_with(&body).await.problem(422, "validation_failed");
    }
}

/// `outcome_unknown` keeps the hold, and the same key asks again.
async fn a_provider_that_does_not_answer(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan_with("Mina", 50_000).await;
    mina.enter(&show).await;
    let reservation_id = mina.held(&show, &[1]).await;
    let payment = mina.pay_with(&json!({ "reservation_id": reservation_id, "payment_method": "timeout" }));
    let payment = payment.key("pay-once");
    let charge = mina.charge_with(&json!({ "amount": 1_000, "payment_method": "timeout" }));
    let charge = charge.key("charge-once");

    // While the provider is asked, the key is taken.
    let meanwhile = async || {
        let answer = payment.clone().await;
        (answer.json["code"] == "request_in_progress").then_some(answer)
    };
    let (paid, charged, twice) = tokio::join!(
        payment.clone().into_future(),
        charge.clone().into_future(),
        eventually("the key is taken", meanwhile)
    );
    twice.problem(409, "request_in_progress");
    for unanswered in [&paid, &charged] {
        let unanswered = unanswered.clone().problem(503, "outcome_unknown");
        assert!(unanswered.has("retry_after_seconds"), "{unanswered}");
    }

    // Nothing has happened yet.
    assert_eq!(mina.balance().await, 50_000);
    let kept = mina.reservation(&reservation_id).await.expect(200);
    assert_eq!(kept["state"], "held", "{kept}");

    // The same keys ask again, once and for all.
    let paid = payment.clone().await.expect(201);
    assert_eq!(payment.await.expect(201).body, paid.body);
    let charged = charge.clone().await.expect(201);
    assert_eq!(charge.await.expect(201).body, charged.body);
    assert_eq!(mina.balance().await, 1_000);
    assert_eq!(amounts(&mina).await, [1_000, -50_000, 50_000]);
    server.finish().await;
}

/// `FRONTROW_PAYMENTS=none`: nobody can charge, payments need no approval.
async fn no_provider_at_all(deployment: Deployment) {
    let server = deployment.with("PAYMENTS", "none").start().await;
    let free = json!({ "count": 2, "price": 50_000 });
    let show = server.stage(&Performance::of(free)).await;
    let mut mina = server.fan("Mina").await;
    mina.enter(&show).await;
    mina.charge(-1).await.problem(422, "invalid_amount");
    mina.charge(1_000).await.problem(503, "provider_unavailable");
    assert_eq!(mina.wallet().await.expect(200)["wallet_id"], Value::Null);
    let reservation_id = mina.held(&show, &[1]).await;
    mina.pay(&reservation_id).await.problem(402, "insufficient_balance");
    server.finish().await;
}

/// `GET /v1/users/{user_id}/payments`.
async fn reading_payments(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan_with("Mina", 100_000).await;
    mina.enter(&show).await;
    let declined = declined(&mina, &show).await;
    let bought = mina.held(&show, &[1]).await;
    mina.pay(&bought).await.expect(201);
    let history = mina.payments().await.expect(200);
    let items = history.list("items");
    assert_eq!(items.len(), 2, "{history}");
    assert_eq!(
        items[0]["reservation_id"],
        bought.as_str(),
        "the newest first\n{history}"
    );
    assert_eq!(items[1]["reservation_id"], declined.as_str(), "{history}");
    for item in items {
        let fields = [
            "amount",
            "created_at",
            "currency",
            "paid_at",
            "payment_id",
            "payment_method",
            "reservation_id",
            "seat_numbers",
            "status",
        ];
        assert_eq!(sorted_fields(item), fields, "{history}");
    }
    server.finish().await;
}

/// A reservation whose payment was declined.
async fn declined(fan: &Fan, show: &Show) -> String {
    let reservation_id = fan.held(show, &[3]).await;
    let body = json!({ "reservation_id": reservation_id, "payment_method": "decline" });
    fan.pay_with(&body).await.problem(402, "payment_failed");
    reservation_id
}

/// The amounts of all entries, the newest first.
async fn amounts(fan: &Fan) -> Vec<Value> {
    let entries: Answer = fan.entries().await.expect(200);
    entries
        .list("items")
        .iter()
        .map(|entry| entry["amount"].clone())
        .collect()
}
