//! The contract of reservations: the order of checks, and the times that govern holds.

use crate::refusals::{needs_both_tokens, nothing_was_booked};
use e2e::{Deployment, Fan, Method, Performance, Show, eventually, now, on_every_storage, unknown_id};
use serde_json::{Value, json};
use time::Duration;

on_every_storage!(
    holding_seats,
    seats_bought_count_for_the_limit,
    reading_and_releasing,
    a_hold_ends_exactly_when_it_says,
    a_session_that_is_over_may_only_settle,
    an_operator_books_for_a_fan,
);

/// `POST /v1/reservations`, check by check: each next request is wrong in one thing less.
async fn holding_seats(deployment: Deployment) {
    let server = deployment.with("SEAT_LIMIT", "2").start().await;
    let show = server.stage(&Performance::of_seats(4).gate("max_active", 2)).await;
    let other_day = Performance::of_seats(4).starting(now() + Duration::days(31));
    let other_day = server.operator().schedule(&show.concert_id, &other_day).await;
    let (mut mina, mut jun, mut somi) = (
        server.fan("Mina").await,
        server.fan("Jun").await,
        server.fan("Somi").await,
    );
    mina.enter(&show).await;
    jun.enter(&show).await;
    somi.join(&show).await.expect(201);
    let ask = |body: &Value| mina.booking(Method::POST, "/v1/reservations").json(body);
    refuses_bodies(&mina, &show).await;
    let anything = wanting(&show, &json!([]));
    let waiting = somi.booking(Method::POST, "/v1/reservations").json(&anything);
    waiting.await.problem(403, "token_not_active");
    let borrowed = ask(&anything).queue_token(&jun.queue_token);
    borrowed.await.problem(403, "user_mismatch");

    let nowhere = Show {
        concert_id: unknown_id(),
        date: "never".to_owned(),
        ..show.clone()
    };
    let never = Show {
        date: "never".to_owned(),
        ..show.clone()
    };
    ask(&wanting(&nowhere, &json!([])))
        .await
        .problem(422, "validation_failed");
    ask(&wanting(&nowhere, &json!([1, 9, 1])))
        .await
        .problem(422, "validation_failed");
    ask(&wanting(&nowhere, &json!([1, 2, 9])))
        .await
        .problem(404, "invalid_concert");
    ask(&wanting(&never, &json!([1, 2, 9])))
        .await
        .problem(404, "invalid_date");
    ask(&wanting(&other_day, &json!([1, 2, 9])))
        .await
        .problem(403, "token_scope_mismatch");
    nothing_was_booked(&mina, &show, 4).await;

    jun.held(&show, &[1]).await;
    ask(&wanting(&show, &json!([1, 2, 9])))
        .await
        .problem(422, "seat_limit_exceeded");
    ask(&wanting(&show, &json!([1, 9]))).await.problem(404, "invalid_seat");
    let taken = ask(&wanting(&show, &json!([1, 2])))
        .await
        .problem(409, "seat_already_reserved");
    assert_eq!(taken["seat_numbers"], json!([1]), "{taken}");
    let held = ask(&wanting(&show, &json!([2]))).await.expect(201);
    let fields = [
        "concert_id",
        "currency",
        "date",
        "held_until",
        "remaining_seconds",
        "reservation_id",
        "schedule_id",
        "seat_numbers",
        "state",
        "status",
        "total_price",
        "user_id",
    ];
    assert_eq!(held.fields(), fields, "{held}");

    // What is held counts, what is released does not.
    mina.hold(&show, &[3, 4]).await.problem(422, "seat_limit_exceeded");
    mina.release(held.text("reservation_id")).await.expect(204);
    mina.hold(&show, &[3, 4]).await.expect(201);
    server.finish().await;
}

/// What was bought counts as well, in whatever visit; at another performance it does not.
async fn seats_bought_count_for_the_limit(deployment: Deployment) {
    let server = deployment.with("SEAT_LIMIT", "2").start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let other_day = Performance::of_seats(4).starting(now() + Duration::days(31));
    let other_day = server.operator().schedule(&show.concert_id, &other_day).await;
    let mut mina = server.fan_with("Mina", 200_000).await;
    mina.enter(&show).await;
    let bought = mina.held(&show, &[1]).await;
    mina.pay(&bought).await.expect(201);

    // Finished is finished; coming back is a new place in line.
    let finished = mina.queue_token.clone();
    let back = mina.enter(&show).await;
    assert_ne!(mina.queue_token, finished, "{back}");
    mina.hold(&show, &[2, 3]).await.problem(422, "seat_limit_exceeded");
    let second = mina.held(&show, &[2]).await;
    mina.hold(&show, &[3]).await.problem(422, "seat_limit_exceeded");
    mina.pay(&second).await.expect(201);
    mina.enter(&other_day).await;
    mina.held(&other_day, &[1, 2]).await;
    server.finish().await;
}

/// The body of a reservation.
fn wanting(show: &Show, seats: &Value) -> Value {
    json!({ "concert_id": show.concert_id, "date": show.date, "seat_numbers": seats })
}

/// The credentials come before the body, the body before everything in it.
async fn refuses_bodies(mina: &Fan, show: &Show) {
    let ask = |body: &Value| mina.booking(Method::POST, "/v1/reservations").json(body);
    needs_both_tokens(&ask(&json!({ "seat_numbers": "all" })), mina).await;
    let unreadable = ask(&json!(null)).raw("{\"seat_numbers\":");
    unreadable.await.problem(400, "malformed_request");
    for body in [
        json!({}),
        wanting(show, &json!("1")),
        wanting(show, &json!([1, "2"])),
        wanting(show, &json!([1.5])),
        wanting(show, &Value::Null),
        json!({ "concert_id": show.concert_id, "date": show.date, "seat_numbers": [1], "price": 1 }),
    ] {
        ask(&body).await.problem(422, "validation_failed");
    }
}

