//! The five diagrams of seed 004, in its order.

use crate::refusals::{needs_an_access_token, needs_both_tokens};
use e2e::{Deployment, Fan, Performance, Show, forged, on_every_deployment, unknown_id};
use serde_json::json;

on_every_deployment!(
    issuing_a_user_token,
    listing_dates_and_seats,
    reserving_seats,
    charging_the_balance,
    paying,
);

/// 유저 토큰 발급 API
async fn issuing_a_user_token(deployment: Deployment) {
    let server = deployment.with("SIGNUP", "open").start().await;
    let show = server.stage(&Performance::of_seats(5).paused()).await;
    let client = server.anonymous();
    let signed_up = client.post("/v1/users", &json!({ "name": "Mina" })).await.expect(201);
    assert_eq!(signed_up["name"], "Mina", "{signed_up}");
    let mut mina = Fan::new(&client, &signed_up);

    // else: who asks is no member.
    let body = json!({ "concert_id": show.concert_id, "date": show.date });
    client
        .post("/v1/queue/tokens", &body)
        .await
        .problem(401, "invalid_token");
    let forged = server.bearer(&forged(&mina.access_token));
    forged
        .post("/v1/queue/tokens", &body)
        .await
        .problem(401, "invalid_token");
    let for_nobody = json!({ "concert_id": show.concert_id, "date": show.date, "user_id": unknown_id() });
    let operator = server.operator();
    let for_nobody = operator.client().post("/v1/queue/tokens", &for_nobody);
    for_nobody.await.problem(404, "invalid_user");

    // alt: she is: the token is stored, and comes with where she stands.
    let issued = mina.join(&show).await.expect(201).shows(&json!({
        "status": "issued",
        "state": "waiting",
        "user_id": mina.user_id,
        "position": 1,
    }));
    assert!(issued["queue_token"].is_string(), "{issued}");

    // loop: she asks whether it is still good.
    for _ in 0..3 {
        let good = mina.poll().await.expect(200);
        assert_eq!(good["status"], "waiting", "{good}");
        assert_eq!(good["issued_at"], issued["issued_at"], "{good}");
    }
    operator.set_gate(&show, &json!({ "paused": false })).await.expect(200);
    let inside = mina.wait_until_active().await;
    assert_eq!(inside["issued_at"], issued["issued_at"], "{inside}");

    // A member gets another access token as long as the one in hand is good, and both are good then.
    let path = format!("/v1/users/{}/access-tokens", mina.user_id);
    let renewed = mina.client().post(&path, &json!({})).await.expect(201);
    assert_eq!(renewed["user_id"], mina.user_id.as_str(), "{renewed}");
    let elsewhere = server.bearer(renewed.text("access_token"));
    let wallet = format!("/v1/users/{}/wallet", mina.user_id);
    elsewhere.get(&wallet).await.expect(200);
    mina.wallet().await.expect(200);
    server.finish().await;
}

/// 예약 가능 날짜 / 좌석 API
async fn listing_dates_and_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let sections = json!({ "sections": [
        { "name": "A", "rows": 1, "seats_per_row": 2, "price": 99_000 },
        { "name": "B", "rows": 2, "seats_per_row": 1, "price": 55_000 },
    ]});
    let show = server.stage(&Performance::of(sections)).await;
    let mut mina = server.fan("Mina").await;
    mina.enter(&show).await;

    // The dates that can be booked.
    let dates = mina.dates(&show.concert_id).await.expect(200);
    assert_eq!(dates.list("dates").len(), 1, "{dates}");
    assert_eq!(dates.list("dates")[0]["date"], show.date.as_str(), "{dates}");

    // The seats of one date that can be booked: numbered through all sections, each with its price.
    mina.held(&show, &[2]).await;
    let map = mina.available_seats(&show).await.expect(200);
    let seats: Vec<_> = map
        .list("seats")
        .iter()
        .map(|seat| json!([seat["seat_number"], seat["section"], seat["price"]]))
        .collect();
    let expected = [
        json!([1, "A", 99_000]),
        json!([3, "B", 55_000]),
        json!([4, "B", 55_000]),
    ];
    assert_eq!(seats, expected, "{map}");
    server.finish().await;
}

