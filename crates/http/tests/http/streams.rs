//! What is told as it happens.

use crate::{
    client::{Events, text},
    house::{Concert, Fan, House, OPERATOR, Plan},
};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

const PLACE: &str = "/v1/queue/tokens/current";
const LINE: &str = "/v1/queue/tokens/current/events";

fn seats_of(concert: &Concert) -> String {
    format!("/v1/concerts/{}/dates/2026-12-24/seats", concert.concert_id)
}

async fn line(house: &House, place: &str) -> Events {
    house.get(LINE).queue(place).events().await
}

async fn seats(house: &House, fan: &Fan, place: &str, concert: &Concert, version: Option<&str>) -> Events {
    let request = house.get(&format!("{}/events", seats_of(concert))).inside(fan, place);
    let request = match version {
        Some(version) => request.header("last-event-id", version),
        None => request,
    };
    request.events().await
}

async fn version_of_map(house: &House, fan: &Fan, place: &str, concert: &Concert) -> u64 {
    let map = house.get(&seats_of(concert)).inside(fan, place).expect(200).await;
    map["version"].as_u64().unwrap()
}

async fn close_gate(house: &House, concert: &Concert, closed: bool) {
    let path = format!("/v1/admin/schedules/{}/gate", concert.schedule_id);
    let gate = house.request(Method::PATCH, &path).json(&json!({ "paused": closed }));
    gate.bearer(OPERATOR).expect(200).await;
}