/// `GET` and `DELETE /v1/reservations/{id}`.
async fn reading_and_releasing(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan_with("Mina", 50_000).await;
    let jun = server.fan("Jun").await;
    mina.enter(&show).await;
    let held = mina.hold(&show, &[1, 2]).await.expect(201);
    let reservation_id = held.text("reservation_id");

    // Unknown, then not theirs, for both calls alike.
    for id in [unknown_id().as_str(), "no-uuid"] {
        mina.reservation(id).await.problem(404, "invalid_reservation");
        mina.release(id).await.problem(404, "invalid_reservation");
    }
    jun.reservation(reservation_id).await.problem(403, "user_mismatch");
    jun.release(reservation_id).await.problem(403, "user_mismatch");
    for call in [mina.reservation(reservation_id), mina.release(reservation_id)] {
        call.without("authorization").await.problem(401, "invalid_token");
    }
    let found = mina.reservation(reservation_id).await.expect(200);
    assert_eq!(found["held_until"], held["held_until"], "{found}");

    // A release frees the seats at once, and once.
    mina.release(reservation_id).await.expect(204);
    assert_eq!(mina.seat_status(&show, 1).await, "available");
    mina.release(reservation_id).await.problem(409, "reservation_not_held");
    let released = mina.reservation(reservation_id).await.expect(200);
    assert_eq!(released["state"], "released", "{released}");

    // What is paid is not given back.
    let bought = mina.held(&show, &[1]).await;
    mina.pay(&bought).await.expect(201);
    mina.release(&bought).await.problem(409, "reservation_not_held");
    server.finish().await;
}

/// A lapsed hold is a free seat at `held_until`, not before, and whether swept or not.
async fn a_hold_ends_exactly_when_it_says(deployment: Deployment) {
    let server = deployment.with("HOLD_SECONDS", "1").start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let (mut mina, mut jun) = (server.fan_with("Mina", 200_000).await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.enter(&show).await;
    let hers = mina.hold(&show, &[1, 2]).await.expect(201);

    let taken_over = async || {
        let answer = jun.hold(&show, &[2, 3]).await;
        match answer.status {
            201 => Some(answer),
            _ => {
                answer.problem(409, "seat_already_reserved");
                None
            }
        }
    };
    let his = eventually("he gets her seat", taken_over).await;
    let overlap = hers.instant("held_until") - (his.instant("held_until") - Duration::seconds(1));
    assert!(overlap <= Duration::ZERO, "two holders of one seat\n{hers}{his}");

    // Hers is over in every respect.
    let reservation_id = hers.text("reservation_id");
    let over = mina.reservation(reservation_id).await.expect(200);
    assert_eq!(over["state"], "expired", "{over}");
    mina.pay(reservation_id).await.problem(409, "reservation_not_held");
    mina.release(reservation_id).await.problem(409, "reservation_not_held");
    server.finish().await;
}

/// A hold keeps its fan's token, but no slot is kept by holding again and again.
async fn a_session_that_is_over_may_only_settle(deployment: Deployment) {
    let server = deployment.with("HOLD_SECONDS", "5").start().await;
    let show = server.stage(&Performance::of_seats(4).gate("session_seconds", 1)).await;
    let mut mina = server.fan_with("Mina", 200_000).await;
    mina.enter(&show).await;
    let held = mina.hold(&show, &[1]).await.expect(201);
    let second = mina.held(&show, &[2]).await;
    let inside = mina.poll().await.expect(200);
    assert!(inside.instant("expires_at") >= held.instant("held_until"), "{inside}");

    let over = async || (mina.seats(&show).await.status == 401).then_some(());
    eventually("the session is over", over).await;
    mina.seats(&show).await.problem(401, "invalid_token");
    mina.dates(&show.concert_id).await.problem(401, "invalid_token");
    mina.hold(&show, &[3]).await.problem(401, "invalid_token");
    let kept = mina.poll().await.expect(200);
    assert_eq!(kept["status"], "active", "{kept}");

    // Giving back and paying still work, and end it.
    mina.release(&second).await.expect(204);
    mina.pay(held.text("reservation_id")).await.expect(201);
    let done = mina.poll().await.expect(200);
    assert_eq!(done["status"], "completed", "{done}");
    server.finish().await;
}

/// `booking:on-behalf`: the operator acts for the queue token's user.
async fn an_operator_books_for_a_fan(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let mut mina = server.fan_with("Mina", 200_000).await;
    mina.enter(&show).await;
    let mut desk = mina.clone();
    desk.act_as(server.operator().client());

    desk.dates(&show.concert_id).await.expect(200);
    desk.seats(&show).await.expect(200);
    let held = desk.hold(&show, &[1]).await.expect(201);
    assert_eq!(held["user_id"], mina.user_id.as_str(), "{held}");
    let reservation_id = held.text("reservation_id");
    desk.reservation(reservation_id).await.expect(200);
    let another = json!({ "reservation_id": reservation_id, "user_id": server.fan("Jun").await.user_id });
    desk.pay_with(&another).await.problem(403, "user_mismatch");
    let named = json!({ "reservation_id": reservation_id, "user_id": mina.user_id });
    let paid = desk.pay_with(&named).await.expect(201);
    assert_eq!(paid["user_id"], mina.user_id.as_str(), "{paid}");
    assert_eq!(mina.balance().await, 150_000);
    let payments = desk.payments().await.expect(200);
    assert_eq!(payments.list("items").len(), 1, "{payments}");
    server.finish().await;
}
