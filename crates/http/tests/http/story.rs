//! A fan's whole way, from signing up to owning seats.

use crate::{
    client::text,
    house::{Concert, Fan, House, OPERATOR},
};
use serde_json::{Value, json};
use time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_queues_looks_holds_pays_and_owns() {
    let house = House::open().await;
    let concert = house.concert().await;
    let signed_up = house.post("/v1/users", &json!({"name": "Mina"})).expect(201).await;
    let fan = Fan {
        user_id: text(&signed_up, "user_id"),
        access_token: text(&signed_up, "access_token"),
    };
    let place = enter(&house, &concert, &fan).await;
    let held = look_and_hold(&house, &concert, &fan, &place).await;

    let pay = json!({"reservation_id": held["reservation_id"], "amount": 100_000});
    let pay = || house.post("/v1/payments", &pay).inside(&fan, &place);
    pay().refused(402, "insufficient_balance").await;
    assert_eq!(house.charge(&fan, 150_000).await["balance"], 150_000);
    let paid = pay().expect(201).await;
    assert_eq!((&paid["status"], &paid["balance"]), (&json!("success"), &json!(50_000)));

    let done = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
    assert_eq!(done["status"], "completed");
    read_it_all_again(&house, &concert, &fan, &held).await;
    house.close().await;
}

async fn enter(house: &House, concert: &Concert, fan: &Fan) -> String {
    let join = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    let issued = house.post("/v1/queue/tokens", &join).by(fan).expect(201).await;
    assert_eq!((&issued["status"], &issued["position"]), (&json!("issued"), &json!(1)));
    let again = house.post("/v1/queue/tokens", &join).by(fan).expect(200).await;
    assert_eq!(again["status"], "existing");
    assert_eq!(again["queue_token"], issued["queue_token"]);
    house.advance(Duration::seconds(1));
    house.admit().await;
    let place = text(&issued, "queue_token");
    let poll = house.get("/v1/queue/tokens/current").queue(&place).expect(200).await;
    assert_eq!(
        (&poll["status"], &poll["remaining_seconds"]),
        (&json!("active"), &json!(600))
    );
    place
}

async fn look_and_hold(house: &House, concert: &Concert, fan: &Fan, place: &str) -> Value {
    let dates = format!("/v1/concerts/{}/dates", concert.concert_id);
    let open = house.get(&dates).inside(fan, place).expect(200).await;
    assert_eq!(open["dates"][0]["seats_available"], 50);
    let map = house
        .get(&format!("{dates}/2026-12-24/seats"))
        .inside(fan, place)
        .expect(200)
        .await;
    assert_eq!(map["seats"].as_array().unwrap().len(), 50);
    let held = house.hold(fan, place, concert, &[8, 7]).await;
    assert_eq!(
        (&held["status"], &held["seat_numbers"]),
        (&json!("success"), &json!([7, 8]))
    );
    held
}

async fn read_it_all_again(house: &House, concert: &Concert, fan: &Fan, held: &Value) {
    let reservation = format!("/v1/reservations/{}", text(held, "reservation_id"));
    let owned = house.get(&reservation).by(fan).expect(200).await;
    assert_eq!(
        (&owned["state"], &owned["remaining_seconds"]),
        (&json!("confirmed"), &json!(0))
    );
    let of_fan = |what: &str| house.get(&format!("/v1/users/{}/{what}", fan.user_id)).by(fan);
    let payments = of_fan("payments").expect(200).await;
    assert_eq!(payments["items"][0]["status"], "succeeded");
    let wallet = of_fan("wallet").expect(200).await;
    assert_eq!(wallet["balance"], 50_000);
    let by_id = house
        .get(&format!("/v1/wallets/{}", text(&wallet, "wallet_id")))
        .by(fan);
    assert_eq!(by_id.expect(200).await, wallet);
    let entries = of_fan("wallet/entries").expect(200).await;
    let entries = entries["items"].as_array().unwrap();
    assert_eq!(
        (&entries[0]["amount"], &entries[1]["amount"]),
        (&json!(-100_000), &json!(150_000))
    );

    let stats = format!("/v1/admin/schedules/{}/stats", concert.schedule_id);
    let stats = house.get(&stats).bearer(OPERATOR).expect(200).await;
    assert_eq!(stats["seats"], json!({"available": 48, "held": 0, "sold": 2}));
    assert_eq!(stats["wait_seconds"], json!({"p50": 1, "p99": 1}));
    assert_eq!(stats["revenue"], 100_000);
    let audit = house.get("/v1/admin/audit").bearer(OPERATOR).expect(200).await;
    assert_eq!(audit["ok"], true);
}
