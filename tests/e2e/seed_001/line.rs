//! Seed 001: tokens.

use crate::refusals::needs_an_access_token;
use e2e::{Deployment, Performance, forged, on_every_deployment, unknown_id};
use serde_json::json;

on_every_deployment!(issuing_a_token, reading_a_token);

/// 토큰 발급
async fn issuing_a_token(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let (mut mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);

    // The user is not valid: unknown to who may act for anybody, not hers to a fan.
    needs_an_access_token(&mina.ask_for_token(&show.concert_id, &show.date), &mina).await;
    let naming = |user_id: &str| json!({ "concert_id": show.concert_id, "date": show.date, "user_id": user_id });
    let operator = server.operator();
    let for_nobody = operator.client().post("/v1/queue/tokens", &naming(&unknown_id()));
    for_nobody.await.problem(404, "invalid_user");
    for other in [&jun.user_id, &unknown_id()] {
        let for_another = mina.client().post("/v1/queue/tokens", &naming(other));
        for_another.await.problem(403, "user_mismatch");
    }

    // The token is made and stored.
    let issued = mina.join(&show).await.expect(201);
    assert_eq!(issued["status"], "issued", "{issued}");
    assert_eq!(issued["user_id"], mina.user_id.as_str(), "{issued}");
    mina.wait_until_active().await;

    // An operator takes a place for a fan; the fan's own call finds it.
    let for_jun = operator.client().post("/v1/queue/tokens", &naming(&jun.user_id));
    let for_jun = for_jun.await.expect(201);
    assert_eq!(for_jun["user_id"], jun.user_id.as_str(), "{for_jun}");
    let own = jun.ask_for_token(&show.concert_id, &show.date).await.expect(200);
    assert_eq!(own["status"], "existing", "{own}");
    assert_eq!(own["queue_token"], for_jun["queue_token"], "{own}");
    server.finish().await;
}

/// 토큰 정보 조회
async fn reading_a_token(deployment: Deployment) {
    let server = deployment.start().await;
    let performance = Performance::of_seats(5).paused().gate("session_seconds", 120);
    let show = server.stage(&performance).await;
    let mut mina = server.fan("Mina").await;
    let issued = mina.join(&show).await.expect(201);

    // The token is not valid.
    mina.poll().without("queue-token").await.problem(401, "invalid_token");
    for token in [&forged(&mina.queue_token), &mina.access_token, "nonsense"] {
        let poll = mina.poll().queue_token(token);
        poll.await.problem(401, "invalid_token");
    }

    // Whose it is, and where it stands.
    let known = json!({
        "user_id": mina.user_id,
        "concert_id": show.concert_id,
        "schedule_id": show.schedule_id,
        "date": show.date,
        "issued_at": issued["issued_at"],
    });
    let waiting = mina.poll().await.expect(200).shows(&known);
    assert_eq!(
        waiting["remaining_seconds"],
        json!(null),
        "nothing runs out yet\n{waiting}"
    );

    // How much time is left, once it is her turn.
    server
        .operator()
        .set_gate(&show, &json!({ "paused": false }))
        .await
        .expect(200);
    let inside = mina.wait_until_active().await.shows(&known);
    let left = inside.number("remaining_seconds");
    assert!((110..=120).contains(&left), "the session runs from the claim\n{inside}");
    assert_eq!(inside["position"], json!(null), "{inside}");
    server.finish().await;
}
