//! Seed 000: dates, seats and reservations.

use crate::refusals::{needs_both_tokens, nothing_was_booked};
use e2e::{Deployment, Fan, Performance, Server, Show, eventually, now, on_every_deployment, unknown_id};
use serde_json::{Value, json};
use time::Duration;

on_every_deployment!(listing_available_dates, showing_the_seats_of_a_date, reserving_seats,);

/// 3. 예약 가능 날짜 조회
async fn listing_available_dates(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let show = server.stage(&Performance::of_seats(3)).await;
    let in_days = |days| now() + Duration::days(days);
    let second = Performance::of_seats(2).starting(in_days(31));
    let second = operator.schedule(&show.concert_id, &second).await;
    let sold_out = Performance::of_seats(1).starting(in_days(32));
    let sold_out = operator.schedule(&show.concert_id, &sold_out).await;
    let not_open = Performance::of_seats(5).starting(in_days(33)).opening(in_days(1));
    operator.schedule(&show.concert_id, &not_open).await;
    let elsewhere = server.stage(&Performance::of_seats(1)).await;
    let mut mina = server.fan("Mina").await;
    let mut jun = server.fan_with("Jun", 50_000).await;
    jun.enter(&sold_out).await;
    let last_seat = jun.held(&sold_out, &[1]).await;
    jun.pay(&last_seat).await.expect(201);

    // alt: the token is not valid, or it is not her turn yet.
    operator.set_gate(&show, &json!({ "paused": true })).await.expect(200);
    mina.join(&show).await.expect(201);
    needs_both_tokens(&mina.dates(&show.concert_id), &mina).await;
    mina.dates(&show.concert_id).await.problem(403, "token_not_active");
    operator.set_gate(&show, &json!({ "paused": false })).await.expect(200);
    mina.wait_until_active().await;

    // alt: there is no such concert.
    mina.dates(&unknown_id()).await.problem(404, "invalid_concert");
    mina.dates(&elsewhere.concert_id)
        .await
        .problem(403, "token_scope_mismatch");

    // The dates that are open and not sold out, whichever of them she queued for.
    let expected = [(&show, 3), (&second, 2)].map(|(show, seats)| {
        json!({
            "schedule_id": show.schedule_id,
            "date": show.date,
            "starts_at": show.starts_at,
            "booking_closes_at": show.starts_at,
            "seats_total": seats,
            "seats_available": seats,
        })
    });
    let listed = async || {
        let answer = mina.dates(&show.concert_id).await.expect(200);
        assert_eq!(answer["concert_id"], show.concert_id.as_str());
        eprintln!("{answer}");
        (answer.list("dates") == expected).then_some(())
    };
    eventually("two dates are listed", listed).await;
    server.finish().await;
}

/// 4. 예약 가능 해당 날짜에 대한 좌석 조회
async fn showing_the_seats_of_a_date(deployment: Deployment) {
    let server = deployment.start().await;
    let operator = server.operator();
    let show = server.stage(&Performance::of_seats(3)).await;
    let tomorrow = Performance::of_seats(3).starting(now() + Duration::days(31));
    let tomorrow = operator.schedule(&show.concert_id, &tomorrow).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan_with("Jun", 50_000).await);

    // alt: the token is not valid, or it is not her turn yet.
    operator.set_gate(&show, &json!({ "paused": true })).await.expect(200);
    mina.join(&show).await.expect(201);
    needs_both_tokens(&mina.seats(&show), &mina).await;
    mina.seats(&show).await.problem(403, "token_not_active");
    operator.set_gate(&show, &json!({ "paused": false })).await.expect(200);
    mina.wait_until_active().await;

    // alt: there is no such concert; it does not play then; it is not what she queued for.
    let nowhere = Show {
        concert_id: unknown_id(),
        ..show.clone()
    };
    mina.seats(&nowhere).await.problem(404, "invalid_concert");
    let never = Show {
        date: "2001-01-01".to_owned(),
        ..show.clone()
    };
    mina.seats(&never).await.problem(404, "invalid_date");
    mina.seats(&tomorrow).await.problem(403, "token_scope_mismatch");

    // All seats with number and status: one is sold, one held, one free.
    jun.enter(&show).await;
    let bought = jun.held(&show, &[1]).await;
    jun.pay(&bought).await.expect(201);
    mina.held(&show, &[2]).await;
    let statuses = async || (statuses(&mina, &show).await == ["sold", "held", "available"]).then_some(());
    eventually("the map shows what was sold, held and left", statuses).await;
    mina.seats(&show).await.expect(200).shows(&json!({
        "concert_id": show.concert_id,
        "schedule_id": show.schedule_id,
        "date": show.date,
    }));
    server.finish().await;
}

