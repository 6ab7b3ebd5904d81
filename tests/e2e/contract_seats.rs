//! The contract of dates and seat maps: the order of checks, naming a performance, and caching.

use crate::refusals::needs_both_tokens;
use e2e::{Deployment, Fan, Performance, Show, date_of, eventually, now, on_every_storage, sorted_fields, unknown_id};
use serde_json::{Value, json};
use time::{Duration, Time, UtcOffset};

on_every_storage!(
    listing_dates,
    showing_seats,
    a_seat_map_is_sent_when_it_has_changed,
    a_concert_that_plays_twice_a_day,
    a_date_is_the_venues,
);

/// `GET /v1/concerts/{concert_id}/dates`, check by check.
async fn listing_dates(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 2)).await;
    let elsewhere = server.stage(&Performance::of_seats(5)).await;
    let (mut mina, mut jun, mut somi) = (
        server.fan("Mina").await,
        server.fan("Jun").await,
        server.fan("Somi").await,
    );
    mina.enter(&show).await;
    jun.enter(&show).await;
    somi.join(&show).await.expect(201);

    needs_both_tokens(&mina.dates(&unknown_id()), &mina).await;
    somi.dates(&unknown_id()).await.problem(403, "token_not_active");
    let borrowed = mina.dates(&unknown_id()).queue_token(&jun.queue_token);
    borrowed.await.problem(403, "user_mismatch");
    let waiting = mina.dates(&unknown_id()).queue_token(&somi.queue_token);
    waiting.await.problem(403, "token_not_active");
    for id in [unknown_id().as_str(), "no-uuid"] {
        mina.dates(id).await.problem(404, "invalid_concert");
    }
    mina.dates(&elsewhere.concert_id)
        .await
        .problem(403, "token_scope_mismatch");
    let dates = mina.dates(&show.concert_id).await.expect(200);
    assert_eq!(dates.fields(), ["concert_id", "dates"], "{dates}");
    let fields = [
        "booking_closes_at",
        "date",
        "schedule_id",
        "seats_available",
        "seats_total",
        "starts_at",
    ];
    assert_eq!(sorted_fields(&dates.list("dates")[0]), fields, "{dates}");
    server.finish().await;
}

/// `GET /v1/concerts/{concert_id}/dates/{date}/seats`, check by check.
async fn showing_seats(deployment: Deployment) {
    let server = deployment.start().await;
    let sections = json!({ "sections": [
        { "name": "Floor", "rows": 2, "seats_per_row": 2, "price": 99_000 },
        { "name": "Balcony", "rows": 1, "seats_per_row": 1, "price": 33_000 },
    ]});
    let show = server.stage(&Performance::of(sections).gate("max_active", 1)).await;
    let other_day = Performance::of_seats(5).starting(now() + Duration::days(31));
    let other_day = server.operator().schedule(&show.concert_id, &other_day).await;
    let (mut mina, mut somi) = (server.fan("Mina").await, server.fan("Somi").await);
    mina.enter(&show).await;
    somi.join(&show).await.expect(201);

    let at = |concert_id: &str, date: &str| Show {
        concert_id: concert_id.to_owned(),
        date: date.to_owned(),
        ..show.clone()
    };
    let nowhere = at(&unknown_id(), "never");
    needs_both_tokens(&mina.seats(&nowhere), &mina).await;
    somi.seats(&nowhere).await.problem(403, "token_not_active");
    mina.seats(&nowhere).await.problem(404, "invalid_concert");
    mina.seats(&at("no-uuid", &show.date))
        .await
        .problem(404, "invalid_concert");
    for date in [
        "never",
        "2001-01-01",
        "2026-13-45",
        "2026-12-24T25:00:00Z",
        "9999-12-31T23:59:59-09:00",
    ] {
        let never = at(&show.concert_id, date);
        mina.seats(&never).await.problem(404, "invalid_date");
    }
    mina.seats(&other_day).await.problem(403, "token_scope_mismatch");

    // Every seat, numbered through, in its section and row, at its price.
    let map = mina.seats(&show).await.expect(200);
    let fields = ["concert_id", "date", "schedule_id", "seats", "version"];
    assert_eq!(map.fields(), fields, "{map}");
    let seats = map.list("seats");
    for seat in seats {
        let fields = ["label", "price", "row", "seat_number", "section", "status"];
        assert_eq!(sorted_fields(seat), fields, "{map}");
        assert_eq!(seat["status"], "available", "{map}");
    }
    let placed: Vec<_> = seats
        .iter()
        .map(|seat| json!([seat["seat_number"], seat["section"], seat["price"]]))
        .collect();
    let expected = [
        json!([1, "Floor", 99_000]),
        json!([2, "Floor", 99_000]),
        json!([3, "Floor", 99_000]),
        json!([4, "Floor", 99_000]),
        json!([5, "Balcony", 33_000]),
    ];
    assert_eq!(placed, expected, "{map}");
    assert_eq!(seats[0]["row"], seats[1]["row"], "{map}");
    assert_ne!(seats[1]["row"], seats[2]["row"], "{map}");
    assert_ne!(seats[0]["label"], seats[1]["label"], "{map}");

    // With `available=true` those that can be had, with `false` all.
    mina.held(&show, &[1]).await;
    let all = mina.booking(e2e::Method::GET, &format!("{}?available=false", show.seats_path()));
    let all = all.await.expect(200);
    assert_eq!(all.list("seats").len(), 5, "{all}");
    let left = mina.available_seats(&show).await.expect(200);
    assert_eq!(left.list("seats").len(), 4, "{left}");
    server.finish().await;
}

