//! Callers who ask too often, and more callers than can be served.

use crate::{
    client::Request,
    house::{House, OPERATOR, Plan},
};
use frontrow_http::Settings;
use reqwest::Method;
use serde_json::json;

async fn limited(trusted_proxies: &str) -> House {
    let settings = Settings {
        open_sign_up: true,
        trusted_proxies: trusted_proxies.parse().unwrap(),
        ..Settings::default()
    };
    House::with(Plan {
        settings,
        ..Plan::default()
    })
    .await
}

fn sign_up(house: &House) -> Request {
    house.post("/v1/users", &json!({"name": "Mina"}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_asks_too_often_is_told_when_to_come_back() {
    let house = limited("").await;
    for _ in 0..20 {
        sign_up(&house).expect(201).await;
    }
    let refused = sign_up(&house).send().await;
    assert_eq!(
        (refused.status.as_u16(), refused.code().as_str()),
        (429, "rate_limited")
    );
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=6).contains(&wait), "{wait}");
    assert_eq!(refused.json()["retry_after_seconds"], wait);
    sign_up(&house)
        .header("x-forwarded-for", "203.0.113.9")
        .refused(429, "rate_limited")
        .await;
    sign_up(&house).bearer(OPERATOR).expect(201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_a_trusted_proxy_everybody_has_an_address_of_their_own() {
    let house = limited("127.0.0.0/8").await;
    let from = |address: &str| sign_up(&house).header("x-forwarded-for", address);
    for _ in 0..20 {
        from("1.1.1.1, 203.0.113.9").expect(201).await;
    }
    from("2.2.2.2, 203.0.113.9").refused(429, "rate_limited").await;
    from("203.0.113.10").expect(201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_is_limited_by_rule_and_nobody_elses_calls_count() {
    let house = limited("").await;
    let concert = house.concert().await;
    let (mina, jisoo) = (house.fan().await, house.fan().await);
    let (place, other) = (house.join(&mina, &concert).await, house.join(&jisoo, &concert).await);
    let poll = |place: &str| house.get("/v1/queue/tokens/current").queue(place);
    let mut polls = 0;
    while poll(&place).send().await.status == 200 {
        polls += 1;
    }
    assert!((4..40).contains(&polls), "{polls} polls");
    poll(&other).expect(200).await;
    let wallet = format!("/v1/users/{}/wallet", mina.user_id);
    house.get(&wallet).by(&mina).expect(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_turned_away_at_once_but_health_is_not() {
    let settings = Settings {
        most_in_flight: 0,
        ..Settings::default()
    };
    let house = House::with(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    for path in ["/v1/concerts", "/openapi.json", "/nowhere"] {
        let refused = house.get(path).send().await;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (503, "overloaded"),
            "{path}"
        );
        assert_eq!(refused.header("retry-after"), "1");
    }
    let huge = house
        .request(Method::POST, "/v1/reservations")
        .body("x".repeat(1 << 20));
    huge.refused(503, "overloaded").await;
    for path in ["/health/live", "/health/ready", "/metrics"] {
        assert_eq!(house.get(path).send().await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_done_make_room_for_others() {
    let settings = Settings {
        most_in_flight: 1,
        ..Settings::default()
    };
    let house = House::with(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    for _ in 0..5 {
        house.get("/v1/concerts").expect(200).await;
        house.get("/nowhere").refused(404, "not_found").await;
    }
}
