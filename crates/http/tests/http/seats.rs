//! The seat map: what it shows, and how it is not sent twice.

use crate::{
    client::{Request, text},
    house::{Concert, Fan, House, OPERATOR},
};
use serde_json::{Value, json};
use time::Duration;

struct Hall {
    house: House,
    concert: Concert,
    fan: Fan,
    place: String,
}

impl Hall {
    async fn open() -> Self {
        let house = House::open().await;
        let concert = house.concert().await;
        let (fan, place) = house.insider(&concert).await;
        Self {
            house,
            concert,
            fan,
            place,
        }
    }

    fn map(&self, query: &str) -> Request {
        let path = format!("/v1/concerts/{}/dates/2026-12-24/seats{query}", self.concert.concert_id);
        self.house.get(&path).inside(&self.fan, &self.place)
    }

    async fn hold(&self, seats: &[u32]) -> Value {
        self.house.hold(&self.fan, &self.place, &self.concert, seats).await
    }
}

fn numbers(map: &Value, status: &str) -> Vec<u64> {
    let seats = map["seats"].as_array().unwrap().iter();
    let wanted = seats.filter(|seat| seat["status"] == status);
    wanted.map(|seat| seat["seat_number"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_seat_is_there_with_its_status() {
    let hall = Hall::open().await;
    let before = hall.map("").expect(200).await;
    assert_eq!(
        before["seats"][6],
        json!({"seat_number": 7, "section": null, "row": null, "label": "7", "price": 50_000, "status": "available"})
    );
    let held = hall.hold(&[7, 8]).await;
    hall.house.charge(&hall.fan, 100_000).await;
    let other = hall.hold(&[9]).await;
    let pay = json!({"reservation_id": held["reservation_id"]});
    hall.house
        .post("/v1/payments", &pay)
        .inside(&hall.fan, &hall.place)
        .expect(201)
        .await;
    let map = hall.map("").expect(200).await;
    assert_eq!((numbers(&map, "sold"), numbers(&map, "held")), (vec![7, 8], vec![9]));
    assert!(map["version"].as_u64() > before["version"].as_u64());
    let free = hall.map("?available=true").expect(200).await;
    assert_eq!(free["seats"].as_array().unwrap().len(), 47);
    assert_eq!(hall.map("?available=false").expect(200).await, map);

    let lapsed = Duration::seconds(other["remaining_seconds"].as_i64().unwrap());
    hall.house.advance(lapsed);
    let later = hall.map("").until(|answer| answer.json() != map).await.json();
    assert_eq!((numbers(&later, "sold"), numbers(&later, "held")), (vec![7, 8], vec![]));
    assert!(later["version"].as_u64() > map["version"].as_u64());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_in_sections_say_where_they_are() {
    let house = House::open().await;
    let concert = house.concert().await;
    let body = json!({
        "starts_at": "2026-12-31T19:30:00+09:00",
        "booking_opens_at": "2026-12-01T09:00:00Z",
        "booking_closes_at": "2026-12-20T09:00:00Z",
        "seats": {"sections": [
            {"name": "A", "rows": 2, "seats_per_row": 3, "price": 99_000},
            {"name": "B", "rows": 1, "seats_per_row": 2, "price": 66_000},
        ]},
    });
    let path = format!("/v1/admin/concerts/{}/schedules", concert.concert_id);
    house.post(&path, &body).bearer(OPERATOR).expect(201).await;
    let fan = house.fan().await;
    let join = json!({"concert_id": concert.concert_id, "date": "2026-12-31"});
    let joined = house.post("/v1/queue/tokens", &join).by(&fan).expect(201).await;
    house.advance(Duration::seconds(1));
    house.admit().await;
    let path = format!("/v1/concerts/{}/dates/2026-12-31/seats", concert.concert_id);
    let map = house
        .get(&path)
        .inside(&fan, &text(&joined, "queue_token"))
        .expect(200)
        .await;
    let seats = map["seats"].as_array().unwrap();
    let labels: Vec<String> = seats.iter().map(|seat| text(seat, "label")).collect();
    assert_eq!(
        labels,
        ["A-1-1", "A-1-2", "A-1-3", "A-2-1", "A-2-2", "A-2-3", "B-1-1", "B-1-2"]
    );
    assert_eq!(
        seats[3],
        json!({"seat_number": 4, "section": "A", "row": "2", "label": "A-2-1", "price": 99_000, "status": "available"})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_that_is_known_already_is_not_sent_again() {
    let hall = Hall::open().await;
    let first = hall.map("").send().await;
    let tag = first.header("etag").to_owned();
    assert_eq!(first.header("cache-control"), "private, no-cache");
    for known in [
        tag.clone(),
        format!("\"other\", {tag}"),
        tag.replace("W/", ""),
        "*".to_owned(),
    ] {
        let again = hall.map("").header("if-none-match", &known).send().await;
        assert_eq!((again.status.as_u16(), again.body.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), tag);
    }
    let free = hall
        .map("?available=true")
        .header("if-none-match", &tag)
        .expect(200)
        .await;
    assert_eq!(free["seats"].as_array().unwrap().len(), 50);
    hall.hold(&[1]).await;
    let changed = hall.map("").header("if-none-match", &tag).send().await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    let refused = hall.map("?available=x").header("if-none-match", "*");
    refused.refused(422, "validation_failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_map_travels_compressed_when_the_client_can_read_that() {
    let hall = Hall::open().await;
    let plain = hall.map("").send().await;
    assert_eq!(plain.header("content-encoding"), "");
    for accepted in ["gzip", "gzip, deflate, br"] {
        let packed = hall.map("").header("accept-encoding", accepted).head().await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        assert_eq!(packed.header("etag"), plain.header("etag"));
        assert!(packed.header("vary").eq_ignore_ascii_case("accept-encoding"));
        assert!(packed.bytes < plain.body.len() / 4, "{} bytes", packed.bytes);
    }
    for accepted in ["br", "identity;q=0, zstd"] {
        let picky = hall.map("").header("accept-encoding", accepted).send().await;
        assert_eq!((picky.status.as_u16(), picky.header("content-encoding")), (200, ""));
    }
    let refused = hall.map("?available=x").header("accept-encoding", "gzip").head().await;
    assert_eq!(refused.header("content-type"), "application/problem+json");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_says_what_a_get_would_without_saying_it() {
    let hall = Hall::open().await;
    let get = hall.map("").send().await;
    let path = format!("/v1/concerts/{}/dates/2026-12-24/seats", hall.concert.concert_id);
    let head = hall
        .house
        .request(reqwest::Method::HEAD, &path)
        .inside(&hall.fan, &hall.place)
        .send()
        .await;
    assert_eq!((head.status.as_u16(), head.body.as_str()), (200, ""));
    assert_eq!(head.header("etag"), get.header("etag"));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    let refused = hall.house.request(reqwest::Method::HEAD, &path).send().await;
    assert_eq!(refused.status, 401);
}
