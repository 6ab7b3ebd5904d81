//! Seed 002: cash and payments.

use crate::refusals::{needs_an_access_token, needs_both_tokens};
use e2e::{Deployment, Performance, on_every_deployment};
use serde_json::json;

on_every_deployment!(reading_the_balance, charging, paying);

/// 잔액 조회 API
async fn reading_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let mina = server.fan("Mina").await;
    needs_an_access_token(&mina.wallet(), &mina).await;

    // The balance that is stored, without a place in any line.
    assert_eq!(mina.balance().await, 0);
    mina.charge(5_000).await.expect(201);
    assert_eq!(mina.balance().await, 5_000);
    server.finish().await;
}

/// 충전 API
async fn charging(deployment: Deployment) {
    let server = deployment.start().await;
    let mina = server.fan("Mina").await;
    let before = mina.wallet().await.expect(200);
    assert_eq!(before["wallet_id"], json!(null), "there is no wallet yet\n{before}");

    // else: the first charge makes the wallet.
    let first = mina.charge(10_000).await.expect(201);
    assert_eq!(first["status"], "success", "{first}");
    assert_eq!(first["balance"], 10_000, "{first}");
    assert!(first["wallet_id"].is_string(), "{first}");

    // alt: there is a wallet, and the amount is added.
    let second = mina.charge(2_500).await.expect(201);
    assert_eq!(second["status"], "success", "{second}");
    assert_eq!(second["balance"], 12_500, "{second}");
    assert_eq!(second["wallet_id"], first["wallet_id"], "{second}");
    let wallet = mina.wallet().await.expect(200);
    assert_eq!(wallet["wallet_id"], first["wallet_id"], "{wallet}");
    assert_eq!(wallet["balance"], 12_500, "{wallet}");

    // A charge that the provider declines brings nothing.
    let declined = json!({ "amount": 2_500, "payment_method": "decline" });
    mina.charge_with(&declined).await.problem(402, "payment_failed");
    assert_eq!(mina.balance().await, 12_500);
    server.finish().await;
}

/// 결제 API
async fn paying(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan_with("Mina", 49_999).await;

    // note: only with a valid queue token.
    mina.enter(&show).await;
    let reservation_id = mina.held(&show, &[4]).await;
    needs_both_tokens(&mina.pay(&reservation_id), &mina).await;

    // alt: the balance is too small: nothing is taken, the seat stays hers.
    mina.pay(&reservation_id).await.problem(402, "insufficient_balance");
    assert_eq!(mina.balance().await, 49_999);
    assert_eq!(mina.seat_status(&show, 4).await, "held");

    // else: it suffices: the balance goes down, the seat is hers, the payment is stored.
    mina.charge(10_000).await.expect(201);
    let paid = mina.pay(&reservation_id).await.expect(201);
    assert_eq!(paid["status"], "success", "{paid}");
    assert_eq!(paid["balance"], 9_999, "{paid}");
    assert_eq!(mina.balance().await, 9_999);
    let confirmed = mina.reservation(&reservation_id).await.expect(200);
    assert_eq!(confirmed["state"], "confirmed", "{confirmed}");
    let payments = mina.payments().await.expect(200);
    assert_eq!(payments.list("items").len(), 1, "{payments}");
    assert_eq!(
        payments.list("items")[0]["payment_id"],
        paid["payment_id"],
        "{payments}"
    );
    let stats = server.operator().stats(&show).await.expect(200);
    assert_eq!(
        stats["seats"],
        json!({ "available": 3, "held": 0, "sold": 1 }),
        "{stats}"
    );
    assert_eq!(stats["revenue"], 50_000, "{stats}");
    server.finish().await;
}
