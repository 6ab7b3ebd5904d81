//! The contract of `Idempotency-Key`, for every POST that takes one.

use e2e::{Answer, Call, Deployment, Performance, now, on_every_storage};
use serde_json::json;
use time::Duration;

on_every_storage!(
    every_success_is_repeated,
    a_repeated_credential_is_a_fresh_one,
    a_key_belongs_to_caller_and_route,
    a_refusal_uses_up_no_key,
);

/// Sent twice under one key, a call has one effect and one answer; another body is refused.
async fn repeated(call: &Call, other: &Call) -> Answer {
    let first = call.clone().key("once").await;
    assert!(matches!(first.status, 200 | 201), "{first}");
    for _ in 0..2 {
        let again = call.clone().key("once").await.expect(first.status);
        assert_eq!(again.body, first.body, "not byte for byte\n{first}{again}");
    }
    let reused = other.clone().key("once").await;
    reused.problem(422, "idempotency_key_reused");
    first
}

async fn every_success_is_repeated(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let concert = |title: &str| {
        let body = json!({ "title": title, "venue": "Seoul" });
        operator.client().post("/v1/admin/concerts", &body)
    };
    let made = repeated(&concert("Love Poem"), &concert("Palette")).await;
    let concert_id = made.text("concert_id");
    let schedule = |seats: u32| operator.try_schedule(concert_id, &Performance::of_seats(seats).starting(noon()));
    let made = repeated(&schedule(5), &schedule(6)).await;
    let show = e2e::Show {
        concert_id: concert_id.to_owned(),
        schedule_id: made.text("schedule_id").to_owned(),
        date: made.text("date").to_owned(),
        starts_at: made.text("starts_at").to_owned(),
    };
    let listed = server.get("/v1/concerts").await.expect(200);
    assert_eq!(listed.list("items").len(), 1, "{listed}");

    let mut mina = server.fan("Mina").await;
    repeated(&mina.charge(100_000), &mina.charge(100_001)).await;
    assert_eq!(mina.balance().await, 100_000);
    let join = mina.ask_for_token(&show.concert_id, &show.date);
    let joined = repeated(&join, &mina.ask_for_token(&show.concert_id, "2001-01-01")).await;
    assert_eq!(joined["status"], "issued", "what it said then\n{joined}");
    mina.enter(&show).await;
    let held = repeated(&mina.hold(&show, &[1, 2]), &mina.hold(&show, &[1])).await;
    let reservation_id = held.text("reservation_id");
    let other = json!({ "reservation_id": reservation_id, "amount": 100_000 });
    repeated(&mina.pay(reservation_id), &mina.pay_with(&other)).await;
    assert_eq!(mina.balance().await, 0);
    let stats = operator.stats(&show).await.expect(200);
    assert_eq!(
        stats["seats"],
        json!({ "available": 3, "held": 0, "sold": 2 }),
        "{stats}"
    );
    server.finish().await;
}

/// A start that is the same however often it is asked for.
fn noon() -> time::OffsetDateTime {
    let noon = time::Time::from_hms(12, 0, 0).expect("a time");
    (now() + Duration::days(30)).replace_time(noon)
}

/// No credential is kept in a record: the answer is the same but for the token, which works.
async fn a_repeated_credential_is_a_fresh_one(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let first = operator.sign_up("Mina").key("welcome").await.expect(201);
    let again = operator.sign_up("Mina").key("welcome").await.expect(201);
    assert_eq!(again["user_id"], first["user_id"], "{first}{again}");
    let path = format!("/v1/users/{}/access-tokens", first.text("user_id"));
    let renewed = operator.client().post(&path, &json!({})).key("renew").await.expect(201);
    let repeated = operator.client().post(&path, &json!({})).key("renew").await.expect(201);
    let wallet = format!("/v1/users/{}/wallet", first.text("user_id"));
    for answer in [&first, &again, &renewed, &repeated] {
        let fan = server.bearer(answer.text("access_token"));
        fan.get(&wallet).await.expect(200);
    }
    operator
        .sign_up("Jun")
        .key("welcome")
        .await
        .problem(422, "idempotency_key_reused");
    server.finish().await;
}

/// The same key of another caller, or on another route, is another key.
async fn a_key_belongs_to_caller_and_route(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    for fan in [&mina, &jun] {
        fan.charge(50_000).key("mine").await.expect(201);
        assert_eq!(fan.balance().await, 50_000);
    }
    mina.enter(&show).await;
    jun.enter(&show).await;
    let hers = mina.hold(&show, &[1]).key("mine").await.expect(201);
    let his = jun.hold(&show, &[2]).key("mine").await.expect(201);
    mina.pay(hers.text("reservation_id")).key("mine").await.expect(201);
    jun.pay(his.text("reservation_id")).key("mine").await.expect(201);
    let longest = "k".repeat(255);
    mina.charge(1).key(&longest).await.expect(201);
    let longer = "k".repeat(256);
    mina.charge(1).key(&longer).await.problem(422, "validation_failed");
    server.finish().await;
}

/// What was refused changed nothing, so it is decided anew, and the key is free for another body.
async fn a_refusal_uses_up_no_key(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.enter(&show).await;
    let in_the_way = jun.held(&show, &[1]).await;
    let hold = mina.hold(&show, &[1]).key("mine");
    hold.clone().await.problem(409, "seat_already_reserved");
    jun.release(&in_the_way).await.expect(204);
    let held = hold.await.expect(201);

    let pay = mina.pay(held.text("reservation_id")).key("mine");
    pay.clone().await.problem(402, "insufficient_balance");
    mina.charge(-1).key("mine").await.problem(422, "invalid_amount");
    mina.charge(50_000).key("mine").await.expect(201);
    pay.clone().await.expect(201);

    // The token is finished by now; the same key still tells how it went.
    pay.await.expect(201);
    mina.pay(held.text("reservation_id"))
        .await
        .problem(401, "invalid_token");
    server.finish().await;
}
