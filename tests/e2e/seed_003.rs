//! The five diagrams of seed 003, in its order.

use crate::refusals::needs_both_tokens;
use e2e::{Deployment, Fan, Performance, Show, eventually, now, on_every_deployment};
use serde_json::json;
use time::Duration;

on_every_deployment!(
    issuing_tokens_and_keeping_the_line,
    listing_dates_and_seats,
    reserving_seats,
    charging_and_reading_the_balance,
    settling_a_payment,
);

/// 유저 토큰 발급 및 대기열 관리
async fn issuing_tokens_and_keeping_the_line(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).paused()).await;
    let mut fans = Vec::new();

    // Each token is made with a look at the line: one place further back than the last.
    for name in ["Mina", "Jun", "Somi"] {
        let mut fan = server.fan(name).await;
        let issued = fan.join(&show).await.expect(201);
        assert_eq!(issued["status"], "issued", "{issued}");
        assert_eq!(issued["position"].as_u64(), Some(fans.len() as u64 + 1), "{issued}");
        fans.push(fan);
    }

    // The line stays as it is: asking again moves nobody.
    for (fan, position) in fans.iter_mut().zip(1..) {
        let again = fan.join(&show).await.expect(200);
        assert_eq!(again["position"], position, "{again}");
    }

    // Who leaves makes room for those behind, and gets a new place at the end.
    fans[0].leave().await.expect(204);
    for (fan, position) in fans[1..].iter().zip(1..) {
        stands_at(fan, position).await;
    }
    let left = fans[0].poll().await.expect(200);
    assert_eq!(left["status"], "expired", "{left}");
    let back = fans[0].join(&show).await.expect(201);
    assert_eq!(back["position"], 3, "{back}");

    // They enter in the order they joined.
    let resumed = json!({ "paused": false });
    server.operator().set_gate(&show, &resumed).await.expect(200);
    let mut entered = Vec::new();
    for fan in [&fans[1], &fans[2], &fans[0]] {
        let inside = fan.wait_until_active().await;
        entered.push(inside.text("activated_at").to_owned());
    }
    assert!(entered.is_sorted(), "{entered:?}");
    server.finish().await;
}

async fn stands_at(fan: &Fan, position: u32) {
    let there = async || (fan.poll().await.expect(200)["position"] == position).then_some(());
    eventually("the line has moved up", there).await;
}

/// 예약 가능 날짜 / 좌석 조회
async fn listing_dates_and_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(2)).await;
    let week_later = Performance::of_seats(2).starting(now() + Duration::days(37));
    let week_later = server.operator().schedule(&show.concert_id, &week_later).await;

    // Given a token that has passed the line,
    let mut mina = server.fan("Mina").await;
    mina.enter(&week_later).await;

    // the dates that can be booked,
    let dates = mina.dates(&show.concert_id).await.expect(200);
    let listed: Vec<_> = dates.list("dates").iter().map(|date| &date["schedule_id"]).collect();
    assert_eq!(
        listed,
        [show.schedule_id.as_str(), week_later.schedule_id.as_str()],
        "{dates}"
    );

    // and the seats that can be booked on the one she queued for.
    let map = mina.available_seats(&week_later).await.expect(200);
    assert_eq!(map.list("seats").len(), 2, "{map}");
    assert_eq!(map["date"], week_later.date.as_str(), "{map}");
    mina.seats(&show).await.problem(403, "token_scope_mismatch");
    server.finish().await;
}

/// 좌석 예약 요청
async fn reserving_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(6).gate("max_active", 1)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.join(&show).await.expect(201);

    // The token is verified, with a look at the line.
    needs_both_tokens(&mina.hold(&show, &[1]), &mina).await;
    jun.hold(&show, &[1]).await.problem(403, "token_not_active");
    let borrowed = jun.hold(&show, &[1]).queue_token(&mina.queue_token);
    borrowed.await.problem(403, "user_mismatch");

    // The seats are reserved, no more than a fan may have.
    let held = mina.hold(&show, &[3, 1, 2]).await.expect(201);
    assert_eq!(held["status"], "success", "{held}");
    assert_eq!(held["seat_numbers"], json!([1, 2, 3]), "{held}");
    let more = mina.hold(&show, &[4, 5]).await;
    more.problem(422, "seat_limit_exceeded");
    mina.held(&show, &[6]).await;

    // She leaves: her seats and her place inside are for the next.
    mina.leave().await.expect(204);
    jun.wait_until_active().await;
    jun.held(&show, &[1, 2, 3, 6]).await;
    let released = mina.reservation(held.text("reservation_id")).await.expect(200);
    assert_eq!(released["state"], "released", "{released}");
    server.finish().await;
}

/// 잔액 충전 / 조회
async fn charging_and_reading_the_balance(deployment: Deployment) {
    let server = deployment.start().await;
    let mina = server.fan("Mina").await;
    let mut balance = 0;
    for amount in [1, 10_000_000, 250] {
        // The charge is done,
        let charged = mina.charge(amount).await.expect(201);
        balance += amount;
        assert_eq!(charged["status"], "success", "{charged}");
        assert_eq!(charged["balance"], balance, "{charged}");

        // and a look at the balance shows it.
        assert_eq!(mina.balance().await, balance);
    }
    server.finish().await;
}

/// 결제 처리
async fn settling_a_payment(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(4).gate("max_active", 1)).await;
    let mut mina = server.fan_with("Mina", 150_000).await;
    let mut jun = server.fan("Jun").await;
    mina.enter(&show).await;
    jun.join(&show).await.expect(201);
    let first = mina.held(&show, &[1, 2]).await;
    let second = mina.held(&show, &[3]).await;

    // The token is verified.
    needs_both_tokens(&mina.pay(&first), &mina).await;

    // The seats become hers. With another unpaid hold the place inside stays hers too.
    let paid = mina.pay(&first).await.expect(201);
    assert_eq!(paid["seat_numbers"], json!([1, 2]), "{paid}");
    let still_inside = mina.poll().await.expect(200);
    assert_eq!(still_inside["status"], "active", "{still_inside}");

    // With the last one paid, the place in the line ends,
    let paid = mina.pay(&second).await.expect(201);
    assert_eq!(paid["seat_numbers"], json!([3]), "{paid}");
    assert_eq!(paid["balance"], 0, "{paid}");
    let finished = mina.poll().await.expect(200);
    assert_eq!(finished["status"], "completed", "{finished}");

    // for the next one to enter, who sees whose seats those are.
    jun.wait_until_active().await;
    sold_are(&jun, &show, &[1, 2, 3]).await;
    jun.hold(&show, &[3]).await.problem(409, "seat_already_reserved");
    server.finish().await;
}

async fn sold_are(fan: &Fan, show: &Show, seat_numbers: &[u32]) {
    let shown = async || {
        let map = fan.seats(show).await.expect(200);
        let sold = map.list("seats").iter().filter(|seat| seat["status"] == "sold");
        let sold: Vec<_> = sold.map(|seat| seat["seat_number"].clone()).collect();
        (sold == seat_numbers).then_some(())
    };
    eventually("the map shows what is sold", shown).await;
}
