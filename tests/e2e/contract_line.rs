//! The contract of the line: its rows, the token's fields, and the times that govern it.

use crate::refusals::needs_an_access_token;
use e2e::{Deployment, Performance, eventually, forged, instant, now, on_every_storage, sorted_fields, unknown_id};
use serde_json::{Value, json};
use time::Duration;

on_every_storage!(
    taking_a_place,
    the_fields_of_a_token,
    leaving,
    a_slot_has_to_be_claimed,
    a_session_runs_from_the_claim,
    booking_that_has_not_opened,
    booking_that_closes,
);

/// `POST /v1/queue/tokens`, check by check.
async fn taking_a_place(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).paused()).await;
    let (mina, jun) = (server.fan("Mina").await, server.fan("Jun").await);
    let ask = |body: Value| mina.client().post("/v1/queue/tokens", &body);

    // The credential comes before the body, the body before everything in it.
    needs_an_access_token(&ask(json!({ "concert_id": 7 })), &mina).await;
    ask(json!(null)).raw("{").await.problem(400, "malformed_request");
    for body in [
        json!({}),
        json!([]),
        json!({ "concert_id": show.concert_id }),
        json!({ "concert_id": 7, "date": show.date }),
        json!({ "concert_id": show.concert_id, "date": show.date, "user_id": 7 }),
        json!({ "concert_id": show.concert_id, "date": show.date, "position": 1 }),
    ] {
        ask(body).await.problem(422, "validation_failed");
    }

    // Each next request is wrong in one thing less.
    let never = "2001-01-01";
    let another = json!({ "concert_id": unknown_id(), "date": never, "user_id": jun.user_id });
    ask(another).await.problem(403, "user_mismatch");
    let nowhere = json!({ "concert_id": unknown_id(), "date": never, "user_id": mina.user_id });
    ask(nowhere).await.problem(404, "invalid_concert");
    let no_uuid = json!({ "concert_id": "seven", "date": show.date });
    ask(no_uuid).await.problem(404, "invalid_concert");
    for date in [never, "tomorrow", "", "9999-12-31T23:59:59-09:00"] {
        let no_date = json!({ "concert_id": show.concert_id, "date": date });
        ask(no_date).await.problem(404, "invalid_datetime");
    }
    let named = json!({ "concert_id": show.concert_id, "date": show.date, "user_id": mina.user_id });
    let issued = ask(named.clone()).await.expect(201);
    assert_eq!(issued["status"], "issued", "{issued}");
    let existing = ask(named).await.expect(200);
    assert_eq!(existing["status"], "existing", "{existing}");

    // Nobody but her has a place now.
    let stats = server.operator().stats(&show).await.expect(200);
    assert_eq!(stats["tokens"]["waiting"], 1, "{stats}");
    server.finish().await;
}

/// Everything a token tells, and what is null when.
async fn the_fields_of_a_token(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).paused()).await;
    let mut mina = server.fan_with("Mina", 50_000).await;
    let mut polled = vec![
        "activated_at",
        "age_seconds",
        "concert_id",
        "date",
        "estimated_wait_from_seconds",
        "estimated_wait_seconds",
        "estimated_wait_to_seconds",
        "expires_at",
        "issued_at",
        "next_release_at",
        "outlook",
        "poll_after_seconds",
        "position",
        "remaining_seconds",
        "schedule_id",
        "state",
        "status",
        "user_id",
    ];
    let waiting = json!({ "state": "waiting", "position": 1, "activated_at": null, "expires_at": null, "remaining_seconds": null });
    let issued = mina.join(&show).await.expect(201).shows(&waiting);
    let poll = mina.poll().await.expect(200).shows(&waiting);
    assert_eq!(poll.fields(), polled, "{poll}");
    assert_eq!(poll["status"], "waiting", "{poll}");
    polled.push("queue_token");
    polled.sort_unstable();
    assert_eq!(issued.fields(), polled, "{issued}");

    // Inside, the place in line is nothing to speak of.
    let resumed = json!({ "paused": false });
    server.operator().set_gate(&show, &resumed).await.expect(200);
    let inside = mina.wait_until_active().await;
    let no_place = json!({ "position": null, "estimated_wait_seconds": null });
    let inside = inside.shows(&no_place);
    let again = mina.join(&show).await.expect(200).shows(&no_place);
    assert_eq!(again["state"], "active", "{again}");
    assert_eq!(again["status"], "existing", "{again}");
    assert_eq!(
        again["queue_token"], issued["queue_token"],
        "the same string each time\n{again}"
    );
    assert_eq!(again["activated_at"], inside["activated_at"], "{again}");
    let left = inside.instant("expires_at") - inside.instant("activated_at");
    assert!(left >= Duration::seconds(600), "ten minutes from the claim\n{inside}");

    // Ended, nothing runs out any more.
    let reservation_id = mina.held(&show, &[1]).await;
    mina.pay(&reservation_id).await.expect(201);
    let over = mina.poll().await.expect(200).shows(&no_place);
    assert_eq!(over["status"], "completed", "{over}");
    assert_eq!(over["state"], "completed", "{over}");
    assert_eq!(over["remaining_seconds"], Value::Null, "{over}");
    assert_eq!(over["activated_at"], inside["activated_at"], "{over}");
    server.finish().await;
}

