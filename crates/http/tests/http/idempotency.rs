//! Retry safety: the same key and body get the same answer, and one effect.

use crate::{
    client::{Reply, Request, text},
    house::{House, OPERATOR},
};
use serde_json::{Value, json};
use time::Duration;

/// Sends the same thing twice and gets the same bytes back.
async fn twice(call: impl Fn() -> Request, status: u16) -> Value {
    let first = call().send().await;
    assert_eq!(first.status, status, "{}", first.body);
    let second = call().send().await;
    assert_eq!((second.status, &second.body), (first.status, &first.body));
    first.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_an_operator_makes_is_made_once() {
    let house = House::open().await;
    let concert = json!({"title": "Winter Journey", "venue": "Arts Center"});
    let made = twice(
        || house.post("/v1/admin/concerts", &concert).bearer(OPERATOR).key("one"),
        201,
    )
    .await;
    let all = house.get("/v1/concerts").expect(200).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);

    let schedule = json!({
        "starts_at": "2026-12-24T19:30:00+09:00",
        "booking_opens_at": "2026-12-01T09:00:00Z",
        "booking_closes_at": "2026-12-20T09:00:00Z",
        "seats": {"count": 50, "price": 50_000},
    });
    let path = format!("/v1/admin/concerts/{}/schedules", text(&made, "concert_id"));
    twice(|| house.post(&path, &schedule).bearer(OPERATOR).key("one"), 201).await;
    house
        .post(&path, &schedule)
        .bearer(OPERATOR)
        .key("two")
        .refused(409, "schedule_exists")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_made_once_and_gets_a_fresh_credential_with_each_answer() {
    let house = House::open().await;
    let call = || {
        house
            .post("/v1/users", &json!({"name": "Mina"}))
            .bearer(OPERATOR)
            .key("sign-up")
    };
    let first = call().expect(201).await;
    house.advance(Duration::hours(1));
    let second = call().expect(201).await;
    assert_eq!(first["user_id"], second["user_id"]);
    assert_ne!(first["access_token"], second["access_token"]);
    let wallet = format!("/v1/users/{}/wallet", text(&first, "user_id"));
    for answer in [&first, &second] {
        house
            .get(&wallet)
            .bearer(&text(answer, "access_token"))
            .expect(200)
            .await;
    }
    let grant = format!("/v1/users/{}/access-tokens", text(&first, "user_id"));
    let granted = house
        .request(reqwest::Method::POST, &grant)
        .bearer(OPERATOR)
        .key("grant")
        .expect(201)
        .await;
    assert_eq!(granted["user_id"], first["user_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fans_whole_way_repeats_byte_for_byte() {
    let house = House::open().await;
    let concert = house.concert().await;
    let fan = house.fan().await;
    let join = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    let joined = twice(|| house.post("/v1/queue/tokens", &join).by(&fan).key("k"), 201).await;
    assert_eq!(
        joined["status"], "issued",
        "a repeated answer is the first one, not `existing`"
    );
    let place = text(&joined, "queue_token");
    house.advance(Duration::seconds(1));
    house.admit().await;

    let charges = format!("/v1/users/{}/wallet/charges", fan.user_id);
    let charged = twice(
        || house.post(&charges, &json!({"amount": 80_000})).by(&fan).key("k"),
        201,
    )
    .await;
    assert_eq!(charged["balance"], 80_000);

    let hold = json!({"concert_id": concert.concert_id, "date": "2026-12-24", "seat_numbers": [1]});
    let held = twice(
        || house.post("/v1/reservations", &hold).inside(&fan, &place).key("k"),
        201,
    )
    .await;
    house.advance(Duration::seconds(30));
    let again = house
        .post("/v1/reservations", &hold)
        .inside(&fan, &place)
        .key("k")
        .expect(201)
        .await;
    assert_eq!(again, held, "the answer is that of the moment it was given");

    let pay = json!({"reservation_id": held["reservation_id"]});
    let paid = twice(|| house.post("/v1/payments", &pay).inside(&fan, &place).key("k"), 201).await;
    assert_eq!(paid["balance"], 30_000, "though the token is completed since");
    house
        .post("/v1/payments", &pay)
        .inside(&fan, &place)
        .key("new")
        .refused(401, "invalid_token")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_is_repeated_and_a_silence_is_asked_again() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    house.charge(&fan, 200_000).await;
    let held = house.hold(&fan, &place, &concert, &[1]).await;
    let kept = house.hold(&fan, &place, &concert, &[2]).await;

    let silent = json!({"reservation_id": kept["reservation_id"], "payment_method": "timeout"});
    let pay = |body: &Value, key: &str| house.post("/v1/payments", body).inside(&fan, &place).key(key);
    let unknown = pay(&silent, "silent").send().await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.code().as_str()),
        (503, "outcome_unknown")
    );
    assert_eq!(unknown.header("retry-after"), "1");

    let declined = json!({"reservation_id": held["reservation_id"], "payment_method": "decline"});
    let first = twice(|| pay(&declined, "declined"), 402).await;
    assert_eq!(first["code"], "payment_failed");
    let released = format!("/v1/reservations/{}", text(&held, "reservation_id"));
    assert_eq!(house.get(&released).by(&fan).expect(200).await["state"], "released");

    twice(|| pay(&silent, "silent"), 201).await;
    let list = house
        .get(&format!("/v1/users/{}/payments", fan.user_id))
        .by(&fan)
        .expect(200)
        .await;
    let states: Vec<String> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| text(item, "status"))
        .collect();
    assert_eq!(
        states,
        ["failed", "succeeded"],
        "in the order in which they were first asked for"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_belongs_to_its_caller_route_and_body() {
    let house = House::open().await;
    let (mina, jisoo) = (house.fan().await, house.fan().await);
    let charge = |fan: &str, body: &Value| house.post(&format!("/v1/users/{fan}/wallet/charges"), body).key("same");
    let (one, two) = (json!({"amount": 1}), json!({"amount": 2}));
    let first = charge(&mina.user_id, &one).by(&mina).expect(201).await;
    let others = charge(&jisoo.user_id, &one).by(&jisoo).expect(201).await;
    assert_ne!(first["entry_id"], others["entry_id"]);
    charge(&mina.user_id, &two)
        .by(&mina)
        .refused(422, "idempotency_key_reused")
        .await;
    let spaced = house.request(
        reqwest::Method::POST,
        &format!("/v1/users/{}/wallet/charges", mina.user_id),
    );
    let spaced = spaced
        .by(&mina)
        .key("same")
        .header("content-type", "application/json")
        .body("{\"amount\": 1}");
    spaced.refused(422, "idempotency_key_reused").await;
    let by_id = format!("/v1/wallets/{}/charges", text(&first, "wallet_id"));
    let by_id = house.post(&by_id, &one).by(&mina).key("same").expect(201).await;
    assert_ne!(by_id["entry_id"], first["entry_id"]);
    let on_behalf = charge(&mina.user_id, &one).bearer(OPERATOR).expect(201).await;
    assert_eq!(on_behalf["balance"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_not_repeated_to_somebody_with_the_same_place_in_line() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (mina, place) = house.insider(&concert).await;
    let jisoo = house.fan().await;
    house.charge(&mina, 50_000).await;
    let hold = json!({"concert_id": concert.concert_id, "date": "2026-12-24", "seat_numbers": [1]});
    let hold = || house.post("/v1/reservations", &hold).key("mine");
    let held = hold().inside(&mina, &place).expect(201).await;
    hold().inside(&jisoo, &place).refused(403, "user_mismatch").await;
    let pay = json!({"reservation_id": held["reservation_id"]});
    let pay = || house.post("/v1/payments", &pay).key("mine");
    let paid = pay().inside(&mina, &place).expect(201).await;
    // The place is completed now, which is told before whose it was.
    pay().inside(&jisoo, &place).refused(401, "invalid_token").await;
    assert_eq!(pay().inside(&mina, &place).expect(201).await, paid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_has_1_to_255_characters() {
    let house = House::open().await;
    let fan = house.fan().await;
    let path = format!("/v1/users/{}/wallet/charges", fan.user_id);
    let charge = |key: &str| house.post(&path, &json!({"amount": 1})).by(&fan).key(key);
    for key in ["", &"k".repeat(256), &"ü".repeat(256)] {
        let problem = charge(key).refused(422, "validation_failed").await;
        assert!(text(&problem, "detail").starts_with("Idempotency-Key: "), "{problem}");
    }
    charge("a").key("b").refused(422, "validation_failed").await;
    for key in [&"k".repeat(255), "!~\"#%", "two words", "schlüssel", &"ü".repeat(255)] {
        let first = charge(key).expect(201).await;
        assert_eq!(charge(key).expect(201).await, first, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_without_a_credential_means_nothing() {
    let house = House::open().await;
    let call = || house.post("/v1/users", &json!({"name": "Mina"})).key("anonymous");
    let answers: [Reply; 2] = [call().send().await, call().send().await];
    assert_ne!(text(&answers[0].json(), "user_id"), text(&answers[1].json(), "user_id"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_decided_anew() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let held = house.hold(&fan, &place, &concert, &[1]).await;
    let pay = json!({"reservation_id": held["reservation_id"]});
    let pay = || house.post("/v1/payments", &pay).inside(&fan, &place).key("k");
    pay().refused(402, "insufficient_balance").await;
    house.charge(&fan, 50_000).await;
    pay().expect(201).await;
}
