//! Seed 000: tokens and the line.

use e2e::{Deployment, Performance, on_every_deployment, unknown_id};
use serde_json::json;

on_every_deployment!(issuing_a_queue_token, checking_the_line);

/// 1. 유저 토큰 발급
async fn issuing_a_queue_token(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(10).paused()).await;
    let mut mina = server.fan("Mina").await;
    let box_office = server.operator();

    // alt: there is no such user. Only who acts for others can name one.
    let for_nobody = json!({ "concert_id": show.concert_id, "date": show.date, "user_id": unknown_id() });
    let for_nobody = box_office.client().post("/v1/queue/tokens", &for_nobody);
    for_nobody.await.problem(404, "invalid_user");

    // alt: there is no such concert.
    mina.ask_for_token(&unknown_id(), &show.date)
        .await
        .problem(404, "invalid_concert");

    // alt: the concert does not play then.
    mina.ask_for_token(&show.concert_id, "2001-01-01")
        .await
        .problem(404, "invalid_datetime");

    // None of this has taken a place.
    let stats = box_office.stats(&show).await.expect(200);
    assert_eq!(stats["tokens"]["waiting"], 0);

    // else: she is not in the line yet, and gets a new token.
    let issued = mina.join(&show).await.expect(201).shows(&json!({
        "status": "issued",
        "state": "waiting",
        "user_id": mina.user_id,
        "concert_id": show.concert_id,
        "schedule_id": show.schedule_id,
        "date": show.date,
        "position": 1,
        "activated_at": null,
        "expires_at": null,
        "remaining_seconds": null,
    }));

    // It is stored: the line knows the token.
    mina.poll().await.expect(200).shows(&json!({
        "status": "waiting",
        "user_id": mina.user_id,
        "schedule_id": show.schedule_id,
        "issued_at": issued["issued_at"],
    }));

    // alt: she is in the line already, and gets the same token again.
    let existing = mina.join(&show).await.expect(200).shows(&json!({
        "status": "existing",
        "state": "waiting",
        "issued_at": issued["issued_at"],
        "position": 1,
    }));
    assert_eq!(existing["queue_token"], issued["queue_token"]);
    let stats = box_office.stats(&show).await.expect(200);
    assert_eq!(stats["tokens"]["waiting"], 1, "one user, one place");
    server.finish().await;
}

/// 2. 대기열 조회
async fn checking_the_line(deployment: Deployment) {
    // Another house that signs with the same secret issues tokens that are genuine here, and unknown.
    let secret = "one secret for two houses, and it is long enough";
    let server = deployment.with("SECRET", secret).start().await;
    let elsewhere = Deployment::on(e2e::Storage::Memory)
        .with("SECRET", secret)
        .start()
        .await;
    let show = server.stage(&Performance::of_seats(10).paused()).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.join(&show).await.expect(201);
    jun.join(&show).await.expect(201);

    // alt: it is not in the line.
    let mut stranger = elsewhere.fan("Somi").await;
    let other_show = elsewhere.stage(&Performance::of_seats(10)).await;
    stranger.join(&other_show).await.expect(201);
    stranger.at(&server).poll().await.problem(404, "not_found");

    // loop: waiting, with the position, as often as they ask.
    for _ in 0..3 {
        mina.poll()
            .await
            .expect(200)
            .shows(&json!({ "status": "waiting", "state": "waiting", "position": 1 }));
        let second = jun.poll().await.expect(200);
        assert!(!second.has("queue_token"), "a poll repeats no credential\n{second}");
        second.shows(&json!({ "status": "waiting", "state": "waiting", "position": 2 }));
    }

    // else: active, once the gate lets them in.
    let resumed = json!({ "paused": false });
    server.operator().set_gate(&show, &resumed).await.expect(200);
    for fan in [&mina, &jun] {
        let active = fan.wait_until_active().await.shows(&json!({
            "status": "active",
            "state": "active",
            "user_id": fan.user_id,
            "position": null,
            "estimated_wait_seconds": null,
        }));
        assert!(
            active["activated_at"].is_string() && active["expires_at"].is_string(),
            "{active}"
        );
    }
    elsewhere.finish().await;
    server.finish().await;
}