/// 좌석 예약 요청 API
async fn reserving_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan("Mina").await;
    mina.enter(&show).await;
    needs_both_tokens(&mina.hold(&show, &[1]), &mina).await;

    // The date and the seats are checked.
    let never = Show {
        date: "no date".to_owned(),
        ..show.clone()
    };
    mina.hold(&never, &[1]).await.problem(404, "invalid_date");
    mina.hold(&show, &[]).await.problem(422, "validation_failed");
    mina.hold(&show, &[1, 1]).await.problem(422, "validation_failed");
    mina.hold(&show, &[0]).await.problem(404, "invalid_seat");
    mina.hold(&show, &[5]).await.problem(404, "invalid_seat");

    // The seats are stored as reserved, and the answer says which.
    let held = mina.hold(&show, &[4, 2]).await.expect(201);
    assert_eq!(held["status"], "success", "{held}");
    assert_eq!(held["seat_numbers"], json!([2, 4]), "{held}");
    let stored = mina.reservation(held.text("reservation_id")).await.expect(200);
    assert_eq!(stored["seat_numbers"], json!([2, 4]), "{stored}");
    for (seat, status) in [(1, "available"), (2, "held"), (3, "available"), (4, "held")] {
        assert_eq!(mina.seat_status(&show, seat).await, status, "seat {seat}");
    }
    server.finish().await;
}

/// 잔액 충전 / 조회 API
async fn charging_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);

    // The user and the amount are checked.
    needs_an_access_token(&mina.charge(1_000), &mina).await;
    let path = format!("/v1/users/{}/wallet/charges", jun.user_id);
    let for_another = mina.client().post(&path, &json!({ "amount": 1_000 }));
    for_another.await.problem(403, "user_mismatch");
    mina.charge(-1_000).await.problem(422, "invalid_amount");
    mina.charge(0).await.problem(422, "invalid_amount");

    // The balance and its history are stored; the answer is the charge.
    let charged = mina.charge(1_000).await.expect(201);
    assert_eq!(charged["amount"], 1_000, "{charged}");
    assert_eq!(charged["balance"], 1_000, "{charged}");
    let history = mina.entries().await.expect(200);
    assert_eq!(history.list("items").len(), 1, "{history}");
    let entry = &history.list("items")[0];
    assert_eq!(entry["entry_id"], charged["entry_id"], "{history}");
    assert_eq!(entry["kind"], "charge", "{history}");
    let none = jun.entries().await.expect(200);
    assert!(none.list("items").is_empty(), "{none}");
    server.finish().await;
}

/// 결제 API
async fn paying(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan_with("Mina", 80_000).await;
    let mut jun = server.fan("Jun").await;
    mina.enter(&show).await;
    jun.enter(&show).await;
    let reservation_id = mina.held(&show, &[1]).await;

    // The user is checked.
    needs_both_tokens(&mina.pay(&reservation_id), &mina).await;
    let named = json!({ "reservation_id": reservation_id, "user_id": jun.user_id });
    mina.pay_with(&named).await.problem(403, "user_mismatch");

    // The seats are checked: there is a reservation, and it is hers.
    mina.pay(&unknown_id()).await.problem(404, "invalid_reservation");
    jun.pay(&reservation_id).await.problem(403, "user_mismatch");

    // The price is the server's, and the balance has to suffice.
    let cheap = json!({ "reservation_id": reservation_id, "amount": 1 });
    mina.pay_with(&cheap).await.problem(422, "amount_mismatch");
    let dear = mina.held(&show, &[2]).await;
    let paid = mina.pay(&dear).await.expect(201);
    assert_eq!(paid["balance"], 30_000, "{paid}");
    mina.pay(&reservation_id).await.problem(402, "insufficient_balance");

    // Balance and payment are stored; the answer is both.
    mina.charge(20_000).await.expect(201);
    let paid = mina.pay(&reservation_id).await.expect(201);
    assert_eq!(paid["amount"], 50_000, "{paid}");
    assert_eq!(paid["balance"], 0, "{paid}");
    let history = mina.payments().await.expect(200);
    let listed: Vec<_> = history
        .list("items")
        .iter()
        .map(|payment| &payment["reservation_id"])
        .collect();
    assert_eq!(listed, [reservation_id.as_str(), dear.as_str()], "{history}");
    assert_eq!(mina.balance().await, 0);
    server.finish().await;
}
