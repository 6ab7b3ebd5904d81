//! Seed 002: dates, seats and reservations.

use crate::refusals::needs_both_tokens;
use e2e::{Deployment, Fan, Performance, Show, eventually, now, on_every_deployment};
use serde_json::{Value, json};
use time::Duration;

on_every_deployment!(listing_available_dates, listing_seats, reserving_a_seat);

/// 예약 가능 날짜 조회 API
async fn listing_available_dates(deployment: Deployment) {
    let server = deployment.start().await;
    let first = server.stage(&Performance::of_seats(2)).await;
    let later = Performance::of_seats(3).starting(now() + Duration::days(60));
    let second = server.operator().schedule(&first.concert_id, &later).await;
    let mut mina = server.fan_with("Mina", 100_000).await;

    // note: only with a valid queue token.
    mina.enter(&first).await;
    needs_both_tokens(&mina.dates(&first.concert_id), &mina).await;

    // The dates that can be booked, and how many seats each has left.
    mina.held(&first, &[1]).await;
    let left = async || {
        let dates = mina.dates(&first.concert_id).await.expect(200);
        let dates: Vec<_> = dates
            .list("dates")
            .iter()
            .map(|date| (date["date"].clone(), date["seats_available"].clone()))
            .collect();
        let expected = [(json!(first.date), json!(1)), (json!(second.date), json!(3))];
        (dates == expected).then_some(())
    };
    eventually("one seat of the first date is held", left).await;
    server.finish().await;
}

/// 좌석 조회 API
async fn listing_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4).at_price(77_000)).await;
    let mut mina = server.fan_with("Mina", 77_000).await;
    let mut jun = server.fan("Jun").await;

    // note: only with a valid queue token.
    mina.enter(&show).await;
    jun.enter(&show).await;
    needs_both_tokens(&mina.available_seats(&show), &mina).await;

    // The seats that can be had: all, less one sold and one held.
    assert_eq!(available(&jun, &show).await, [1, 2, 3, 4]);
    let bought = mina.held(&show, &[1]).await;
    mina.pay(&bought).await.expect(201);
    jun.held(&show, &[3]).await;
    let left = async || (available(&jun, &show).await == [2, 4]).then_some(());
    eventually("two seats are left", left).await;
    let map = jun.available_seats(&show).await.expect(200);
    for seat in map.list("seats") {
        assert_eq!(seat["status"], "available", "{map}");
        assert_eq!(seat["price"], 77_000, "{map}");
    }
    server.finish().await;
}

/// The numbers of the seats that can be had.
async fn available(fan: &Fan, show: &Show) -> Vec<Value> {
    let map = fan.available_seats(show).await.expect(200);
    let numbers = map.list("seats").iter().map(|seat| seat["seat_number"].clone());
    numbers.collect()
}

/// 좌석 예약 요청 API
async fn reserving_a_seat(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);

    // note: only with a valid queue token.
    mina.enter(&show).await;
    jun.enter(&show).await;
    needs_both_tokens(&mina.hold(&show, &[1]), &mina).await;

    // alt: the seat is free: it is hers for five minutes, and a reservation is made.
    let held = mina.hold(&show, &[1]).await.expect(201);
    assert_eq!(held["status"], "success", "{held}");
    let remaining = held.number("remaining_seconds");
    assert!((299..=300).contains(&remaining), "{held}");
    let reservation = mina.reservation(held.text("reservation_id")).await.expect(200);
    assert_eq!(reservation["state"], "held", "{reservation}");
    assert_eq!(reservation["held_until"], held["held_until"], "{reservation}");

    // else: the seat is somebody's for now; also when that somebody is she.
    for fan in [&jun, &mina] {
        let refused = fan.hold(&show, &[1]).await.problem(409, "seat_already_reserved");
        assert_eq!(refused["seat_numbers"], json!([1]), "{refused}");
    }
    server.finish().await;
}