/// `DELETE /v1/queue/tokens/current`.
async fn leaving(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 1)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.join(&show).await.expect(201);
    let reservation_id = mina.held(&show, &[1, 2]).await;

    // Only the token says who leaves.
    mina.leave().without("queue-token").await.problem(401, "invalid_token");
    let forged = forged(&mina.queue_token);
    mina.leave().queue_token(&forged).await.problem(401, "invalid_token");

    // Her unpaid seats and her slot go to the next; leaving again changes nothing.
    mina.leave().await.expect(204);
    mina.leave().await.expect(204);
    let left = mina.poll().await.expect(200);
    assert_eq!(left["status"], "expired", "left shows as expired\n{left}");
    let released = mina.reservation(&reservation_id).await.expect(200);
    assert_eq!(released["state"], "released", "{released}");
    mina.seats(&show).await.problem(401, "invalid_token");
    jun.wait_until_active().await;
    jun.held(&show, &[1, 2]).await;

    // She may come back, to a new place.
    let old = mina.queue_token.clone();
    let back = mina.join(&show).await.expect(201);
    assert_ne!(back["queue_token"], old, "{back}");
    let stats = server.operator().stats(&show).await.expect(200);
    let tokens = json!({ "waiting": 1, "active": 1, "completed": 0, "expired": 0, "left": 1 });
    assert_eq!(stats["tokens"], tokens, "{stats}");
    server.finish().await;
}

/// An admitted fan who makes no call with the token loses the slot to the next.
async fn a_slot_has_to_be_claimed(deployment: Deployment) {
    let server = deployment.with("CLAIM_SECONDS", "2").start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 1)).await;
    let (mut silent, mut next) = (server.fan("Mina").await, server.fan("Jun").await);
    silent.join(&show).await.expect(201);
    next.join(&show).await.expect(201);

    let inside = next.wait_until_active().await;
    let lost = silent.poll().await.expect(200);
    assert_eq!(lost["status"], "expired", "{lost}");
    let silence = inside.instant("activated_at") - lost.instant("activated_at");
    assert!(
        silence >= Duration::seconds(2),
        "the slot was taken early\n{lost}{inside}"
    );
    silent.seats(&show).await.problem(401, "invalid_token");

    // The next one called, so the session runs, far longer than the claim window.
    let left = inside.number("remaining_seconds");
    assert!((590..=600).contains(&left), "{inside}");
    server.finish().await;
}

