//! Seed 002: tokens and the line.

use e2e::{Answer, Deployment, Performance, on_every_deployment};
use serde_json::json;

on_every_deployment!(issuing_a_queue_token, checking_the_line);

/// 대기열 토큰 생성 API
async fn issuing_a_queue_token(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).gate("session_seconds", 1)).await;
    let mut mina = server.fan("Mina").await;

    // else: she has no token, and gets a new one.
    let first = mina.join(&show).await.expect(201);
    assert_eq!(first["status"], "issued", "{first}");

    // alt: she has one that is valid, and gets that one again.
    let again = mina.join(&show).await.expect(200);
    assert_eq!(again["status"], "existing", "{again}");
    assert_eq!(again["queue_token"], first["queue_token"], "{again}");

    // else: the one she has is over, and she gets a new one.
    mina.wait_until("expired").await;
    let old = mina.clone();
    let second = mina.join(&show).await.expect(201);
    assert_eq!(second["status"], "issued", "{second}");
    assert_ne!(second["queue_token"], first["queue_token"], "{second}");

    // Both are stored; the first stays readable and stays over.
    let ended = old.poll().await.expect(200);
    assert_eq!(ended["status"], "expired", "{ended}");
    let stats = server.operator().stats(&show).await.expect(200);
    assert!(stats["tokens"]["expired"].as_i64() >= Some(1), "{stats}");
    server.finish().await;
}

/// 대기열 조회 API
async fn checking_the_line(deployment: Deployment) {
    let server = deployment.start().await;
    let performance = Performance::of_seats(5)
        .paused()
        .gate("max_active", 1)
        .gate("session_seconds", 2);
    let show = server.stage(&performance).await;
    let mut mina = server.fan_with("Mina", 50_000).await;
    let mut jun = server.fan("Jun").await;
    mina.join(&show).await.expect(201);
    jun.join(&show).await.expect(201);

    // WAITING: the number in line, and when to ask again.
    for (fan, position) in [(&mina, 1), (&jun, 2)] {
        let waiting = fan.poll().await.expect(200);
        assert_eq!(waiting["status"], "waiting", "{waiting}");
        assert_eq!(waiting["position"], position, "{waiting}");
        says_when_to_ask_again(&waiting);
    }

    // PROGRESS: she may enter, and with one place inside he goes on waiting, next in line.
    let resumed = json!({ "paused": false });
    server.operator().set_gate(&show, &resumed).await.expect(200);
    mina.wait_until_active().await;
    let waiting = e2e::eventually("he is the next", async || {
        let answer = jun.poll().await.expect(200);
        (answer["position"] == 1).then_some(answer)
    });
    let waiting = waiting.await;
    assert_eq!(waiting["status"], "waiting", "{waiting}");
    says_when_to_ask_again(&waiting);

    // DONE: she has bought, and is finished here.
    let reservation_id = mina.held(&show, &[1]).await;
    mina.pay(&reservation_id).await.expect(201);
    let done = mina.poll().await.expect(200);
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(done["remaining_seconds"], json!(null), "{done}");

    // PROGRESS for him, and EXPIRED when he has used up his time.
    jun.wait_until_active().await;
    let over = jun.wait_until("expired").await;
    assert_eq!(over["position"], json!(null), "{over}");
    jun.seats(&show).await.problem(401, "invalid_token");
    server.finish().await;
}

/// Near the front a fan asks again every one to five seconds.
fn says_when_to_ask_again(waiting: &Answer) {
    let seconds = waiting.number("poll_after_seconds");
    assert!((1..=5).contains(&seconds), "near the front one asks often\n{waiting}");
}
