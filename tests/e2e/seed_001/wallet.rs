//! Seed 001: wallets, by their own ids.

use crate::refusals::needs_an_access_token;
use e2e::{Deployment, Fan, on_every_deployment, unknown_id};
use serde_json::json;

on_every_deployment!(reading_the_balance, charging_the_balance);

/// 잔액 조회
async fn reading_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);
    let wallet_id = opened(&mina).await;
    let read = |fan: &Fan, id: &str| fan.client().get(&format!("/v1/wallets/{id}"));
    needs_an_access_token(&read(&mina, &wallet_id), &mina).await;

    // There is no such wallet.
    read(&mina, &unknown_id()).await.problem(404, "invalid_wallet");
    read(&mina, "no-uuid").await.problem(404, "invalid_wallet");

    // There is no such user.
    let nobodys = format!("/v1/users/{}/wallet", unknown_id());
    server
        .operator()
        .client()
        .get(&nobodys)
        .await
        .problem(404, "invalid_user");

    // Wallet and user do not belong together.
    read(&jun, &wallet_id).await.problem(403, "wallet_user_mismatch");

    // The balance, by the wallet's id and by the user's.
    let wallet = json!({ "wallet_id": wallet_id, "user_id": mina.user_id, "balance": 30_000, "currency": "KRW" });
    read(&mina, &wallet_id).await.expect(200).shows(&wallet);
    mina.wallet().await.expect(200).shows(&wallet);
    server.finish().await;
}

/// 잔액 충전
async fn charging_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);
    let wallet_id = opened(&mina).await;
    let charge = |fan: &Fan, id: &str, body: &serde_json::Value| {
        let path = format!("/v1/wallets/{id}/charges");
        fan.client().post(&path, body)
    };
    let good = json!({ "amount": 12_000, "user_id": mina.user_id });
    needs_an_access_token(&charge(&mina, &wallet_id, &good), &mina).await;

    // A bad amount comes first, whatever else is wrong.
    for amount in [json!(-12_000), json!(0), json!(10_000_001)] {
        let bad = json!({ "amount": amount, "user_id": unknown_id() });
        charge(&jun, &unknown_id(), &bad).await.problem(422, "invalid_amount");
    }

    // There is no such wallet.
    charge(&mina, &unknown_id(), &good).await.problem(404, "invalid_wallet");

    // There is no such user.
    let nobodys = format!("/v1/users/{}/wallet/charges", unknown_id());
    let for_nobody = server.operator().client().post(&nobodys, &json!({ "amount": 12_000 }));
    for_nobody.await.problem(404, "invalid_user");

    // Wallet, caller and user do not belong together, in any pairing.
    let named_jun = json!({ "amount": 12_000, "user_id": jun.user_id });
    let named_nobody = json!({ "amount": 12_000, "user_id": unknown_id() });
    for mismatched in [
        charge(&jun, &wallet_id, &good),
        charge(&jun, &wallet_id, &named_jun),
        charge(&jun, &wallet_id, &json!({ "amount": 12_000 })),
        charge(&mina, &wallet_id, &named_jun),
        charge(&mina, &wallet_id, &named_nobody),
    ] {
        mismatched.await.problem(403, "wallet_user_mismatch");
    }
    assert_eq!(mina.balance().await, 30_000, "what was refused brought nothing");

    // The balance goes up, and the wallet says so from now on.
    charge(&mina, &wallet_id, &good).await.expect(201).shows(&json!({
        "status": "success",
        "wallet_id": wallet_id,
        "user_id": mina.user_id,
        "amount": 12_000,
        "balance": 42_000,
        "currency": "KRW",
    }));
    let unnamed = json!({ "amount": 8_000 });
    let charged = charge(&mina, &wallet_id, &unnamed).await.expect(201);
    assert_eq!(charged["balance"], 50_000, "{charged}");
    assert_eq!(mina.balance().await, 50_000);
    let entries = mina.entries().await.expect(200);
    let amounts: Vec<_> = entries
        .list("items")
        .iter()
        .map(|entry| entry["amount"].clone())
        .collect();
    assert_eq!(amounts, [8_000, 12_000, 30_000], "{entries}");
    server.finish().await;
}

/// The id of the fan's wallet, which has 30,000 in it.
async fn opened(fan: &Fan) -> String {
    let charged = fan.charge(30_000).await.expect(201);
    charged.text("wallet_id").to_owned()
}