/// `expires_at` is the admission plus the claim window, then the claim plus the session.
async fn a_session_runs_from_the_claim(deployment: Deployment) {
    let server = deployment.with("CLAIM_SECONDS", "40").start().await;
    let show = server
        .stage(&Performance::of_seats(5).gate("session_seconds", 90))
        .await;
    let mut mina = server.fan("Mina").await;
    mina.join(&show).await.expect(201);
    let operator = server.operator();
    let admitted = async || (operator.stats(&show).await.expect(200)["tokens"]["active"] == 1).then_some(());
    eventually("she is let in", admitted).await;

    // Asking for the token is no call with the token.
    let unclaimed = mina.join(&show).await.expect(200);
    assert_eq!(unclaimed["state"], "active", "{unclaimed}");
    let admitted_at = unclaimed.instant("activated_at");
    assert_eq!(
        unclaimed.instant("expires_at"),
        admitted_at + Duration::seconds(40),
        "{unclaimed}"
    );
    let again = mina.join(&show).await.expect(200);
    assert_eq!(again["expires_at"], unclaimed["expires_at"], "{again}");

    // The first poll is, and no later one moves the end.
    let claimed = mina.poll().await.expect(200);
    assert_eq!(
        claimed.instant("activated_at"),
        admitted_at,
        "it never changes\n{claimed}"
    );
    let ends = claimed.instant("expires_at");
    assert!(
        ends >= unclaimed.instant("expires_at") + Duration::seconds(50),
        "{claimed}"
    );
    mina.seats(&show).await.expect(200);
    let later = mina.poll().await.expect(200);
    assert_eq!(later.instant("expires_at"), ends, "{later}");
    server.finish().await;
}

/// Fans may join before booking opens; from that moment on they are let in.
async fn booking_that_has_not_opened(deployment: Deployment) {
    let server = deployment.start().await;
    let opens = now() + Duration::seconds(2);
    let show = server.stage(&Performance::of_seats(5).opening(opens)).await;
    let mut mina = server.fan("Mina").await;
    let early = mina.join(&show).await.expect(201);
    assert_eq!(early["state"], "waiting", "{early}");
    mina.dates(&show.concert_id).await.problem(403, "token_not_active");

    let inside = mina.wait_until_active().await;
    assert!(
        inside.instant("activated_at") >= instant(&e2e::moment(opens)) - Duration::milliseconds(1),
        "{inside}"
    );
    mina.held(&show, &[1]).await;
    server.finish().await;
}

/// When booking closes, who waits is expired; who is inside runs on, to pay what is held.
async fn booking_that_closes(deployment: Deployment) {
    let server = deployment.start().await;
    let closes = now() + Duration::seconds(3);
    let performance = Performance::of_seats(5)
        .closing(closes)
        .starting(closes + Duration::seconds(1))
        .gate("max_active", 1);
    let show = server.stage(&performance).await;
    let (mut mina, mut jun, mut somi) = (
        server.fan_with("Mina", 100_000).await,
        server.fan("Jun").await,
        server.fan("Somi").await,
    );
    mina.enter(&show).await;
    jun.join(&show).await.expect(201);
    let reservation_id = mina.held(&show, &[1, 2]).await;

    let over = jun.wait_until("expired").await;
    assert_eq!(over["activated_at"], Value::Null, "he was never inside\n{over}");
    jun.seats(&show).await.problem(401, "invalid_token");
    let inside = mina.poll().await.expect(200);
    assert_eq!(inside["status"], "active", "{inside}");
    mina.seats(&show).await.problem(409, "booking_closed");
    mina.hold(&show, &[3]).await.problem(409, "booking_closed");
    let dates = mina.dates(&show.concert_id).await.expect(200);
    assert!(dates.list("dates").is_empty(), "{dates}");

    // Nobody joins any more: first because booking is closed, then because it has begun.
    let closed = somi.join(&show).await;
    assert!(
        ["booking_closed", "invalid_datetime"].contains(&closed.text("code")),
        "{closed}"
    );
    let begun = async || {
        let refused = somi.ask_for_token(&show.concert_id, &show.date).await;
        match refused.text("code") {
            "booking_closed" => None,
            _ => Some(refused),
        }
    };
    let begun = eventually("it has begun", begun).await;
    begun.problem(404, "invalid_datetime");

    // What she holds she may pay, even now.
    mina.pay(&reservation_id).await.expect(201);
    let stats = server.operator().stats(&show).await.expect(200);
    assert_eq!(
        sorted_fields(&stats["tokens"]),
        ["active", "completed", "expired", "left", "waiting"]
    );
    let tokens = json!({ "waiting": 0, "active": 0, "completed": 1, "expired": 1, "left": 0 });
    assert_eq!(stats["tokens"], tokens, "{stats}");
    server.finish().await;
}