/// The map has an `ETag`: 304 while nothing has changed, a new version when something has.
async fn a_seat_map_is_sent_when_it_has_changed(deployment: Deployment) {
    let server = deployment.with("HOLD_SECONDS", "2").start().await;
    let show = server.stage(&Performance::of_seats(3)).await;
    let (mut mina, mut jun) = (server.fan("Mina").await, server.fan("Jun").await);
    mina.enter(&show).await;
    jun.enter(&show).await;
    let first = mina.seats(&show).await.expect(200);
    let etag = first.header("etag").map(ToOwned::to_owned);
    let etag = etag.unwrap_or_else(|| panic!("no ETag\n{first}"));

    let unchanged = |fan: &Fan| fan.seats(&show).header("if-none-match", &etag);
    let same = unchanged(&mina).await.expect(304);
    assert_eq!(same.header("etag"), Some(etag.as_str()), "{same}");
    unchanged(&mina).header("if-none-match", "*").await.expect(304);
    let others = format!("\"another\", {etag}");
    unchanged(&mina).header("if-none-match", &others).await.expect(304);

    // Her own hold she sees at once, others within 250 ms.
    mina.held(&show, &[1]).await;
    let changed = unchanged(&mina).await.expect(200);
    assert!(changed.number("version") > first.number("version"), "{first}{changed}");
    assert_ne!(changed.header("etag"), Some(etag.as_str()), "{changed}");
    let seen = async || (unchanged(&jun).await.status == 200).then_some(());
    eventually("he sees her hold", seen).await;

    // The end of a hold is a change as well, whoever asks.
    let etag = changed.header("etag").unwrap_or_default().to_owned();
    let version = changed.number("version");
    let lapsed = async || {
        let answer = jun.seats(&show).header("if-none-match", &etag).await;
        (answer.status == 200).then_some(answer)
    };
    let lapsed = eventually("the map changes when the hold lapses", lapsed).await;
    assert!(lapsed.number("version") > version, "{lapsed}");
    assert_eq!(lapsed.list("seats")[0]["status"], "available", "{lapsed}");

    // The list of available seats has a tag of its own.
    let list = mina.available_seats(&show).await.expect(200);
    let map = mina.seats(&show).await.expect(200);
    assert_ne!(
        list.header("etag"),
        map.header("etag"),
        "two representations\n{list}{map}"
    );
    server.finish().await;
}

