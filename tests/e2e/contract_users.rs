//! The contract of fans and of what anybody may read.

use e2e::{Deployment, Fan, Performance, eventually, forged, now, on_every_storage, sorted_fields, unknown_id};
use serde_json::{Value, json};
use time::Duration;

on_every_storage!(signing_up, access_tokens, concerts);

/// `POST /v1/users`, closed and open.
async fn signing_up(deployment: Deployment) {
    let closed = deployment.start().await;
    let fan = closed.fan("Mina").await;
    let nobody = closed.anonymous();
    let body = json!({ "name": "Jun" });
    nobody.post("/v1/users", &body).await.problem(401, "invalid_token");
    nobody
        .post("/v1/users", &json!(null))
        .raw("{")
        .await
        .problem(401, "invalid_token");
    fan.client().post("/v1/users", &body).await.problem(403, "forbidden");
    let forged = forged(closed.deployment().operator_key());
    closed
        .bearer(&forged)
        .post("/v1/users", &body)
        .await
        .problem(401, "invalid_token");

    let operator = closed.operator();
    let unreadable = operator.client().post("/v1/users", &body).raw("name=Jun");
    unreadable.await.problem(400, "malformed_request");
    for name in [json!(""), json!("x".repeat(101)), json!(7), Value::Null] {
        let body = json!({ "name": name });
        operator
            .client()
            .post("/v1/users", &body)
            .await
            .problem(422, "validation_failed");
    }
    for body in [json!({}), json!({ "name": "Jun", "balance": 1_000_000 })] {
        operator
            .client()
            .post("/v1/users", &body)
            .await
            .problem(422, "validation_failed");
    }

    // A hundred characters are a hundred characters, in Korean too.
    let name = "가".repeat(100);
    let signed_up = operator.sign_up(&name).await.expect(201);
    let fields = ["access_token", "access_token_expires_at", "name", "user_id"];
    assert_eq!(signed_up.fields(), fields, "{signed_up}");
    assert_eq!(signed_up["name"], name.as_str(), "{signed_up}");
    let thirty_days = signed_up.instant("access_token_expires_at") - now() - Duration::days(30);
    assert!(thirty_days.abs() < Duration::minutes(1), "{signed_up}");
    let guest = Fan::new(&closed.anonymous(), &signed_up);
    assert_eq!(guest.balance().await, 0);
    closed.finish().await;

    let open = deployment.with("SIGNUP", "open").start().await;
    open.anonymous().post("/v1/users", &body).await.expect(201);
    open.anonymous()
        .post("/v1/users", &json!({ "name": "" }))
        .await
        .problem(422, "validation_failed");
    open.finish().await;
}

/// `POST /v1/users/{user_id}/access-tokens`, and the life of a token.
async fn access_tokens(deployment: Deployment) {
    let server = deployment.with("ACCESS_TOKEN_SECONDS", "3").start().await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);
    let path = |id: &str| format!("/v1/users/{id}/access-tokens");
    let renew = |id: &str| mina.client().post(&path(id), &json!({}));

    renew(&mina.user_id)
        .without("authorization")
        .await
        .problem(401, "invalid_token");
    renew(&jun.user_id).await.problem(403, "user_mismatch");
    renew(&unknown_id()).await.problem(403, "user_mismatch");
    let operator = server.operator();
    for id in [unknown_id().as_str(), "no-uuid"] {
        let for_nobody = operator.client().post(&path(id), &json!({}));
        for_nobody.await.problem(404, "invalid_user");
    }
    let renewed = renew(&mina.user_id).await.expect(201);
    let fields = ["access_token", "access_token_expires_at", "user_id"];
    assert_eq!(renewed.fields(), fields, "{renewed}");

    // It ends when it says, and cannot renew itself any more; the operator can.
    let over = async || (mina.wallet().await.status == 401).then_some(());
    eventually("her access token has expired", over).await;
    renew(&mina.user_id).await.problem(401, "invalid_token");
    let granted = operator
        .client()
        .post(&path(&mina.user_id), &json!({}))
        .await
        .expect(201);
    let again = server.bearer(granted.text("access_token"));
    let wallet = format!("/v1/users/{}/wallet", mina.user_id);
    again.get(&wallet).await.expect(200);
    server.finish().await;
}

/// `GET /v1/concerts` and `GET /v1/concerts/{concert_id}`: for anybody, and without availability.
async fn concerts(deployment: Deployment) {
    let server = deployment.start().await;
    let empty = server.get("/v1/concerts").await.expect(200);
    assert_eq!(empty.json, json!({ "items": [], "next_cursor": null }), "{empty}");
    let operator = server.operator();
    let mut concerts = Vec::new();
    for title in ["First", "Second", "Third"] {
        concerts.push(operator.concert(title).await);
    }
    let second = operator.schedule(&concerts[1], &Performance::of_seats(2)).await;

    // The newest first, in pages.
    let listed = async |query: &str| server.get(&format!("/v1/concerts{query}")).await.expect(200);
    let page = listed("?limit=2").await;
    let titles: Vec<_> = page.list("items").iter().map(|concert| &concert["title"]).collect();
    assert_eq!(titles, ["Third", "Second"], "{page}");
    let rest = listed(&format!("?limit=2&cursor={}", page.text("next_cursor"))).await;
    let titles: Vec<_> = rest.list("items").iter().map(|concert| &concert["title"]).collect();
    assert_eq!(titles, ["First"], "{rest}");
    assert_eq!(rest["next_cursor"], Value::Null, "{rest}");

    // One, with its schedules.
    for id in [unknown_id().as_str(), "no-uuid"] {
        let unknown = server.get(&format!("/v1/concerts/{id}")).await;
        unknown.problem(404, "invalid_concert");
    }
    let concert = server
        .get(&format!("/v1/concerts/{}", second.concert_id))
        .await
        .expect(200);
    assert_eq!(concert["title"], "Second", "{concert}");
    assert_eq!(concert.list("schedules").len(), 1, "{concert}");
    let schedule = &concert.list("schedules")[0];
    let fields = [
        "booking_closes_at",
        "booking_opens_at",
        "date",
        "schedule_id",
        "starts_at",
    ];
    assert_eq!(sorted_fields(schedule), fields, "no availability\n{concert}");
    assert_eq!(schedule["schedule_id"], second.schedule_id.as_str(), "{concert}");
    assert_eq!(schedule["starts_at"], second.starts_at.as_str(), "{concert}");
    server.finish().await;
}
