//! The contract of amounts, wallets and lists.

use e2e::{Answer, Call, Deployment, Fan, on_every_storage, sorted_fields, unknown_id};
use serde_json::{Value, json};

on_every_storage!(
    amounts_are_exact,
    a_currency_with_cents,
    charging_a_wallet,
    turning_pages
);

/// A charge with the amount written like this.
fn charge(fan: &Fan, literal: &str) -> Call {
    fan.charge_with(&json!(null)).raw(format!(r#"{{"amount":{literal}}}"#))
}

/// Whole amounts however they are written; everything else is `invalid_amount`.
async fn amounts_are_exact(deployment: Deployment) {
    let server = deployment.start().await;
    let mina = server.fan("Mina").await;
    let mut balance = 0;
    for (literal, amount) in [
        ("1", 1),
        ("1.0", 1),
        ("1e2", 100),
        ("1E+2", 100),
        ("120e-1", 12),
        ("0.5e1", 5),
        ("1.000000000000000000000000000", 1),
        ("10000000", 10_000_000),
        ("1e7", 10_000_000),
    ] {
        let charged = charge(&mina, literal).await.expect(201);
        balance += amount;
        assert_eq!(charged["amount"], amount, "{literal}\n{charged}");
        assert_eq!(charged["balance"], balance, "{literal}\n{charged}");
        let body = String::from_utf8_lossy(&charged.body);
        assert!(
            body.contains(&format!(r#""amount":{amount},"#)),
            "no plain number\n{charged}"
        );
    }
    for literal in [
        "0",
        "0.0",
        "-0",
        "-1",
        "0.5",
        "1e-1",
        "0.99999999999999999999999999999999999999999",
        "1.00000000000000000000000000000000000000000000000001",
        "10000001",
        "10000000.00000000000000000000000000000000000001",
        "9007199254740993",
        "1e400",
        "-1e400",
        "1e-400",
        "1e999999999999999999999",
        r#""100""#,
        r#""""#,
        "null",
        "true",
        "[]",
        "[1]",
        "{}",
    ] {
        charge(&mina, literal).await.problem(422, "invalid_amount");
    }
    let absent = mina.charge_with(&json!({ "payment_method": "ok" }));
    absent.await.problem(422, "invalid_amount");
    for no_json in ["01", "+1", "1.", ".5", "0x10", "NaN", "Infinity", "1_000", "1,5"] {
        charge(&mina, no_json).await.problem(400, "malformed_request");
    }
    assert_eq!(mina.balance().await, balance, "what was refused brought nothing");
    server.finish().await;
}

/// A currency of scale 2 takes two decimals, exactly.
async fn a_currency_with_cents(deployment: Deployment) {
    let server = deployment.with("CURRENCY", "USD").start().await;
    let mina = server.fan("Mina").await;
    for (literal, balance) in [("0.1", "0.1"), ("0.20", "0.3"), ("1e-2", "0.31"), ("4.69", "5")] {
        let charged = charge(&mina, literal).await.expect(201);
        assert_eq!(charged["currency"], "USD", "{charged}");
        let shown = charged["balance"].as_f64();
        assert_eq!(
            shown,
            balance.parse().ok(),
            "{literal} brings it to {balance}\n{charged}"
        );
    }
    for literal in ["0.001", "0.005", "1e-3", "0.014999999999999999"] {
        charge(&mina, literal).await.problem(422, "invalid_amount");
    }
    server.finish().await;
}

/// `POST /v1/users/{user_id}/wallet/charges`, check by check.
async fn charging_a_wallet(deployment: Deployment) {
    let server = deployment.start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);
    let path = format!("/v1/users/{}/wallet/charges", mina.user_id);
    let by_jun = |body: Value| jun.client().post(&path, &body);

    by_jun(json!({ "amount": 0 }))
        .without("authorization")
        .await
        .problem(401, "invalid_token");
    by_jun(json!(null)).raw("{").await.problem(400, "malformed_request");
    let unknown_field = json!({ "amount": 0, "balance": 1_000_000 });
    by_jun(unknown_field).await.problem(422, "validation_failed");
    let wrong_type = json!({ "amount": 0, "payment_method": 1 });
    by_jun(wrong_type).await.problem(422, "validation_failed");
    by_jun(json!({ "amount": 0 })).await.problem(422, "invalid_amount");
    by_jun(json!({ "amount": 1 })).await.problem(403, "user_mismatch");
    let nobodys = format!("/v1/users/{}/wallet/charges", unknown_id());
    let declined = json!({ "amount": 1, "payment_method": "decline" });
    let for_nobody = server.operator().client().post(&nobodys, &declined);
    for_nobody.await.problem(404, "invalid_user");
    mina.charge_with(&declined).await.problem(402, "payment_failed");
    let wallet = mina.wallet().await.expect(200);
    assert_eq!(
        wallet["wallet_id"],
        Value::Null,
        "a declined charge makes no wallet\n{wallet}"
    );

    let charged = mina.charge(1).await.expect(201);
    let fields = [
        "amount",
        "balance",
        "charged_at",
        "currency",
        "entry_id",
        "status",
        "user_id",
        "wallet_id",
    ];
    assert_eq!(charged.fields(), fields, "{charged}");
    let wallet = mina.wallet().await.expect(200);
    assert_eq!(
        wallet.fields(),
        ["balance", "currency", "user_id", "wallet_id"],
        "{wallet}"
    );
    server.finish().await;
}

/// Lists come newest first in pages that neither repeat nor miss anything, whatever is added meanwhile.
async fn turning_pages(deployment: Deployment) {
    let server = deployment.start().await;
    let mina = server.fan("Mina").await;
    for amount in 1..=23 {
        mina.charge(amount).await.expect(201);
    }
    let page = |query: &str| {
        let path = format!("/v1/users/{}/wallet/entries{query}", mina.user_id);
        mina.client().get(&path)
    };
    for query in ["?limit=0", "?limit=101", "?limit=-1", "?limit=ten", "?cursor=nonsense"] {
        page(query).await.problem(422, "validation_failed");
    }

    // Twenty, unless asked for fewer or more.
    let first = page("").await.expect(200);
    assert_eq!(first.fields(), ["items", "next_cursor"], "{first}");
    assert_eq!(amounts(&first), (4..=23).rev().collect::<Vec<_>>(), "{first}");
    let all = page("?limit=100").await.expect(200);
    assert_eq!(amounts(&all), (1..=23).rev().collect::<Vec<_>>(), "{all}");
    assert_eq!(all["next_cursor"], Value::Null, "{all}");

    // Page by page, while more is charged.
    let mut seen = Vec::new();
    let mut answer = page("?limit=5").await.expect(200);
    while let Some(cursor) = answer["next_cursor"].as_str() {
        assert_eq!(answer.list("items").len(), 5, "{answer}");
        seen.extend(amounts(&answer));
        mina.charge(1_000).await.expect(201);
        answer = page(&format!("?limit=5&cursor={cursor}")).await.expect(200);
    }
    seen.extend(amounts(&answer));
    assert_eq!(seen, (1..=23).rev().collect::<Vec<_>>());
    let fields = ["amount", "balance_after", "created_at", "entry_id", "kind"];
    for entry in answer.list("items") {
        let shown: Vec<_> = sorted_fields(entry)
            .into_iter()
            .filter(|name| *name != "reservation_id")
            .collect();
        assert_eq!(shown, fields, "{answer}");
    }
    server.finish().await;
}

fn amounts(page: &Answer) -> Vec<i64> {
    page.list("items")
        .iter()
        .filter_map(|entry| entry["amount"].as_i64())
        .collect()
}
