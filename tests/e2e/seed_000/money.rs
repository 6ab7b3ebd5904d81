//! Seed 000: the balance and payments.

use crate::refusals::{needs_an_access_token, needs_both_tokens};
use e2e::{Deployment, Fan, Method, Performance, Show, eventually, on_every_deployment, unknown_id};
use serde_json::json;

on_every_deployment!(charging_the_balance, reading_the_balance, paying, listing_payments);

/// 6. 잔액 충전
async fn charging_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);

    // alt: the token is not valid.
    needs_an_access_token(&mina.charge(1_000), &mina).await;

    // alt: the amount is not valid.
    for amount in [json!(0), json!(-1), json!(0.5), json!("1000"), json!(null)] {
        let charge = mina.charge_with(&json!({ "amount": amount }));
        charge.await.problem(422, "invalid_amount");
    }

    // The user is looked up: not hers, not known.
    let jun_charges = jun.client().post(
        &format!("/v1/users/{}/wallet/charges", mina.user_id),
        &json!({ "amount": 1 }),
    );
    jun_charges.await.problem(403, "user_mismatch");
    let path = format!("/v1/users/{}/wallet/charges", unknown_id());
    let for_nobody = server.operator().client().post(&path, &json!({ "amount": 1 }));
    for_nobody.await.problem(404, "invalid_user");
    assert_eq!(mina.balance().await, 0, "what was refused brought nothing");

    // The balance goes up, each time.
    let first = mina.charge(30_000).await.expect(201).shows(&json!({
        "status": "success",
        "user_id": mina.user_id,
        "balance": 30_000,
        "amount": 30_000,
        "currency": "KRW",
    }));
    let second = mina.charge(20_000).await.expect(201).shows(&json!({
        "status": "success",
        "wallet_id": first["wallet_id"],
        "balance": 50_000,
        "amount": 20_000,
    }));

    // It is stored: the balance, and an entry for each charge, the newest first.
    assert_eq!(mina.balance().await, 50_000);
    let entries = mina.entries().await.expect(200);
    let listed = entries.list("items");
    assert_eq!(listed.len(), 2, "{entries}");
    for (entry, charged) in listed.iter().zip([&second, &first]) {
        assert_eq!(entry["kind"], "charge", "{entries}");
        assert_eq!(entry["entry_id"], charged["entry_id"], "{entries}");
        assert_eq!(entry["amount"], charged["amount"], "{entries}");
        assert_eq!(entry["balance_after"], charged["balance"], "{entries}");
        assert_eq!(entry["created_at"], charged["charged_at"], "{entries}");
    }
    server.finish().await;
}

/// 7. 잔액 조회
async fn reading_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);

    // alt: the token is not valid.
    needs_an_access_token(&mina.wallet(), &mina).await;

    // The user is looked up: not hers, not known.
    let path = format!("/v1/users/{}/wallet", mina.user_id);
    jun.client().get(&path).await.problem(403, "user_mismatch");
    let path = format!("/v1/users/{}/wallet", unknown_id());
    mina.client().get(&path).await.problem(403, "user_mismatch");
    server.operator().client().get(&path).await.problem(404, "invalid_user");

    // The balance: nothing before the first charge, then what was charged.
    let empty = json!({ "wallet_id": null, "user_id": mina.user_id, "balance": 0, "currency": "KRW" });
    mina.wallet().await.expect(200).shows(&empty);
    let charged = mina.charge(30_000).await.expect(201);
    mina.wallet().await.expect(200).shows(&json!({
        "wallet_id": charged["wallet_id"],
        "user_id": mina.user_id,
        "balance": 30_000,
        "currency": "KRW",
    }));
    server.finish().await;
}

/// 8. 결제
async fn paying(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let mut mina = server.fan_with("Mina", 99_999).await;
    mina.enter(&show).await;
    let reservation_id = mina.held(&show, &[1, 2]).await;

    // alt: the token is not valid.
    needs_both_tokens(&mina.pay(&reservation_id), &mina).await;

    // The user is looked up: not hers, not known.
    let for_nobody = json!({ "reservation_id": reservation_id, "user_id": unknown_id() });
    mina.pay_with(&for_nobody).await.problem(403, "user_mismatch");
    let for_nobody = server
        .operator()
        .client()
        .call(Method::POST, "/v1/payments")
        .json(&for_nobody);
    let for_nobody = for_nobody.queue_token(&mina.queue_token);
    for_nobody.await.problem(404, "invalid_user");

    // alt: the balance is too small. The hold stays hers.
    mina.pay(&reservation_id).await.problem(402, "insufficient_balance");
    let kept = mina.reservation(&reservation_id).await.expect(200);
    assert_eq!(kept["state"], "held", "{kept}");
    let payments = mina.payments().await.expect(200);
    assert!(
        payments.list("items").is_empty(),
        "the provider was not asked\n{payments}"
    );

    mina.charge(1).await.expect(201);
    a_declined_payment_releases_the_seats(&mina, &show, &reservation_id).await;
    a_payment_that_succeeds_settles_everything(&mina, &show).await;
    server.finish().await;
}

