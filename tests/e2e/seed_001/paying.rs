//! Seed 001: paying.

use crate::refusals::needs_both_tokens;
use e2e::{Deployment, Fan, Performance, eventually, on_every_deployment, unknown_id};
use serde_json::json;

on_every_deployment!(paying);

/// 결제 요청
async fn paying(deployment: Deployment) {
    let server = deployment.with("HOLD_SECONDS", "2").start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 2)).await;
    let mut mina = server.fan_with("Mina", 200_000).await;
    let mut jun = server.fan_with("Jun", 200_000).await;
    let mut somi = server.fan_with("Somi", 200_000).await;
    mina.enter(&show).await;
    jun.enter(&show).await;
    somi.join(&show).await.expect(201);
    let lapsing = mina.held(&show, &[1]).await;

    // The token is not valid, or not one that was let in.
    needs_both_tokens(&mina.pay(&lapsing), &mina).await;
    somi.pay(&lapsing).await.problem(403, "token_not_active");

    // There is no such thing to pay.
    mina.pay(&unknown_id()).await.problem(404, "invalid_reservation");

    // It was held, but five minutes (here two seconds) are over; or it was given back.
    let lapsed = async || {
        let answer = mina.reservation(&lapsing).await.expect(200);
        (answer["state"] == "expired").then_some(())
    };
    eventually("the hold has lapsed", lapsed).await;
    mina.pay(&lapsing).await.problem(409, "reservation_not_held");
    let released = mina.held(&show, &[1]).await;
    mina.release(&released).await.expect(204);
    mina.pay(&released).await.problem(409, "reservation_not_held");

    // It is held by another fan.
    let juns = jun.held(&show, &[2]).await;
    mina.pay(&juns).await.problem(403, "user_mismatch");
    assert_eq!(mina.balance().await, 200_000, "what was refused cost nothing");

    // Paid: the payment is stored, and the token is finished.
    let reservation_id = mina.held(&show, &[1, 3]).await;
    let paid = mina.pay(&reservation_id).await.expect(201).shows(&json!({
        "status": "success",
        "reservation_id": reservation_id,
        "amount": 100_000,
        "balance": 100_000,
        "seat_numbers": [1, 3],
    }));
    shows_one_payment(&mina, paid.text("payment_id")).await;
    mina.wait_until("completed").await;
    mina.pay(&reservation_id).await.problem(401, "invalid_token");

    // Her slot is the next fan's.
    somi.wait_until_active().await;
    server.finish().await;
}

async fn shows_one_payment(fan: &Fan, payment_id: &str) {
    let payments = fan.payments().await.expect(200);
    let listed: Vec<_> = payments
        .list("items")
        .iter()
        .map(|payment| (&payment["payment_id"], &payment["status"]))
        .collect();
    assert_eq!(listed, [(&json!(payment_id), &json!("succeeded"))], "{payments}");
}
