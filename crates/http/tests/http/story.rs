//! A fan's whole way, from signing up to owning seats.

use crate::house::{House, OPERATOR, text};
use serde_json::json;
use time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_queues_looks_holds_pays_and_owns() {
    let house = House::open().await;
    let concert = house.concert().await;
    let fan = house.post("/v1/users", &json!({"name": "Mina"})).expect(201).await;
    let (user_id, access) = (text(&fan, "user_id"), text(&fan, "access_token"));

    let join = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    let issued = house.post("/v1/queue/tokens", &join).bearer(&access).expect(201).await;
    assert_eq!(issued["status"], "issued");
    assert_eq!(issued["position"], 1);
    let queue = text(&issued, "queue_token");
    let again = house.post("/v1/queue/tokens", &join).bearer(&access).expect(200).await;
    assert_eq!(again["status"], "existing");
    assert_eq!(again["queue_token"], queue);

    house.advance(Duration::seconds(1));
    house.admit().await;
    let poll = house.get("/v1/queue/tokens/current").queue(&queue).expect(200).await;
    assert_eq!(
        (&poll["status"], &poll["remaining_seconds"]),
        (&json!("active"), &json!(600))
    );

    let dates = format!("/v1/concerts/{}/dates", concert.concert_id);
    let open = house.get(&dates).bearer(&access).queue(&queue).expect(200).await;
    assert_eq!(open["dates"][0]["seats_available"], 50);
    let map = format!("{dates}/2026-12-24/seats");
    let seats = house.get(&map).bearer(&access).queue(&queue).expect(200).await;
    assert_eq!(seats["seats"].as_array().unwrap().len(), 50);

    let hold = json!({"concert_id": concert.concert_id, "date": "2026-12-24", "seat_numbers": [8, 7]});
    let held = house
        .post("/v1/reservations", &hold)
        .bearer(&access)
        .queue(&queue)
        .expect(201)
        .await;
    assert_eq!(held["status"], "success");
    assert_eq!(held["seat_numbers"], json!([7, 8]));
    let reservation = text(&held, "reservation_id");

    let pay = json!({"reservation_id": reservation, "amount": 100_000});
    let short = house.post("/v1/payments", &pay).bearer(&access).queue(&queue);
    short.refused(402, "insufficient_balance").await;
    let charges = format!("/v1/users/{user_id}/wallet/charges");
    let charged = house
        .post(&charges, &json!({"amount": 150_000}))
        .bearer(&access)
        .expect(201)
        .await;
    assert_eq!(charged["balance"], 150_000);
    let paid = house
        .post("/v1/payments", &pay)
        .bearer(&access)
        .queue(&queue)
        .expect(201)
        .await;
    assert_eq!((&paid["status"], &paid["balance"]), (&json!("success"), &json!(50_000)));

    let done = house.get("/v1/queue/tokens/current").queue(&queue).expect(200).await;
    assert_eq!(done["status"], "completed");
    let reservation = format!("/v1/reservations/{reservation}");
    let owned = house.get(&reservation).bearer(&access).expect(200).await;
    assert_eq!(
        (&owned["state"], &owned["remaining_seconds"]),
        (&json!("confirmed"), &json!(0))
    );
    let payments = house
        .get(&format!("/v1/users/{user_id}/payments"))
        .bearer(&access)
        .expect(200)
        .await;
    assert_eq!(payments["items"][0]["status"], "succeeded");
    let wallet = house
        .get(&format!("/v1/users/{user_id}/wallet"))
        .bearer(&access)
        .expect(200)
        .await;
    assert_eq!(wallet["balance"], 50_000);
    let entries = house
        .get(&format!("/v1/users/{user_id}/wallet/entries"))
        .bearer(&access)
        .expect(200)
        .await;
    let amounts: Vec<_> = entries["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["amount"])
        .collect();
    assert_eq!(amounts, [&json!(-100_000), &json!(150_000)]);

    let stats = format!("/v1/admin/schedules/{}/stats", concert.schedule_id);
    let stats = house.get(&stats).bearer(OPERATOR).expect(200).await;
    assert_eq!(stats["seats"], json!({"available": 48, "held": 0, "sold": 2}));
    let audit = house.get("/v1/admin/audit").bearer(OPERATOR).expect(200).await;
    assert_eq!(audit["ok"], true);
    house.close().await;
}