/// With two performances on a day the exact start names one; the date alone names none.
async fn a_concert_that_plays_twice_a_day(deployment: Deployment) {
    let server = deployment.start().await;
    let seoul = UtcOffset::from_hms(9, 0, 0).expect("an offset");
    let matinee = (now() + Duration::days(30)).to_offset(seoul);
    let matinee = matinee.replace_time(Time::from_hms(14, 0, 0).expect("a time"));
    let evening = matinee + Duration::hours(5);
    let matinee = server.stage(&Performance::of_seats(3).starting(matinee)).await;
    let evening = Performance::of_seats(3).starting(evening);
    let evening = server.operator().schedule(&matinee.concert_id, &evening).await;
    assert_eq!(matinee.date, evening.date);
    let mut mina = server.fan("Mina").await;

    let refused = mina.ask_for_token(&matinee.concert_id, &matinee.date).await;
    refused.problem(409, "ambiguous_date");
    let between = matinee.starts_at.replace("T05:", "T06:");
    let refused = mina.ask_for_token(&matinee.concert_id, &between).await;
    refused.problem(404, "invalid_datetime");

    // In UTC, or with the venue's offset: it is the same moment.
    let matinee = named_by(&matinee, &matinee.starts_at);
    let joined = mina.join(&matinee).await.expect(201);
    assert_eq!(joined["schedule_id"], matinee.schedule_id.as_str(), "{joined}");
    let at_the_venue = matinee.starts_at.replace("T05:", "T14:").replace('Z', "+09:00");
    let again = mina.ask_for_token(&matinee.concert_id, &at_the_venue).await;
    assert_eq!(again.expect(200)["queue_token"], joined["queue_token"]);
    mina.wait_until_active().await;

    for date in [
        matinee.starts_at.clone(),
        at_the_venue.clone(),
        at_the_venue.replace('+', "%2B"),
    ] {
        let map = mina.seats(&named_by(&matinee, &date)).await.expect(200);
        assert_eq!(map["schedule_id"], matinee.schedule_id.as_str(), "{map}");
    }
    let by_date = named_by(&matinee, &evening.date);
    mina.seats(&by_date).await.problem(409, "ambiguous_date");
    mina.hold(&by_date, &[1]).await.problem(409, "ambiguous_date");
    let evening = named_by(&evening, &evening.starts_at);
    mina.hold(&evening, &[1]).await.problem(403, "token_scope_mismatch");
    let held = mina.hold(&named_by(&matinee, &at_the_venue), &[1]).await.expect(201);
    assert_eq!(held["schedule_id"], matinee.schedule_id.as_str(), "{held}");
    assert_eq!(held["date"], by_date.date.as_str(), "{held}");

    // One line per performance: she may wait for the other as well.
    let mut later = mina.clone();
    let other = later.join(&evening).await.expect(201);
    assert_ne!(other["queue_token"], joined["queue_token"], "{other}");
    server.finish().await;
}

fn named_by(show: &Show, date: &str) -> Show {
    Show {
        date: date.to_owned(),
        ..show.clone()
    }
}

/// Half past midnight in Seoul is the day before in UTC; fans go by the day in Seoul.
async fn a_date_is_the_venues(deployment: Deployment) {
    let server = deployment.start().await;
    let seoul = UtcOffset::from_hms(9, 0, 0).expect("an offset");
    let midnight = (now() + Duration::days(30)).to_offset(seoul);
    let midnight = midnight.replace_time(Time::from_hms(0, 30, 0).expect("a time"));
    let show = server.stage(&Performance::of_seats(3).starting(midnight)).await;
    assert_eq!(show.date, date_of(midnight));
    assert!(!show.starts_at.starts_with(&show.date), "in UTC it is the day before");

    let mut mina = server.fan("Mina").await;
    let in_utc = &show.starts_at[..10];
    let refused = mina.ask_for_token(&show.concert_id, in_utc).await;
    refused.problem(404, "invalid_datetime");
    let joined = mina.enter(&show).await;
    assert_eq!(joined["date"], show.date.as_str(), "{joined}");
    let dates = mina.dates(&show.concert_id).await.expect(200);
    let listed: Vec<&Value> = dates.list("dates").iter().map(|date| &date["date"]).collect();
    assert_eq!(listed, [show.date.as_str()], "{dates}");
    server.finish().await;
}
