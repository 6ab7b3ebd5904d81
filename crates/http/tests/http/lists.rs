//! Pages of lists, newest first.

use crate::{
    client::text,
    house::{House, OPERATOR},
};
use rstest::rstest;
use serde_json::{Value, json};

/// Walks a list to its end and gathers a field of every item.
async fn walk(house: &House, path: &str, credential: &str, limit: usize, field: &str) -> Vec<Value> {
    let mut gathered = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = house
            .get(&format!("{path}?limit={limit}{cursor}"))
            .bearer(credential)
            .expect(200)
            .await;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        gathered.extend(items.iter().map(|item| item[field].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return gathered,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_newest_first_and_miss_nothing() {
    let house = House::open().await;
    let mut made = Vec::new();
    for number in 0..5 {
        let body = json!({"title": format!("Concert {number}"), "venue": "Arts Center"});
        made.insert(
            0,
            house
                .post("/v1/admin/concerts", &body)
                .bearer(OPERATOR)
                .expect(201)
                .await["title"]
                .clone(),
        );
    }
    for limit in [1, 2, 5, 100] {
        assert_eq!(walk(&house, "/v1/concerts", OPERATOR, limit, "title").await, made);
    }
    let fan = house.fan().await;
    for amount in [1, 2, 3] {
        house.charge(&fan, amount).await;
    }
    let entries = format!("/v1/users/{}/wallet/entries", fan.user_id);
    for limit in [1, 2, 3] {
        let amounts = walk(&house, &entries, &fan.access_token, limit, "amount").await;
        assert_eq!(amounts, [3, 2, 1]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn payments_are_paged_too() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    house.charge(&fan, 200_000).await;
    let mut paid = Vec::new();
    let held = [
        house.hold(&fan, &place, &concert, &[1]).await,
        house.hold(&fan, &place, &concert, &[2]).await,
        house.hold(&fan, &place, &concert, &[3]).await,
    ];
    for held in held {
        let pay = json!({"reservation_id": held["reservation_id"]});
        let receipt = house.post("/v1/payments", &pay).inside(&fan, &place).expect(201).await;
        paid.insert(0, receipt["payment_id"].clone());
    }
    let path = format!("/v1/users/{}/payments", fan.user_id);
    assert_eq!(walk(&house, &path, &fan.access_token, 2, "payment_id").await, paid);
}

#[rstest]
#[case("limit=0", "limit: must be 1 to 100")]
#[case("limit=101", "limit: must be 1 to 100")]
#[case("limit=-1", "limit: must be 1 to 100")]
#[case("limit=%2B5", "limit: must be 1 to 100")]
#[case("limit=", "limit: must be 1 to 100")]
#[case("limit=ten", "limit: must be 1 to 100")]
#[case("limit=1&limit=2", "limit: is there twice")]
#[case("cursor=", "cursor: must be a next_cursor of this list")]
#[case("cursor=e0000000000000001", "cursor: must be a next_cursor of this list")]
#[case(
    "cursor=c0123456789ABCDEF0123456789ABCDEF",
    "cursor: must be a next_cursor of this list"
)]
#[case(
    "cursor=c%2B123456789abcdef0123456789abcdef",
    "cursor: must be a next_cursor of this list"
)]
#[case("cursor=%C3%A9", "cursor: must be a next_cursor of this list")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_page_is_refused(#[case] query: &str, #[case] detail: &str) {
    let house = House::open().await;
    let problem = house
        .get(&format!("/v1/concerts?{query}"))
        .refused(422, "validation_failed")
        .await;
    assert_eq!(problem["detail"], detail);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_words_in_the_query_do_not_matter() {
    let house = House::open().await;
    let page = house.get("/v1/concerts?utm_source=poster&limit=1").expect(200).await;
    assert_eq!(page, json!({"items": [], "next_cursor": null}));
    let concert = house.concert().await;
    let shown = house
        .get(&format!("/v1/concerts/{}", concert.concert_id))
        .expect(200)
        .await;
    assert_eq!(text(&shown, "title"), "Winter Journey");
    house.get("/v1/concerts/nothing").refused(404, "invalid_concert").await;
}