/// alt: 결제 실패
async fn a_declined_payment_releases_the_seats(mina: &Fan, show: &Show, reservation_id: &str) {
    let declined = json!({ "reservation_id": reservation_id, "payment_method": "decline" });
    mina.pay_with(&declined).await.problem(402, "payment_failed");
    let released = mina.reservation(reservation_id).await.expect(200);
    assert_eq!(released["state"], "released", "{released}");
    assert_eq!(mina.seat_status(show, 1).await, "available");
    assert_eq!(mina.balance().await, 100_000, "a failure costs nothing");
    mina.pay(reservation_id).await.problem(409, "reservation_not_held");
}

async fn a_payment_that_succeeds_settles_everything(mina: &Fan, show: &Show) {
    let reservation_id = mina.held(show, &[1, 2]).await;
    let payment = json!({ "reservation_id": reservation_id, "user_id": mina.user_id, "amount": 100_000 });
    let paid = mina.pay_with(&payment).await.expect(201).shows(&json!({
        "status": "success",
        "reservation_id": reservation_id,
        "user_id": mina.user_id,
        "amount": 100_000,
        "currency": "KRW",
        "balance": 0,
        "seat_numbers": [1, 2],
    }));

    // The balance is updated, with an entry that tells why.
    assert_eq!(mina.balance().await, 0);
    let entries = mina.entries().await.expect(200);
    let newest = &entries.list("items")[0];
    assert_eq!(newest["kind"], "payment", "{entries}");
    assert_eq!(newest["amount"], -100_000, "{entries}");
    assert_eq!(newest["balance_after"], 0, "{entries}");
    assert_eq!(newest["reservation_id"], reservation_id.as_str(), "{entries}");

    // The reservation is confirmed.
    let confirmed = mina.reservation(&reservation_id).await.expect(200);
    assert_eq!(confirmed["state"], "confirmed", "{confirmed}");

    // The payment is stored.
    let payments = mina.payments().await.expect(200);
    assert_eq!(
        payments.list("items")[0]["payment_id"],
        paid["payment_id"],
        "{payments}"
    );

    // The token is used up.
    let poll = mina.poll().await.expect(200);
    assert_eq!(poll["status"], "completed", "{poll}");
    let refused = async || {
        let seats = mina.seats(show).await;
        (seats.status != 200).then_some(seats)
    };
    let refused = eventually("any instance knows that it is", refused).await;
    refused.problem(401, "invalid_token");
    mina.pay(&reservation_id).await.problem(401, "invalid_token");
}

/// 9. 결제 내역 조회
async fn listing_payments(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let (mut mina, jun) = (server.fan_with("Mina", 100_000).await, server.fan("Jun").await);
    mina.enter(&show).await;
    let declined = mina.held(&show, &[1]).await;
    let refused = json!({ "reservation_id": declined, "payment_method": "decline" });
    mina.pay_with(&refused).await.problem(402, "payment_failed");
    let bought = mina.held(&show, &[2, 3]).await;
    let accepted = json!({ "reservation_id": bought, "payment_method": "ok" });
    let paid = mina.pay_with(&accepted).await.expect(201);

    // The user is looked up: not hers, not known.
    needs_an_access_token(&mina.payments(), &mina).await;
    let path = format!("/v1/users/{}/payments", mina.user_id);
    jun.client().get(&path).await.problem(403, "user_mismatch");
    let path = format!("/v1/users/{}/payments", unknown_id());
    server.operator().client().get(&path).await.problem(404, "invalid_user");

    // The history, the newest first; his is empty.
    let history = mina.payments().await.expect(200);
    let items = history.list("items");
    assert_eq!(items.len(), 2, "{history}");
    let succeeded = json!({
        "payment_id": paid["payment_id"],
        "reservation_id": bought,
        "status": "succeeded",
        "amount": 100_000,
        "currency": "KRW",
        "payment_method": "ok",
        "seat_numbers": [2, 3],
        "created_at": items[0]["created_at"],
        "paid_at": paid["paid_at"],
    });
    assert_eq!(items[0], succeeded, "{history}");
    let failed = json!({
        "payment_id": items[1]["payment_id"],
        "reservation_id": declined,
        "status": "failed",
        "amount": 50_000,
        "currency": "KRW",
        "payment_method": "decline",
        "seat_numbers": [1],
        "created_at": items[1]["created_at"],
        "paid_at": null,
    });
    assert_eq!(items[1], failed, "{history}");
    assert_eq!(history["next_cursor"], json!(null), "{history}");
    let none = jun.payments().await.expect(200);
    assert!(none.list("items").is_empty(), "{none}");
    server.finish().await;
}
