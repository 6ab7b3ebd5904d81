//! Whether there is anything left, as it is told to those who wait and those who are inside.

use crate::{
    client::text,
    house::{Concert, Fan, House, OPERATOR},
};
use serde_json::{Value, json};
use time::Duration;

const POLL: &str = "/v1/queue/tokens/current";

/// A performance with a single seat.
async fn one_seat(house: &House) -> Concert {
    let body = json!({"title": "Winter Journey", "venue": "Arts Center"});
    let concert = house.post("/v1/admin/concerts", &body).bearer(OPERATOR);
    let concert_id = text(&concert.expect(201).await, "concert_id");
    let path = format!("/v1/admin/concerts/{concert_id}/schedules");
    let schedule = json!({
        "starts_at": "2026-12-24T19:30:00+09:00",
        "booking_opens_at": "2026-12-01T09:00:00Z",
        "booking_closes_at": "2026-12-20T09:00:00Z",
        "seats": {"count": 1, "price": 50_000},
    });
    let schedule = house.post(&path, &schedule).bearer(OPERATOR).expect(201).await;
    Concert {
        schedule_id: text(&schedule, "schedule_id"),
        concert_id,
    }
}

/// What a place shows as soon as it shows this outlook.
async fn until(house: &House, place: &str, outlook: &str) -> Value {
    let poll = || async {
        house.views.refresh_stock().await.unwrap();
        house.get(POLL).queue(place).expect(200).await
    };
    let mut polled = poll().await;
    while polled["outlook"] != outlook {
        polled = poll().await;
    }
    polled
}

async fn pay(house: &House, fan: &Fan, place: &str, held: &Value) {
    house.charge(fan, 50_000).await;
    let body = json!({"reservation_id": held["reservation_id"]});
    house.post("/v1/payments", &body).inside(fan, place).expect(201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_is_told_when_all_is_held_and_when_all_is_sold() {
    let house = House::open().await;
    let concert = one_seat(&house).await;
    let (buyer, inside) = house.insider(&concert).await;
    let waiting = house.join(&house.fan().await, &concert).await;
    let open = until(&house, &waiting, "open").await;
    assert_eq!((&open["next_release_at"], &open["position"]), (&Value::Null, &json!(1)));

    let held = house.hold(&buyer, &inside, &concert, &[1]).await;
    let all_held = until(&house, &waiting, "all_held").await;
    assert_eq!(all_held["next_release_at"], held["held_until"]);
    assert!(all_held["estimated_wait_seconds"].is_u64(), "{all_held}");
    let own = house.get(POLL).queue(&inside).expect(200).await;
    assert_eq!(
        (&own["status"], &own["outlook"], &own["next_release_at"]),
        (&json!("active"), &json!("all_held"), &held["held_until"])
    );

    pay(&house, &buyer, &inside, &held).await;
    let sold_out = until(&house, &waiting, "sold_out").await;
    for field in [
        "next_release_at",
        "estimated_wait_seconds",
        "estimated_wait_from_seconds",
        "estimated_wait_to_seconds",
    ] {
        assert_eq!(sold_out[field], Value::Null, "{field} of {sold_out}");
    }
    assert_eq!(
        (&sold_out["status"], &sold_out["position"]),
        (&json!("waiting"), &json!(1))
    );
    assert!(sold_out["poll_after_seconds"].is_u64(), "{sold_out}");
    house.advance(Duration::seconds(10));
    house.admit().await;
    assert_eq!(until(&house, &waiting, "sold_out").await["status"], "waiting");
    let over = house.get(POLL).queue(&inside).expect(200).await;
    assert_eq!((&over["status"], &over["outlook"]), (&json!("completed"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_ends_is_told_and_lets_the_next_one_in() {
    let house = House::open().await;
    let concert = one_seat(&house).await;
    let (first, inside) = house.insider(&concert).await;
    let waiting = house.join(&house.fan().await, &concert).await;
    house.hold(&first, &inside, &concert, &[1]).await;
    until(&house, &waiting, "all_held").await;
    house.advance(Duration::seconds(300));
    until(&house, &waiting, "open").await;
    house.admit().await;
    let still = house.get(POLL).queue(&waiting).expect(200).await;
    assert_eq!(still["status"], "waiting", "the seat may still be the other's");
    house.delete(POLL).queue(&inside).expect(204).await;
    house.admit().await;
    let next = house.get(POLL).queue(&waiting).expect(200).await;
    assert_eq!((&next["status"], &next["outlook"]), (&json!("active"), &json!("open")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_is_told_too_and_the_answer_to_a_key_never_changes() {
    let house = House::open().await;
    let concert = one_seat(&house).await;
    let (buyer, inside) = house.insider(&concert).await;
    let late = house.fan().await;
    let body = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    let join = || house.post("/v1/queue/tokens", &body).by(&late);
    let first = join().key("once").send().await;
    assert_eq!((first.status.as_u16(), &first.json()["outlook"]), (201, &json!("open")));

    let held = house.hold(&buyer, &inside, &concert, &[1]).await;
    let asked = join().until(|reply| reply.json()["outlook"] == "all_held").await;
    assert_eq!(asked.json()["next_release_at"], held["held_until"]);
    let again = join().key("once").send().await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    let there = join().key("twice").expect(200).await;
    assert_eq!(
        (&there["status"], &there["outlook"]),
        (&json!("existing"), &json!("all_held"))
    );
}
