//! Letting fans in out of turn, as operators and those who wait see it.

use crate::{
    client::Request,
    house::{Concert, House, OPERATOR},
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

const POLL: &str = "/v1/queue/tokens/current";

fn let_through(house: &House, concert: &Concert, body: &Value) -> Request {
    let path = format!("/v1/admin/schedules/{}/admissions", concert.schedule_id);
    house.post(&path, body).bearer(OPERATOR)
}

async fn set_gate(house: &House, concert: &Concert, change: &Value) {
    let path = format!("/v1/admin/schedules/{}/gate", concert.schedule_id);
    let request = house.request(Method::PATCH, &path).json(change);
    request.bearer(OPERATOR).expect(200).await;
}

async fn poll(house: &House, place: &str) -> Value {
    house.get(POLL).queue(place).expect(200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_who_is_named_enters_past_a_paused_gate_and_those_behind_move_up() {
    let house = House::open().await;
    let concert = house.concert().await;
    set_gate(&house, &concert, &json!({"paused": true})).await;
    let fans = [house.fan().await, house.fan().await, house.fan().await];
    let mut places = Vec::new();
    for fan in &fans {
        places.push(house.join(fan, &concert).await);
    }
    house.views.refresh().await.unwrap();
    for (place, position) in places.iter().zip(1..) {
        assert_eq!(poll(&house, place).await["position"], position);
    }
    let body = json!({"user_id": fans[1].user_id});
    let entered = let_through(&house, &concert, &body).expect(201).await;
    for (field, value) in [
        ("status", json!("active")),
        ("state", json!("active")),
        ("user_id", json!(fans[1].user_id)),
        ("schedule_id", json!(concert.schedule_id)),
        ("position", Value::Null),
        ("poll_after_seconds", Value::Null),
        ("outlook", json!("open")),
        ("remaining_seconds", json!(60)),
    ] {
        assert_eq!(entered[field], value, "{field} of {entered}");
    }
    assert!(entered.get("queue_token").is_none(), "{entered}");
    // Nobody has read the gate anew, and yet everybody is told at once.
    assert_eq!(poll(&house, &places[0]).await["position"], 1);
    assert_eq!(poll(&house, &places[2]).await["position"], 2);

    let again = let_through(&house, &concert, &json!({"queue_token": places[1]}));
    assert_eq!(again.expect(200).await, entered);
    house.advance(Duration::seconds(10));
    let own = poll(&house, &places[1]).await;
    assert_eq!(
        (&own["status"], &own["remaining_seconds"]),
        (&json!("active"), &json!(600))
    );
    house.hold(&fans[1], &places[1], &concert, &[1]).await;
    let stats = format!("/v1/admin/schedules/{}/stats", concert.schedule_id);
    let stats = house.get(&stats).bearer(OPERATOR).expect(200).await;
    assert_eq!(
        [&stats["let_through"], &stats["no_shows"], &stats["leavers"]],
        [&json!(1), &json!(0), &json!(0)]
    );
    assert_eq!(stats["tokens"]["waiting"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_who_listens_hears_of_it() {
    let house = House::open().await;
    let concert = house.concert().await;
    set_gate(&house, &concert, &json!({"paused": true})).await;
    let (guest, next) = (house.fan().await, house.fan().await);
    let places = [house.join(&guest, &concert).await, house.join(&next, &concert).await];
    let mut heard = house
        .get("/v1/queue/tokens/current/events")
        .queue(&places[0])
        .events()
        .await;
    assert_eq!(heard.expect("position").await.data["position"], 1);

    let body = json!({"user_id": guest.user_id});
    let entered = let_through(&house, &concert, &body).expect(201).await;
    let admitted = loop {
        let event = heard.next().await.unwrap();
        if event.name == "admitted" {
            break event.data;
        }
        assert_eq!(event.name, "outlook", "{event:?}");
    };
    assert_eq!(admitted["activated_at"], entered["activated_at"]);
    assert_eq!(poll(&house, &places[1]).await["position"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_repeats_the_very_answer() {
    let house = House::open().await;
    let concert = house.concert().await;
    set_gate(&house, &concert, &json!({"paused": true})).await;
    let fan = house.fan().await;
    let place = house.join(&fan, &concert).await;
    let body = json!({"user_id": fan.user_id});
    let first = let_through(&house, &concert, &body).key("once").send().await;
    assert_eq!(first.status.as_u16(), 201, "{}", first.body);
    house.delete(POLL).queue(&place).expect(204).await;
    let again = let_through(&house, &concert, &body).key("once").send().await;
    assert_eq!((again.status, again.body), (first.status, first.body));
    let other = json!({"queue_token": place});
    let reused = let_through(&house, &concert, &other).key("once");
    reused.refused(422, "idempotency_key_reused").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_be_let_through_is_said_in_the_order_of_the_checks() {
    let house = House::open().await;
    let (concert, elsewhere) = (house.concert().await, house.concert().await);
    let (_, inside) = house.insider(&concert).await;
    set_gate(&house, &concert, &json!({"max_active": 1})).await;
    let (fan, stranger) = (house.fan().await, house.fan().await);
    let stray = house.join(&fan, &elsewhere).await;
    let nowhere = Concert {
        concert_id: String::new(),
        schedule_id: "nowhere".to_owned(),
    };
    let user = json!({"user_id": fan.user_id});
    for body in [
        json!({}),
        json!({"user_id": null}),
        json!({"user_id": 7}),
        json!({"user_id": fan.user_id, "queue_token": inside}),
    ] {
        let_through(&house, &nowhere, &body)
            .refused(422, "validation_failed")
            .await;
    }
    let_through(&house, &nowhere, &user)
        .refused(404, "invalid_schedule")
        .await;
    let forged = json!({"queue_token": "frq_forged"});
    let_through(&house, &concert, &forged).refused(404, "not_found").await;
    let unknown = json!({"user_id": "nobody"});
    let_through(&house, &concert, &unknown)
        .refused(404, "invalid_user")
        .await;
    let mismatch = json!({"queue_token": stray});
    let_through(&house, &concert, &mismatch)
        .refused(403, "token_scope_mismatch")
        .await;
    let absent = json!({"user_id": stranger.user_id});
    let_through(&house, &concert, &absent).refused(404, "not_found").await;
    house.join(&fan, &concert).await;
    let full = let_through(&house, &concert, &user).refused(409, "gate_full").await;
    assert!(full["detail"].as_str().unwrap().contains("max_active"), "{full}");
    house.advance(Duration::days(19));
    let_through(&house, &concert, &user)
        .refused(409, "booking_closed")
        .await;
    let_through(&house, &concert, &absent)
        .refused(409, "booking_closed")
        .await;
}
