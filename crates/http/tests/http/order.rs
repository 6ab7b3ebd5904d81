//! The order of all checks: credential, rate limit, body, then the row's own. The first that fails
//! wins; each case here breaks everything from one check on.

use crate::{
    client::{Request, text},
    house::{Concert, Fan, House, OPERATOR, Plan},
};
use frontrow_domain::identity::Scope;
use frontrow_http::Settings;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use time::Duration;

/// Every call that takes a credential and a body, with a path that names nothing.
const WITH_BODY: [(&str, &str, Scope); 9] = [
    ("POST", "/v1/queue/tokens", Scope::BookingOnBehalf),
    ("POST", "/v1/reservations", Scope::BookingOnBehalf),
    ("POST", "/v1/payments", Scope::BookingOnBehalf),
    ("POST", "/v1/users/x/wallet/charges", Scope::BookingOnBehalf),
    ("POST", "/v1/wallets/x/charges", Scope::BookingOnBehalf),
    ("POST", "/v1/admin/concerts", Scope::CatalogWrite),
    ("POST", "/v1/admin/concerts/x/schedules", Scope::CatalogWrite),
    ("PATCH", "/v1/admin/schedules/x/gate", Scope::QueueWrite),
    ("POST", "/v1/admin/schedules/x/admissions", Scope::QueueWrite),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credential_then_size_then_media_type_then_syntax_then_shape() {
    let house = House::open().await;
    let (_, place) = house.insider(&house.concert().await).await;
    for (method, path, scope) in WITH_BODY {
        let call = || house.request(method.parse::<Method>().unwrap(), path);
        let huge = || "x".repeat(1024 * 1024 + 1);
        let others: Vec<Scope> = Scope::ALL.into_iter().filter(|other| *other != scope).collect();
        let lacking = house.operator(&others).await;
        call().body(huge()).refused(401, "invalid_token").await;
        call()
            .bearer("nonsense")
            .queue(&place)
            .body(huge())
            .refused(401, "invalid_token")
            .await;
        call()
            .bearer(&lacking)
            .queue("nonsense")
            .body(huge())
            .refused(403, "forbidden")
            .await;
        if path == "/v1/reservations" || path == "/v1/payments" {
            call()
                .bearer(OPERATOR)
                .queue("nonsense")
                .body(huge())
                .refused(401, "invalid_token")
                .await;
        }
        let able = || call().bearer(OPERATOR).queue(&place);
        able().body(huge()).refused(413, "payload_too_large").await;
        able().body("{").refused(415, "unsupported_media_type").await;
        let json = |body: &'static str| able().header("content-type", "application/json").body(body);
        json(r#"{"surprise": 1"#).refused(400, "malformed_request").await;
        json(r#"{"surprise": 1}"#).refused(422, "validation_failed").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_limit_comes_after_the_credential_and_before_the_body() {
    let plan = Plan {
        settings: Settings::default(),
        ..Plan::default()
    };
    let house = House::with(plan).await;
    let fan = house.fan().await;
    let path = format!("/v1/users/{}/wallet/charges", fan.user_id);
    let broken = || house.request(Method::POST, &path).body("{");
    for _ in 0..40 {
        broken().by(&fan).refused(415, "unsupported_media_type").await;
    }
    broken().by(&fan).refused(429, "rate_limited").await;
    broken().bearer("nonsense").refused(401, "invalid_token").await;
    broken().bearer(OPERATOR).refused(415, "unsupported_media_type").await;
}

/// A house with two concerts, the first of which plays twice on a day, and fans at its gate.
struct Scene {
    house: House,
    concert: Concert,
    elsewhere: Concert,
    fan: Fan,
    place: String,
}

impl Scene {
    async fn set() -> Self {
        let house = House::open().await;
        let concert = house.concert().await;
        let elsewhere = house.concert().await;
        for start in ["2026-12-25T14:00:00+09:00", "2026-12-25T19:30:00+09:00"] {
            house.schedule(&concert.concert_id, start).await;
        }
        house.schedule(&concert.concert_id, "2026-12-26T19:30:00+09:00").await;
        let (fan, place) = house.insider(&concert).await;
        Self {
            house,
            concert,
            elsewhere,
            fan,
            place,
        }
    }

    fn seats(&self, concert: &str, date: &str, query: &str) -> Request {
        let path = format!("/v1/concerts/{concert}/dates/{date}/seats{query}");
        self.house.get(&path).by(&self.fan)
    }

    /// The fan's place after it was given back.
    async fn left(&self) -> String {
        let fan = self.house.fan().await;
        let place = self.house.join(&fan, &self.concert).await;
        self.house
            .delete("/v1/queue/tokens/current")
            .queue(&place)
            .expect(204)
            .await;
        place
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seat_map_checks_from_the_outside_in() {
    let scene = Scene::set().await;
    let (concert, place) = (&scene.concert.concert_id, &scene.place);
    let stranger = scene.house.fan().await;
    let waiting = scene.house.join(&stranger, &scene.concert).await;
    let left = scene.left().await;
    let nowhere = "no-such-concert";

    scene
        .seats(nowhere, "never", "?available=maybe")
        .refused(401, "invalid_token")
        .await;
    scene
        .seats(nowhere, "never", "?available=maybe")
        .queue(&left)
        .refused(422, "validation_failed")
        .await;
    scene
        .seats(nowhere, "never", "")
        .queue(&left)
        .refused(401, "invalid_token")
        .await;
    scene
        .seats(nowhere, "never", "")
        .queue(&waiting)
        .refused(403, "token_not_active")
        .await;
    scene.house.advance(Duration::seconds(1));
    scene.house.admit().await;
    // Another instance may have told the fan already: nobody is sent away who is inside by now.
    scene
        .seats(nowhere, "never", "")
        .queue(&waiting)
        .refused(403, "user_mismatch")
        .await;
    scene
        .seats(nowhere, "never", "")
        .queue(place)
        .refused(404, "invalid_concert")
        .await;
    scene
        .seats(concert, "never", "")
        .queue(place)
        .refused(404, "invalid_date")
        .await;
    scene
        .seats(concert, "2026-12-31", "")
        .queue(place)
        .refused(404, "invalid_date")
        .await;
    scene
        .seats(concert, "2026-12-25", "")
        .queue(place)
        .refused(409, "ambiguous_date")
        .await;
    let other = "2026-12-25T14:00:00%2B09:00";
    scene
        .seats(concert, other, "")
        .queue(place)
        .refused(403, "token_scope_mismatch")
        .await;
    scene
        .seats(concert, "2026-12-26", "")
        .queue(place)
        .refused(403, "token_scope_mismatch")
        .await;
    let elsewhere = &scene.elsewhere.concert_id;
    scene
        .seats(elsewhere, "2026-12-24", "")
        .queue(place)
        .refused(403, "token_scope_mismatch")
        .await;
    scene.seats(concert, "2026-12-24", "").queue(place).expect(200).await;
    scene
        .seats(concert, "2026-12-24T10:30:00Z", "")
        .queue(place)
        .expect(200)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_seat_map_closes_with_booking_after_all_other_checks() {
    let scene = Scene::set().await;
    let stats = format!("/v1/admin/schedules/{}/gate", scene.concert.schedule_id);
    let long = json!({"session_seconds": 86_400});
    scene
        .house
        .request(Method::PATCH, &stats)
        .json(&long)
        .bearer(OPERATOR)
        .expect(200)
        .await;
    scene.house.advance(Duration::days(18) + Duration::hours(22));
    let (fan, place) = scene.house.insider(&scene.concert).await;
    let path = |date: &str| format!("/v1/concerts/{}/dates/{date}/seats", scene.concert.concert_id);
    let seats = |date: &str| scene.house.get(&path(date)).inside(&fan, &place);
    seats("2026-12-24").expect(200).await;
    scene.house.advance(Duration::hours(2));
    seats("2026-12-26").refused(403, "token_scope_mismatch").await;
    seats("2026-12-24").refused(409, "booking_closed").await;
    let dates = format!("/v1/concerts/{}/dates", scene.concert.concert_id);
    let open = scene.house.get(&dates).inside(&fan, &place).expect(200).await;
    assert_eq!(open["dates"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dates_check_the_place_then_the_concert_then_its_scope() {
    let scene = Scene::set().await;
    let dates = |concert: &str| scene.house.get(&format!("/v1/concerts/{concert}/dates")).by(&scene.fan);
    dates("none")
        .queue(&scene.left().await)
        .refused(401, "invalid_token")
        .await;
    dates("none").queue(&scene.place).refused(404, "invalid_concert").await;
    let elsewhere = &scene.elsewhere.concert_id;
    dates(elsewhere)
        .queue(&scene.place)
        .refused(403, "token_scope_mismatch")
        .await;
    let open = dates(&scene.concert.concert_id).queue(&scene.place).expect(200).await;
    let days: Vec<String> = open["dates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|date| text(date, "date"))
        .collect();
    assert_eq!(days, ["2026-12-24", "2026-12-25", "2026-12-25", "2026-12-26"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_checks_from_the_outside_in() {
    let scene = Scene::set().await;
    let concert = scene.concert.concert_id.as_str();
    let hold = |concert: &str, date: &str, seats: Value, place: &str| {
        let body = json!({"concert_id": concert, "date": date, "seat_numbers": seats});
        scene.house.post("/v1/reservations", &body).inside(&scene.fan, place)
    };
    let (rival, rivals_place) = scene.house.insider(&scene.concert).await;
    scene.house.hold(&rival, &rivals_place, &scene.concert, &[9]).await;
    let place = scene.place.as_str();
    hold("none", "never", json!([]), &scene.left().await)
        .refused(401, "invalid_token")
        .await;
    hold("none", "never", json!([]), &rivals_place)
        .refused(403, "user_mismatch")
        .await;
    hold("none", "never", json!([]), place)
        .refused(422, "validation_failed")
        .await;
    hold("none", "never", json!([1, 1]), place)
        .refused(422, "validation_failed")
        .await;
    hold("none", "never", json!([1]), place)
        .refused(404, "invalid_concert")
        .await;
    hold(concert, "never", json!([1]), place)
        .refused(404, "invalid_date")
        .await;
    hold(concert, "2026-12-25", json!([1]), place)
        .refused(409, "ambiguous_date")
        .await;
    hold(concert, "2026-12-26", json!([1]), place)
        .refused(403, "token_scope_mismatch")
        .await;
    let limit = hold(concert, "2026-12-24", json!([9, 99, 3, 4, 5]), place);
    limit.refused(422, "seat_limit_exceeded").await;
    for unknown in [
        json!([9, 99]),
        json!([9, 0]),
        json!([9, -1]),
        json!([9, 4_294_967_296_u64]),
        json!([1e300]),
    ] {
        hold(concert, "2026-12-24", unknown, place)
            .refused(404, "invalid_seat")
            .await;
    }
    let taken = hold(concert, "2026-12-24", json!([8, 9]), place)
        .refused(409, "seat_already_reserved")
        .await;
    assert_eq!(taken["seat_numbers"], json!([9]));
    assert_eq!(taken["detail"], "seats [9] are taken");
    hold(concert, "2026-12-24", json!([8, 10]), place).expect(201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_checks_its_amount_right_after_the_place() {
    let scene = Scene::set().await;
    let held = scene.house.hold(&scene.fan, &scene.place, &scene.concert, &[7]).await;
    let (rival, rivals_place) = scene.house.insider(&scene.concert).await;
    let rivals = scene.house.hold(&rival, &rivals_place, &scene.concert, &[9]).await;
    let pay = |body: Value, place: &str| scene.house.post("/v1/payments", &body).inside(&scene.fan, place);
    let place = scene.place.as_str();
    let other = rival.user_id.as_str();
    let bad = json!({"reservation_id": "none", "amount": null, "user_id": other});
    pay(bad.clone(), &scene.left().await)
        .refused(401, "invalid_token")
        .await;
    pay(bad.clone(), &rivals_place).refused(403, "user_mismatch").await;
    pay(bad, place).refused(422, "invalid_amount").await;
    pay(json!({"reservation_id": "none", "user_id": other}), place)
        .refused(403, "user_mismatch")
        .await;
    pay(json!({"reservation_id": "none"}), place)
        .refused(404, "invalid_reservation")
        .await;
    pay(json!({"reservation_id": rivals["reservation_id"], "amount": 1}), place)
        .refused(403, "user_mismatch")
        .await;
    let own = &held["reservation_id"];
    pay(json!({"reservation_id": own, "amount": 1}), place)
        .refused(422, "amount_mismatch")
        .await;
    let price = json!({"reservation_id": own, "amount": 50_000});
    pay(price.clone(), place).refused(402, "insufficient_balance").await;
    scene.house.charge(&scene.fan, 50_000).await;
    pay(price, place).expect(201).await;
}

#[rstest]
#[case::the_query_first("/v1/users/none/payments?limit=0", 422, "validation_failed")]
#[case::then_the_user("/v1/users/none/payments", 403, "user_mismatch")]
#[case::entries_too("/v1/users/none/wallet/entries?cursor=x", 422, "validation_failed")]
#[case::and_the_wallet("/v1/users/none/wallet", 403, "user_mismatch")]
#[case::no_wallet("/v1/wallets/none", 404, "invalid_wallet")]
#[case::no_reservation("/v1/reservations/none", 404, "invalid_reservation")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_what_is_not_there(#[case] path: &str, #[case] status: u16, #[case] code: &str) {
    let house = House::open().await;
    let fan = house.fan().await;
    house.get(path).by(&fan).refused(status, code).await;
    if code == "user_mismatch" {
        house.get(path).bearer(OPERATOR).refused(404, "invalid_user").await;
    }
}