/// Two fans in front of a gate that lets nobody in.
async fn two_in_line(house: &House) -> (Concert, [String; 2]) {
    let concert = house.concert().await;
    close_gate(house, &concert, true).await;
    let first = house.join(&house.fan().await, &concert).await;
    let second = house.join(&house.fan().await, &concert).await;
    (concert, [first, second])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_is_told_where_they_stand_until_it_is_over() {
    let house = House::open().await;
    let (concert, [first, second]) = two_in_line(&house).await;
    let mut events = line(&house, &second).await;
    let mut begins = events.expect("position").await.data;
    let polled = house.get(PLACE).queue(&second).expect(200).await;
    assert_eq!(begins["position"], json!(2));
    begins["outlook"] = polled["outlook"].clone();
    assert_eq!(begins, polled, "an event says what a poll says");

    house.delete(PLACE).queue(&first).expect(204).await;
    let moved = loop {
        house.views.refresh().await.unwrap();
        let event = events.next().await.unwrap();
        if event.name == "position" {
            break event.data;
        }
        assert_eq!(event.name, "outlook", "{event:?}");
    };
    assert_eq!(moved["position"], json!(1));

    close_gate(&house, &concert, false).await;
    house.advance(Duration::seconds(1));
    house.admit().await;
    let admitted = events.expect("admitted").await.data;
    assert_eq!(
        (&admitted["status"], &admitted["position"]),
        (&json!("active"), &Value::Null)
    );
    house.advance(Duration::seconds(61));
    let kept = house.get(PLACE).queue(&second).expect(200).await;
    assert_eq!(kept["status"], "active", "the stream has claimed the slot");

    house.delete(PLACE).queue(&second).expect(204).await;
    let over = events.expect("expired").await;
    assert_eq!(
        (over.id.as_deref(), &over.data["status"]),
        (Some("end"), &json!("expired"))
    );
    events.ends().await;
    let mut again = line(&house, &second).await;
    again.expect("expired").await;
    again.ends().await;
    let knows = house.get(LINE).queue(&second).header("last-event-id", "end");
    assert_eq!(knows.expect(204).await, Value::Null, "nothing to come back for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_inside_may_watch_their_own_place_until_they_have_bought() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let mut events = line(&house, &place).await;
    events.expect("admitted").await;
    let held = house.hold(&fan, &place, &concert, &[1]).await;
    house.charge(&fan, 50_000).await;
    let body = json!({"reservation_id": held["reservation_id"]});
    house.post("/v1/payments", &body).inside(&fan, &place).expect(201).await;
    let over = events.expect("completed").await;
    assert_eq!(over.data["status"], "completed");
    events.ends().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_line_is_told_at_once_when_everything_is_held() {
    let house = House::open().await;
    let concert = house.concert().await;
    close_gate(&house, &concert, false).await;
    let mut buyers = Vec::new();
    for _ in 0..13 {
        buyers.push(house.insider(&concert).await);
    }
    close_gate(&house, &concert, true).await;
    let waiting = house.join(&house.fan().await, &concert).await;
    let mut events = line(&house, &waiting).await;
    events.expect("position").await;
    let mut free: Vec<u32> = (1..=50).collect();
    for (fan, place) in &buyers {
        let own: Vec<u32> = free.split_off(free.len().saturating_sub(4));
        house.hold(fan, place, &concert, &own).await;
    }
    let all_held = loop {
        house.views.refresh_stock().await.unwrap();
        let event = events.next().await.unwrap();
        if event.data["outlook"] == "all_held" {
            break event;
        }
    };
    assert_eq!(all_held.name, "outlook");
    assert!(all_held.data["next_release_at"].is_string(), "{all_held:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_are_told_from_the_version_of_a_map_on() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let before = version_of_map(&house, &fan, &place, &concert).await;
    let mut events = seats(&house, &fan, &place, &concert, Some(&before.to_string())).await;
    let held = house.hold(&fan, &place, &concert, &[7, 9]).await;
    let event = events.expect("seats").await;
    let two = |status| json!([{"seat_number": 7, "status": status}, {"seat_number": 9, "status": status}]);
    assert_eq!(event.data, json!({"version": before + 2, "seats": two("held")}));
    assert_eq!(event.id, Some((before + 2).to_string()));

    let mut from_now = seats(&house, &fan, &place, &concert, None).await;
    let begins = from_now.expect("seats").await.data;
    assert_eq!(begins, json!({"version": before + 2, "seats": []}));
    let path = format!("/v1/reservations/{}", text(&held, "reservation_id"));
    house.delete(&path).by(&fan).expect(204).await;
    let free = json!({"version": before + 4, "seats": two("available")});
    assert_eq!(events.expect("seats").await.data, free);
    assert_eq!(from_now.expect("seats").await.data, free);

    let mut missed = seats(&house, &fan, &place, &concert, Some(&before.to_string())).await;
    assert_eq!(missed.expect("seats").await.data["seats"], two("held"));
    assert_eq!(missed.expect("seats").await.data, free);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hold_that_ends_by_itself_is_told_too() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    house.hold(&fan, &place, &concert, &[5]).await;
    let mut events = seats(&house, &fan, &place, &concert, None).await;
    events.expect("seats").await;
    house.advance(Duration::seconds(300));
    let lapsed = events.expect("seats").await.data;
    assert_eq!(lapsed["seats"], json!([{"seat_number": 5, "status": "available"}]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_nobody_knows_means_to_read_the_map_again() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    house.hold(&fan, &place, &concert, &[5]).await;
    for unknown in [
        "0",
        "99999",
        "-1",
        "1.5",
        "",
        "end",
        "eleven",
        "18446744073709551616",
        "03",
        "+3",
    ] {
        let mut events = seats(&house, &fan, &place, &concert, Some(unknown)).await;
        let reset = events.expect("reset").await;
        let now = version_of_map(&house, &fan, &place, &concert).await;
        let version = reset.data["version"].as_u64().unwrap();
        assert!(version <= now, "{unknown}: {reset:?}");
        assert_eq!(
            (&reset.data["seats"], reset.id),
            (&json!([]), Some(version.to_string()))
        );
        let held = house.hold(&fan, &place, &concert, &[6]).await;
        // What has happened since the seats were looked at last comes first.
        while events.expect("seats").await.data["version"].as_u64().unwrap() <= now {}
        let path = format!("/v1/reservations/{}", text(&held, "reservation_id"));
        house.delete(&path).by(&fan).expect(204).await;
        drop(events);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seats_are_told_for_as_long_as_one_is_inside() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let mut events = seats(&house, &fan, &place, &concert, None).await;
    events.expect("seats").await;
    house.delete(PLACE).queue(&place).expect(204).await;
    let end = loop {
        let event = events.next().await.unwrap();
        if event.name != "seats" {
            break event;
        }
    };
    assert_eq!(
        (end.name.as_str(), &end.data),
        ("end", &json!({"reason": "token_ended"}))
    );
    events.ends().await;
    let again = house
        .get(&format!("{}/events", seats_of(&concert)))
        .inside(&fan, &place);
    assert_eq!(again.expect(401).await["code"], "invalid_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_refused_like_the_calls_they_spare() {
    let house = House::open().await;
    let concert = house.concert().await;
    let other = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    close_gate(&house, &concert, true).await;
    let waiting_fan = house.fan().await;
    let waiting = house.join(&waiting_fan, &concert).await;
    let events = |concert: &Concert| house.get(&format!("{}/events", seats_of(concert)));
    for (request, status, code) in [
        (house.get(LINE), 401, "invalid_token"),
        (house.get(LINE).queue("frq_nonsense"), 401, "invalid_token"),
        (events(&concert).queue(&place), 401, "invalid_token"),
        (events(&concert).by(&fan), 401, "invalid_token"),
        (events(&concert).inside(&waiting_fan, &waiting), 403, "token_not_active"),
        (events(&concert).inside(&waiting_fan, &place), 403, "user_mismatch"),
        (events(&other).inside(&fan, &place), 403, "token_scope_mismatch"),
    ] {
        let refused = request.expect(status).await;
        assert_eq!(refused["code"], code);
    }
    let post = house.post(LINE, &json!({})).queue(&place);
    assert_eq!(post.expect(405).await["code"], "method_not_allowed");
    let metrics = house.get("/metrics").send().await.body;
    for none in [
        r#"frontrow_streams_open{kind="line"} 0"#,
        r#"frontrow_streams_ended_total{kind="seats",reason="gone"} 0"#,
    ] {
        assert!(metrics.contains(none), "none was opened: {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_opens_no_stream_and_leaves_the_connection_usable() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    for (path, fields) in [
        (LINE.to_owned(), format!("queue-token: {place}")),
        (
            format!("{}/events", seats_of(&concert)),
            format!("queue-token: {place}\r\nauthorization: Bearer {}", fan.access_token),
        ),
    ] {
        let head = format!("HEAD {path} HTTP/1.1\r\nhost: house\r\n{fields}\r\n\r\n");
        let again = "GET /health/live HTTP/1.1\r\nhost: house\r\nconnection: close\r\n\r\n";
        let answers = house.raw(&format!("{head}{again}")).await;
        assert!(
            answers.starts_with("HTTP/1.1 200") && answers.contains("text/event-stream"),
            "{answers}"
        );
        assert!(answers.ends_with(r#"{"status":"ok"}"#), "{answers}");
    }
    let metrics = house.get("/metrics").send().await.body;
    assert!(metrics.contains(r#"frontrow_streams_open{kind="line"} 0"#), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_knows_no_chunks_gets_none() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (_, place) = house.insider(&concert).await;
    house.delete(PLACE).queue(&place).expect(204).await;
    let old = house
        .raw(&format!("GET {LINE} HTTP/1.0\r\nqueue-token: {place}\r\n\r\n"))
        .await;
    let (head, body) = old.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(
        body.starts_with("retry: ") && body.contains("\nevent: expired\n"),
        "{body}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_begins_to_move_is_told_though_nobody_has_moved() {
    let house = House::open().await;
    let (concert, [first, _]) = two_in_line(&house).await;
    let mut events = line(&house, &first).await;
    let paused = events.expect("position").await.data;
    assert_eq!(paused["estimated_wait_seconds"], Value::Null);
    close_gate(&house, &concert, false).await;
    let moves = loop {
        house.views.refresh().await.unwrap();
        let event = events.next().await.unwrap();
        if event.name == "position" {
            break event.data;
        }
    };
    assert!(moves["estimated_wait_seconds"].is_u64(), "{moves}");
    assert_eq!(moves["position"], 1);
}

async fn limited(streams: usize, streams_per_caller: usize) -> House {
    let plan = Plan::default();
    let settings = frontrow_http::Settings {
        streams,
        streams_per_caller,
        ..plan.settings
    };
    House::with(Plan { settings, ..plan }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_too_many_is_refused_and_hurts_nobody() {
    let house = limited(3, 2).await;
    let (_, [first, second]) = two_in_line(&house).await;
    let mut own = [line(&house, &first).await, line(&house, &first).await];
    let refused = house.get(LINE).queue(&first).send().await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (429, &json!("rate_limited"))
    );
    assert_eq!(refused.headers["retry-after"], "5");
    let _third = line(&house, &second).await;
    let refused = house.get(LINE).queue(&second).send().await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (503, &json!("overloaded"))
    );
    assert_eq!(refused.headers["retry-after"], "5");
    for events in &mut own {
        events.expect("position").await;
    }
    house.get(PLACE).queue(&second).expect(200).await;

    drop(own);
    let again = house.get(LINE).queue(&first).0;
    while again.try_clone().unwrap().send().await.unwrap().status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_gate_too_many_one_asks_again_and_again() {
    let plan = Plan {
        gates: 1,
        ..Plan::default()
    };
    let house = House::with(plan).await;
    let (_, [known, _]) = two_in_line(&house).await;
    line(&house, &known).await.expect("position").await;
    let (_, [_, unknown]) = two_in_line(&house).await;
    let polled = house.get(PLACE).queue(&unknown).expect(200).await;
    assert_eq!(polled["position"], 2);
    let refused = house.get(LINE).queue(&unknown).send().await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["code"]),
        (503, &json!("overloaded"))
    );
    assert_eq!(refused.headers["retry-after"], "60");
    house.get(PLACE).queue(&known).expect(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_stops_says_so() {
    let house = House::open().await;
    let concert = house.concert().await;
    let (fan, place) = house.insider(&concert).await;
    let mut own = line(&house, &place).await;
    own.expect("admitted").await;
    let mut map = seats(&house, &fan, &place, &concert, None).await;
    map.expect("seats").await;
    let open = house.get("/metrics").send().await.body;
    for kind in ["line", "seats"] {
        let one = format!("frontrow_streams_open{{kind=\"{kind}\"}} 1");
        assert!(open.contains(&one), "{open}");
    }
    house.api.drain();
    for mut events in [own, map] {
        let end = events.expect("end").await;
        assert_eq!(end.data, json!({"reason": "shutting_down"}));
        events.ends().await;
    }
    let refused = house.get(LINE).queue(&place).expect(503).await;
    assert_eq!(refused["code"], "overloaded");
    let ended = house.get("/metrics").send().await.body;
    let one = r#"frontrow_streams_ended_total{kind="seats",reason="shutting_down"} 1"#;
    assert!(ended.contains(one), "{ended}");
    house.close().await;
}
