//! Places in line as a client sees them.

use crate::{
    client::text,
    house::{House, OPERATOR},
};
use serde_json::{Value, json};
use time::Duration;

fn join_body(concert: &str, date: &str) -> Value {
    json!({"concert_id": concert, "date": date})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_told_flat_and_what_does_not_apply_is_null() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (first, second) = (house.fan().await, house.fan().await);
    house.join(&first, &concert).await;
    let body = join_body(&concert.concert_id, "2026-12-24");
    let mut issued = house.post("/v1/queue/tokens", &body).by(&second).expect(201).await;
    let place = text(&issued, "queue_token");
    issued["queue_token"] = json!("[place]");
    let waiting = json!({
        "status": "issued",
        "state": "waiting",
        "queue_token": "[place]",
        "user_id": second.user_id,
        "concert_id": concert.concert_id,
        "schedule_id": concert.schedule_id,
        "date": "2026-12-24",
        "position": 2,
        "estimated_wait_seconds": 1,
        "estimated_wait_from_seconds": 1,
        "estimated_wait_to_seconds": 1,
        "poll_after_seconds": 1,
        "outlook": "open",
        "next_release_at": null,
        "issued_at": "2026-12-01T10:00:00.000Z",
        "activated_at": null,
        "expires_at": null,
        "remaining_seconds": null,
        "age_seconds": 0,
    });
    assert_eq!(issued, waiting);

    for _ in 0..2 {
        house.advance(Duration::seconds(1));
        house.admit().await;
    }
    house.advance(Duration::milliseconds(1_500));
    let polled = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
    let active = json!({
        "status": "active",
        "state": "active",
        "user_id": second.user_id,
        "concert_id": concert.concert_id,
        "schedule_id": concert.schedule_id,
        "date": "2026-12-24",
        "position": null,
        "estimated_wait_seconds": null,
        "estimated_wait_from_seconds": null,
        "estimated_wait_to_seconds": null,
        "poll_after_seconds": null,
        "outlook": "open",
        "next_release_at": null,
        "issued_at": "2026-12-01T10:00:00.000Z",
        "activated_at": "2026-12-01T10:00:02.000Z",
        "expires_at": "2026-12-01T10:10:03.500Z",
        "remaining_seconds": 600,
        "age_seconds": 0,
    });
    assert_eq!(
        polled, active,
        "the poll claimed the slot, and the session runs from there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_nobody_claims_ends_after_the_claim_window() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let shown = house
        .post("/v1/queue/tokens", &join_body(&concert.concert_id, "2026-12-24"))
        .by(&fan);
    let shown = shown.expect(200).await;
    assert_eq!(
        (&shown["status"], &shown["remaining_seconds"]),
        (&json!("existing"), &json!(60))
    );
    house.advance(Duration::seconds(60));
    let ended = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
    assert_eq!(
        (&ended["status"], &ended["expires_at"]),
        (&json!("expired"), &json!(null))
    );
    let again = house
        .post("/v1/queue/tokens", &join_body(&concert.concert_id, "2026-12-24"))
        .by(&fan);
    let again = again.expect(201).await;
    assert_ne!(text(&again, "queue_token"), place);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_call_with_the_token_claims_the_slot_even_a_refused_one() {
    let house = House::open().await;
    let concert = house.concert().await;
    for path in ["/v1/concerts/none/dates", "/v1/concerts/none/dates/never/seats"] {
        let (fan, place) = house.insider(&concert).await;
        house
            .get(path)
            .inside(&fan, &place)
            .refused(404, "invalid_concert")
            .await;
        house.advance(Duration::seconds(61));
        let still = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
        assert_eq!(
            (&still["status"], &still["remaining_seconds"]),
            (&json!("active"), &json!(539))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_was_left_looks_expired_and_leaving_again_is_fine() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let held = house.hold(&fan, &place, &concert, &[1]).await;
    for _ in 0..2 {
        house.delete("/v1/queue/tokens/current").queue(&place).expect(204).await;
    }
    let left = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
    assert_eq!(
        (&left["status"], &left["state"]),
        (&json!("expired"), &json!("expired"))
    );
    let reservation = format!("/v1/reservations/{}", text(&held, "reservation_id"));
    assert_eq!(house.get(&reservation).by(&fan).expect(200).await["state"], "released");
    house
        .delete(&reservation)
        .by(&fan)
        .refused(409, "reservation_not_held")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_genuine_token_that_nobody_keeps_is_not_found() {
    let house = House::open().await;
    let elsewhere = House::open().await;
    let concert = elsewhere.concert().await;
    let place = elsewhere.join(&elsewhere.fan().await, &concert).await;
    house
        .get("/v1/queue/tokens/current")
        .queue(&place)
        .refused(404, "not_found")
        .await;
    house
        .delete("/v1/queue/tokens/current")
        .queue(&place)
        .refused(404, "not_found")
        .await;
    let fan = house.fan().await;
    house
        .get("/v1/concerts/none/dates")
        .inside(&fan, &place)
        .refused(401, "invalid_token")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_says_what_is_wrong_with_the_date() {
    let house = House::open().await;
    let concert = house.concert().await;
    for start in ["2026-12-25T14:00:00+09:00", "2026-12-25T19:30:00+09:00"] {
        house.schedule(&concert.concert_id, start).await;
    }
    let fan = house.fan().await;
    let join = |concert: &str, date: &str| house.post("/v1/queue/tokens", &join_body(concert, date)).by(&fan);
    let concert = concert.concert_id.as_str();
    join("none", "2026-12-24").refused(404, "invalid_concert").await;
    for unknown in ["2026-12-23", "24.12.2026", "", "2026-12-24T19:30:01+09:00"] {
        join(concert, unknown).refused(404, "invalid_datetime").await;
    }
    join(concert, "2026-12-25").refused(409, "ambiguous_date").await;
    let evening = join(concert, "2026-12-25T10:30:00.000Z").expect(201).await;
    assert_eq!(evening["date"], "2026-12-25");
    house.advance(Duration::days(19));
    join(concert, "2026-12-24").refused(409, "booking_closed").await;
    house.advance(Duration::days(5));
    join(concert, "2026-12-24").refused(404, "invalid_datetime").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_acts_for_the_fan_who_is_named_or_whose_token_it_is() {
    let house = House::open().await;
    let concert = house.concert().await;
    let fan = house.fan().await;
    let mut join = join_body(&concert.concert_id, "2026-12-24");
    house
        .post("/v1/queue/tokens", &join)
        .bearer(OPERATOR)
        .refused(404, "invalid_user")
        .await;
    join["user_id"] = json!("nobody");
    house
        .post("/v1/queue/tokens", &join)
        .bearer(OPERATOR)
        .refused(404, "invalid_user")
        .await;
    join["user_id"] = json!(fan.user_id);
    let joined = house.post("/v1/queue/tokens", &join).bearer(OPERATOR).expect(201).await;
    let place = text(&joined, "queue_token");
    house.advance(Duration::seconds(1));
    house.admit().await;
    let hold = json!({"concert_id": concert.concert_id, "date": "2026-12-24", "seat_numbers": [1]});
    let held = house
        .post("/v1/reservations", &hold)
        .bearer(OPERATOR)
        .queue(&place)
        .expect(201)
        .await;
    assert_eq!(held["user_id"], fan.user_id);
    house.charge(&fan, 50_000).await;
    let mut pay = json!({"reservation_id": held["reservation_id"], "user_id": "nobody"});
    house
        .post("/v1/payments", &pay)
        .bearer(OPERATOR)
        .queue(&place)
        .refused(404, "invalid_user")
        .await;
    pay["user_id"] = Value::Null;
    house
        .post("/v1/payments", &pay)
        .bearer(OPERATOR)
        .queue(&place)
        .expect(201)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_gate_promises_no_time() {
    let house = House::open().await;
    let concert = house.concert().await;
    let gate = format!("/v1/admin/schedules/{}/gate", concert.schedule_id);
    let paused = house
        .request(reqwest::Method::PATCH, &gate)
        .json(&json!({"paused": true}));
    assert_eq!(paused.bearer(OPERATOR).expect(200).await["paused"], true);
    let (_, place) = house.insider(&concert).await;
    let waiting = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
    assert_eq!(
        (&waiting["status"], &waiting["position"]),
        (&json!("waiting"), &json!(1))
    );
    assert_eq!(waiting["estimated_wait_seconds"], Value::Null);
    assert_eq!(house.get(&gate).bearer(OPERATOR).expect(200).await["paused"], true);
}
