//! What is no acceptable body, said in the words of the contract.

use crate::{
    client::Reply,
    house::{House, OPERATOR, Plan},
};
use rstest::rstest;
use serde_json::json;

async fn concert(house: &House, media_type: &str, body: &[u8]) -> Reply {
    let request = house
        .request(reqwest::Method::POST, "/v1/admin/concerts")
        .bearer(OPERATOR);
    let request = if media_type.is_empty() {
        request
    } else {
        request.header("content-type", media_type)
    };
    request.body(body.to_vec()).send().await
}

#[rstest]
#[case::nothing("application/json", b"", "400 malformed_request", "line 1")]
#[case::half("application/json", b"{\"title\": \"a\", ", "400 malformed_request", "line 1")]
#[case::two("application/json", b"{} {}", "400 malformed_request", "line 1, column 4")]
#[case::not_utf8("application/json", b"{\"title\": \"\xff\"}", "400 malformed_request", "not UTF-8")]
#[case::a_control_character("application/json", b"{\"title\": \"\n\"}", "400 malformed_request", "line")]
#[case::not_said("", b"{}", "415 unsupported_media_type", "application/json")]
#[case::a_form(
    "application/x-www-form-urlencoded",
    b"title=a",
    "415 unsupported_media_type",
    "application/json"
)]
#[case::no_object("application/json", b"[]", "422 validation_failed", "body: must be an object")]
#[case::null("application/json", b"null", "422 validation_failed", "body: must be an object")]
#[case::missing(
    "application/json",
    b"{\"title\": \"a\"}",
    "422 validation_failed",
    "venue: is missing"
)]
#[case::a_number(
    "application/json",
    b"{\"title\": 1, \"venue\": \"b\"}",
    "422 validation_failed",
    "title: must be a text"
)]
#[case::a_null(
    "application/json",
    b"{\"title\": null, \"venue\": \"b\"}",
    "422 validation_failed",
    "title: must be a text"
)]
#[case::twice(
    "application/json",
    b"{\"title\": \"a\", \"title\": \"b\"}",
    "422 validation_failed",
    "title: is there twice"
)]
#[case::unknown(
    "application/json",
    b"{\"title\": \"a\", \"venue\": \"b\", \"x\": 1}",
    "422 validation_failed",
    "x: is not a field"
)]
#[case::a_nul(
    "application/json",
    b"{\"title\": \"a\\u0000\", \"venue\": \"b\"}",
    "422 validation_failed",
    "title: must not contain"
)]
#[case::half_a_character(
    "application/json",
    b"{\"title\": \"\\ud800\", \"venue\": \"b\"}",
    "422 validation_failed",
    "title"
)]
#[case::blank(
    "application/json",
    b"{\"title\": \"  \", \"venue\": \"b\"}",
    "422 validation_failed",
    "title: must have 1 to 200"
)]
#[case::with_a_charset(
    "application/json; charset=utf-8",
    b"{\"title\": \"a\", \"venue\": \"b\"}",
    "201",
    "concert_id"
)]
#[case::in_capitals("Application/JSON", b"{\"title\": \"a\", \"venue\": \"b\"}", "201", "concert_id")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_refused_with_what_is_wrong(
    #[case] media_type: &str,
    #[case] body: &[u8],
    #[case] expected: &str,
    #[case] detail: &str,
) {
    let house = House::open().await;
    let answer = concert(&house, media_type, body).await;
    let got = format!("{} {}", answer.status.as_u16(), answer.code());
    assert_eq!(got.trim_end(), expected, "{}", answer.body);
    assert!(answer.body.contains(detail), "{}", answer.body);
    for leak in ["struct", "u32", "serde", "expected", "::", "src/"] {
        assert!(!answer.body.contains(leak), "{leak} in {}", answer.body);
    }
    if answer.status != 201 {
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_may_have_16_kib_and_a_seat_layout_more() {
    let house = House::open().await;
    let padded = |bytes: usize| {
        let body = r#"{"title": "a", "venue": "b"}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let largest = padded(16 * 1024);
    assert_eq!(
        concert(&house, "application/json", largest.as_bytes()).await.status,
        201
    );
    let larger = padded(16 * 1024 + 1);
    assert_eq!(
        concert(&house, "application/json", larger.as_bytes()).await.code(),
        "payload_too_large"
    );
    assert!(
        streamed(&house, &larger)
            .await
            .contains("\"code\":\"payload_too_large\"")
    );
    assert!(streamed(&house, &largest).await.starts_with("HTTP/1.1 201"));

    let concert = house.concert().await;
    let sections: Vec<_> = (0..1_000)
        .map(|number| json!({"name": format!("Section {number}"), "rows": 1, "seats_per_row": 2, "price": 1}))
        .collect();
    let body = json!({
        "starts_at": "2027-01-01T19:30:00+09:00",
        "booking_opens_at": "2026-12-01T09:00:00Z",
        "booking_closes_at": "2026-12-20T09:00:00Z",
        "seats": {"sections": sections},
    });
    assert!(body.to_string().len() > 16 * 1024);
    let path = format!("/v1/admin/concerts/{}/schedules", concert.concert_id);
    let schedule = house.post(&path, &body).bearer(OPERATOR).expect(201).await;
    assert_eq!(schedule["seats_total"], 2_000);
}

/// Sends a body that does not say how long it is.
async fn streamed(house: &House, body: &str) -> String {
    let head = format!(
        "POST /v1/admin/concerts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    let chunks = body.as_bytes().chunks(1_000).map(|chunk| {
        let chunk = String::from_utf8_lossy(chunk);
        format!("{:x}\r\n{chunk}\r\n", chunk.len())
    });
    house
        .raw(&format!("{head}{}0\r\n\r\n", chunks.collect::<String>()))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_json_is_refused_at_once() {
    let house = House::open().await;
    let deep = format!(
        "{{\"title\": {}1{}, \"venue\": \"b\"}}",
        "[".repeat(8_000),
        "]".repeat(8_000)
    );
    assert_eq!(
        concert(&house, "application/json", deep.as_bytes()).await.code(),
        "validation_failed"
    );
    let open = "[".repeat(16_000);
    assert_eq!(
        concert(&house, "application/json", open.as_bytes()).await.code(),
        "malformed_request"
    );
}

/// Won have no decimals, dollars have two, dinars three.
#[rstest]
#[case("KRW", "1", Some("1"))]
#[case("KRW", "1.0", Some("1"))]
#[case("KRW", "1e2", Some("100"))]
#[case("KRW", "10000000", Some("10000000"))]
#[case("KRW", "10000001", None)]
#[case("KRW", "0.5", None)]
#[case("KRW", "0", None)]
#[case("KRW", "-1", None)]
#[case("KRW", "1e400", None)]
#[case("KRW", "99999999999999999999999999999999", None)]
#[case("KRW", "\"1\"", None)]
#[case("KRW", "null", None)]
#[case("KRW", "true", None)]
#[case("KRW", "[1]", None)]
#[case("KRW", "{}", None)]
#[case("USD", "0.1", Some("0.10"))]
#[case("USD", "12.34", Some("12.34"))]
#[case("USD", "0.001", None)]
#[case("KWD", "0.001", Some("0.001"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amount_is_read_and_written_exactly(
    #[case] currency: &'static str,
    #[case] literal: &str,
    #[case] balance: Option<&str>,
) {
    let house = House::with(Plan {
        currency,
        ..Plan::default()
    })
    .await;
    let fan = house.fan().await;
    let path = format!("/v1/users/{}/wallet/charges", fan.user_id);
    let body = format!("{{\"amount\": {literal}}}");
    let request = house.request(reqwest::Method::POST, &path).by(&fan);
    let answer = request
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await;
    match balance {
        Some(balance) => {
            assert_eq!(answer.status, 201, "{}", answer.body);
            assert!(
                answer.body.contains(&format!("\"balance\":{balance},")),
                "{}",
                answer.body
            );
        }
        None => assert_eq!(answer.code(), "invalid_amount", "{}", answer.body),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_amount_that_is_not_there_is_no_amount_for_a_charge_but_fine_for_a_payment() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let charges = format!("/v1/users/{}/wallet/charges", fan.user_id);
    house
        .post(&charges, &json!({}))
        .by(&fan)
        .refused(422, "invalid_amount")
        .await;
    house.charge(&fan, 50_000).await;
    let held = house.hold(&fan, &place, &concert, &[1]).await;
    let pay = json!({"reservation_id": held["reservation_id"]});
    house.post("/v1/payments", &pay).inside(&fan, &place).expect(201).await;
}

#[rstest]
#[case::both(json!({"count": 5, "price": 1, "sections": []}), "seats.count: is not a field")]
#[case::neither(json!({}), "seats.count: is missing")]
#[case::no_price(json!({"count": 5}), "seats.price: is missing")]
#[case::half_a_won(json!({"count": 5, "price": 0.5}), "seats.price: must be an amount")]
#[case::free(json!({"count": 5, "price": 0}), "seats: every seat needs a price above zero")]
#[case::priceless(json!({"count": 5, "price": 1_000_000_001}), "seats.price: must be an amount")]
#[case::none(json!({"count": 0, "price": 1}), "seats: must come to 1 to 100000 seats")]
#[case::too_many(json!({"count": 100_001, "price": 1}), "seats: must come to 1 to 100000 seats")]
#[case::huge(json!({"sections": [{"name": "A", "rows": 4_294_967_295_u32, "seats_per_row": 4_294_967_295_u32, "price": 1}]}), "seats")]
#[case::beyond_counting(json!({"sections": [{"name": "A", "rows": 4_294_967_295_u32, "seats_per_row": 4_294_967_295_u32, "price": 1}, {"name": "B", "rows": 4_294_967_295_u32, "seats_per_row": 4_294_967_295_u32, "price": 1}]}), "seats")]
#[case::no_sections(json!({"sections": []}), "seats: must come to 1")]
#[case::in_a_section(json!({"sections": [{"name": "A", "rows": 1, "seats_per_row": "x", "price": 1}]}), "seats.sections[0].seats_per_row: must be a whole number")]
#[case::same_name(json!({"sections": [{"name": "A", "rows": 1, "seats_per_row": 1, "price": 1}, {"name": "A", "rows": 1, "seats_per_row": 1, "price": 1}]}), "seats: every section needs a name of its own")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_layout_is_refused_with_what_is_wrong(#[case] seats: serde_json::Value, #[case] detail: &str) {
    let house = House::open().await;
    let concert = house.concert().await;
    let path = format!("/v1/admin/concerts/{}/schedules", concert.concert_id);
    let body = json!({
        "starts_at": "2027-01-01T19:30:00+09:00",
        "booking_opens_at": "2026-12-01T09:00:00Z",
        "booking_closes_at": "2026-12-20T09:00:00Z",
        "seats": seats,
    });
    let problem = house
        .post(&path, &body)
        .bearer(OPERATOR)
        .refused(422, "validation_failed")
        .await;
    assert!(problem["detail"].as_str().unwrap().starts_with(detail), "{problem}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_number_may_be_written_with_zeros() {
    let house = House::open().await;
    let concert = house.concert().await;
    let gate = format!("/v1/admin/schedules/{}/gate", concert.schedule_id);
    let request = house.request(reqwest::Method::PATCH, &gate).bearer(OPERATOR);
    let request = request.header("content-type", "application/json");
    let changed = request
        .body(r#"{"max_active": 5.0, "session_seconds": 6e1}"#)
        .expect(200)
        .await;
    assert_eq!(
        changed,
        json!({"max_active": 5, "admissions_per_minute": 600, "session_seconds": 60, "paused": false})
    );
    let request = house.request(reqwest::Method::PATCH, &gate).bearer(OPERATOR);
    let request = request.header("content-type", "application/json");
    request
        .body(r#"{"max_active": 5.5}"#)
        .refused(422, "validation_failed")
        .await;
    let none = house
        .request(reqwest::Method::PATCH, &gate)
        .bearer(OPERATOR)
        .json(&json!({"max_active": 0}));
    let problem = none.refused(422, "validation_failed").await;
    assert_eq!(problem["detail"], "max_active: must be 1 to 1000000");
}