/// The statuses of all seats, by number.
async fn statuses(fan: &Fan, show: &Show) -> Vec<Value> {
    let map = fan.seats(show).await.expect(200);
    let seats = map.list("seats");
    let numbers: Vec<_> = seats.iter().map(|seat| seat["seat_number"].clone()).collect();
    assert_eq!(numbers, [1, 2, 3], "{map}");
    seats.iter().map(|seat| seat["status"].clone()).collect()
}

/// 5. 좌석 예약 요청
async fn reserving_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.enter(&show).await;

    refuses_what_cannot_be_reserved(&server, &mina, &show).await;
    nothing_was_booked(&mina, &show, 5).await;

    // alt: the seats are free, and are held for her.
    let held = mina.hold(&show, &[2, 1]).await.expect(201).shows(&json!({
        "status": "success",
        "user_id": mina.user_id,
        "concert_id": show.concert_id,
        "schedule_id": show.schedule_id,
        "date": show.date,
        "seat_numbers": [1, 2],
        "total_price": 100_000,
        "currency": "KRW",
        "state": "held",
    }));
    let remaining = held.number("remaining_seconds");
    assert!((299..=300).contains(&remaining), "five minutes\n{held}");

    // It is stored: she finds the reservation again, and her own seats on the map.
    let reservation_id = held.text("reservation_id");
    mina.reservation(reservation_id).await.expect(200).shows(&json!({
        "reservation_id": reservation_id,
        "user_id": mina.user_id,
        "seat_numbers": [1, 2],
        "total_price": 100_000,
        "state": "held",
        "held_until": held["held_until"],
    }));
    assert_eq!(mina.seat_status(&show, 1).await, "held");

    // else: a seat is taken already, so he gets none of the two.
    let taken = jun.hold(&show, &[2, 3]).await.problem(409, "seat_already_reserved");
    assert_eq!(taken["seat_numbers"], json!([2]), "it names the taken seat\n{taken}");
    assert_eq!(jun.seat_status(&show, 3).await, "available");
    server.finish().await;
}

async fn refuses_what_cannot_be_reserved(server: &Server, mina: &Fan, show: &Show) {
    // alt: the token is not valid.
    needs_both_tokens(&mina.hold(show, &[1]), mina).await;

    // alt: there is no such concert.
    let nowhere = Show {
        concert_id: unknown_id(),
        ..show.clone()
    };
    mina.hold(&nowhere, &[1]).await.problem(404, "invalid_concert");

    // alt: the concert does not play then; or does, but she queued for another day.
    let never = Show {
        date: "2001-01-01".to_owned(),
        ..show.clone()
    };
    mina.hold(&never, &[1]).await.problem(404, "invalid_date");
    let tomorrow = Performance::of_seats(5).starting(now() + Duration::days(31));
    let tomorrow = server.operator().schedule(&show.concert_id, &tomorrow).await;
    mina.hold(&tomorrow, &[1]).await.problem(403, "token_scope_mismatch");

    // There is no such seat.
    mina.hold(show, &[1, 6]).await.problem(404, "invalid_seat");
}
