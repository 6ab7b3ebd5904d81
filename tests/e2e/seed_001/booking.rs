//! Seed 001: dates, seats and holds.

use crate::refusals::needs_both_tokens;
use e2e::{Call, Deployment, Fan, Performance, Server, Show, eventually, now, on_every_deployment, unknown_id};
use serde_json::json;
use time::Duration;

on_every_deployment!(listing_available_dates, showing_available_seats, holding_seats);

/// 예약 가능 날짜 조회
async fn listing_available_dates(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).paused()).await;
    let mut mina = server.fan("Mina").await;
    mina.join(&show).await.expect(201);

    // The token is not valid, or not one that was let in.
    needs_both_tokens(&mina.dates(&show.concert_id), &mina).await;
    mina.dates(&show.concert_id).await.problem(403, "token_not_active");

    // The dates that can be booked.
    let_in(&server, &mina, &show).await;
    let dates = mina.dates(&show.concert_id).await.expect(200);
    let listed: Vec<_> = dates.list("dates").iter().map(|date| &date["date"]).collect();
    assert_eq!(listed, [show.date.as_str()], "{dates}");
    server.finish().await;
}

/// 예약 가능 좌석 조회
async fn showing_available_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&closing_soon().paused()).await;
    let mut mina = server.fan("Mina").await;
    mina.join(&show).await.expect(201);

    // The token is not valid, or not one that was let in.
    needs_both_tokens(&mina.seats(&show), &mina).await;
    mina.seats(&show).await.problem(403, "token_not_active");
    let_in(&server, &mina, &show).await;

    // There is no such performance.
    mina.seats(&another_concert(&show))
        .await
        .problem(404, "invalid_concert");
    mina.seats(&another_date(&show)).await.problem(404, "invalid_date");

    // All seats, those that can be had told from those that cannot.
    mina.held(&show, &[2]).await;
    let map = mina.seats(&show).await.expect(200);
    let statuses: Vec<_> = map.list("seats").iter().map(|seat| &seat["status"]).collect();
    assert_eq!(statuses, ["available", "held", "available"], "{map}");

    // It is not a time to book any more.
    booking_closes(&mina.seats(&show)).await;
    server.finish().await;
}

/// 좌석 임시 예약 요청
async fn holding_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&closing_soon().paused()).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.join(&show).await.expect(201);
    jun.join(&show).await.expect(201);

    // The token is not valid, or not one that was let in.
    needs_both_tokens(&mina.hold(&show, &[1]), &mina).await;
    mina.hold(&show, &[1]).await.problem(403, "token_not_active");
    let_in(&server, &mina, &show).await;
    jun.wait_until_active().await;

    // There is no such seat, or it is somebody's already.
    mina.hold(&show, &[4]).await.problem(404, "invalid_seat");
    jun.held(&show, &[1]).await;
    let taken = mina.hold(&show, &[1, 2]).await.problem(409, "seat_already_reserved");
    assert_eq!(taken["seat_numbers"], json!([1]), "{taken}");

    // There is no such performance.
    mina.hold(&another_concert(&show), &[2])
        .await
        .problem(404, "invalid_concert");
    mina.hold(&another_date(&show), &[2]).await.problem(404, "invalid_date");

    // The seat is hers for now.
    let held = mina.hold(&show, &[2]).await.expect(201).shows(&json!({
        "status": "success",
        "state": "held",
        "seat_numbers": [2],
        "total_price": 50_000,
    }));
    let found = mina.reservation(held.text("reservation_id")).await.expect(200);
    assert_eq!(found["state"], "held", "{found}");
    assert_eq!(mina.seat_status(&show, 2).await, "held");

    // It is not a time to book any more: nothing new can be held, what is held stays so.
    booking_closes(&mina.hold(&show, &[4])).await;
    let kept = mina.reservation(held.text("reservation_id")).await.expect(200);
    assert_eq!(kept["state"], "held", "{kept}");
    server.finish().await;
}

/// Three seats that can be booked for three more seconds.
fn closing_soon() -> Performance {
    Performance::of_seats(3).closing(now() + Duration::seconds(3))
}

async fn let_in(server: &Server, fan: &Fan, show: &Show) {
    let resumed = json!({ "paused": false });
    server.operator().set_gate(show, &resumed).await.expect(200);
    fan.wait_until_active().await;
}

/// Repeats a call that books nothing until it is refused because booking is over.
async fn booking_closes(call: &Call) {
    let closed = async || {
        let answer = call.clone().await;
        (answer.json["code"] == "booking_closed").then_some(answer)
    };
    eventually("booking is closed", closed).await.expect(409);
}

fn another_concert(show: &Show) -> Show {
    Show {
        concert_id: unknown_id(),
        ..show.clone()
    }
}

fn another_date(show: &Show) -> Show {
    Show {
        date: "2001-01-01".to_owned(),
        ..show.clone()
    }
}
