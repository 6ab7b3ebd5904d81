//! The contract of HTTP itself: routes, methods, bodies, health.

use e2e::{Deployment, Method, Storage, on_every_storage};
use serde_json::json;

on_every_storage!(health);

fn house() -> Deployment {
    Deployment::on(Storage::Memory)
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = house().start().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/concerts",
        "/v1/concerts/",
        "/v1/users/x/y/z",
        "/health",
    ] {
        server.get(path).await.problem(404, "not_found");
    }
    server.finish().await;
}

#[tokio::test]
async fn another_method_is_not_allowed() {
    let server = house().start().await;
    for (method, path, allowed) in [
        (Method::DELETE, "/v1/concerts", "GET"),
        (Method::GET, "/v1/queue/tokens", "POST"),
        (Method::PUT, "/v1/queue/tokens/current", "DELETE"),
        (Method::GET, "/v1/payments", "POST"),
        (Method::POST, "/health/live", "GET"),
    ] {
        let refused = server.anonymous().call(method, path).await;
        let refused = refused.problem(405, "method_not_allowed");
        let allow = refused.header("allow").unwrap_or_default();
        assert!(allow.contains(allowed), "{refused}");
    }
    server.finish().await;
}

#[tokio::test]
async fn a_body_is_json_of_a_modest_size() {
    let server = house().start().await;
    let fan = server.fan("Mina").await;
    let good = json!({ "amount": 1 });

    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
        let call = fan.charge_with(&good).header("content-type", kind);
        call.await.problem(415, "unsupported_media_type");
    }
    let with_charset = "application/json; charset=utf-8";
    fan.charge_with(&good)
        .header("content-type", with_charset)
        .await
        .expect(201);

    for text in [
        "",
        "{",
        "}",
        "{\"amount\":1",
        "{'amount':1}",
        "{\"amount\":1}{}",
        "nonsense",
    ] {
        let call = fan.charge_with(&good).raw(text);
        call.await.problem(400, "malformed_request");
    }
    let deep = format!("{}1{}", "[".repeat(7_000), "]".repeat(7_000));
    let refused = fan.charge_with(&good).raw(deep).await;
    assert!(matches!(refused.status, 400 | 422), "{refused}");
    let twice = fan.charge_with(&good).raw(r#"{"amount":1,"amount":2}"#);
    twice.await.problem(422, "validation_failed");

    let padded = |bytes: usize| format!("{{\"amount\":1{}}}", " ".repeat(bytes - "{\"amount\":1}".len()));
    fan.charge_with(&good).raw(padded(16 * 1024)).await.expect(201);
    let large = fan.charge_with(&good).raw(padded(16 * 1024 + 1));
    large.await.problem(413, "payload_too_large");
    assert_eq!(fan.balance().await, 2);
    server.finish().await;
}

#[tokio::test]
async fn a_credential_is_a_bearers() {
    let server = house().start().await;
    let fan = server.fan("Mina").await;
    let token = &fan.access_token;
    let with = |value: &str| fan.wallet().header("authorization", value);
    with(&format!("bearer {token}")).await.expect(200);
    for value in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Bearer {token}x"),
        format!("Bearer {}", &token[..token.len() - 1]),
        format!("Bearer {}", "a".repeat(6_000)),
    ] {
        let refused = with(&value).await.problem(401, "invalid_token");
        let challenge = refused.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer"), "{refused}");
    }
    server.finish().await;
}

/// `GET /health/live`, `/health/ready`, `/metrics` and `/openapi.json` need no credential.
async fn health(deployment: Deployment) {
    let server = deployment.start().await;
    for path in [
        "/health/live",
        "/health/ready",
        "/metrics",
        "/openapi.json",
        "/v1/concerts",
    ] {
        server.get(path).await.expect(200);
    }
    let metrics = server.get("/metrics").await;
    let text = String::from_utf8_lossy(&metrics.body);
    assert!(text.contains("/health/ready"), "requests are counted by route\n{text}");
    server.finish().await;
}
