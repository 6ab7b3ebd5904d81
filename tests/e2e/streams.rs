//! What streams tell, wherever they are open and wherever things happen.
//!
//! `FRONTROW_E2E_LINE` says how many fans stand in the line that is told of a sell-out, `FRONTROW_E2E_STREAMS` how many
//! streams are opened to see what one costs.

use e2e::{Deployment, Event, Fan, Partition, Performance, Server, Show, Storage, eventually, on_every_deployment};
use futures_util::{StreamExt as _, future::join_all, stream};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Instant};

on_every_deployment!(a_map_is_kept_by_what_a_stream_tells);

fn from_environment(name: &str, usually: usize) -> usize {
    let many = std::env::var(name).ok();
    many.map_or(usually, |many| many.parse().expect("a number"))
}

/// A seat map that a client keeps, as the document says how.
struct KeptMap {
    version: i64,
    seats: BTreeMap<i64, String>,
}

impl KeptMap {
    async fn read(fan: &Fan, show: &Show) -> Self {
        let map = fan.seats(show).await.expect(200);
        let mut kept = Self {
            version: map.number("version"),
            seats: BTreeMap::new(),
        };
        kept.put(map.list("seats"));
        kept
    }

    fn put(&mut self, seats: &[Value]) {
        for seat in seats {
            let number = seat["seat_number"].as_i64().expect("a seat number");
            let status = seat["status"].as_str().expect("a status");
            self.seats.insert(number, status.to_owned());
        }
    }

    /// Says whether the map has to be read again.
    fn take_in(&mut self, event: &Event) -> bool {
        let version = event.data["version"].as_i64().expect("a version");
        if version <= self.version {
            return false;
        }
        if event.name == "reset" {
            return true;
        }
        assert_eq!(event.id, Some(version.to_string()));
        self.put(event.data["seats"].as_array().expect("seats"));
        self.version = version;
        false
    }
}

/// Keeps a map until it has this version, now and then with another stream.
async fn watch(fan: Fan, show: Show, mut until: tokio::sync::watch::Receiver<Option<i64>>) -> KeptMap {
    let mut kept = KeptMap::read(&fan, &show).await;
    loop {
        let mut events = fan.seat_events(&show, kept.version).events().await;
        for _ in 0..rand::random_range(1..12) {
            if until.borrow().is_some_and(|version| version <= kept.version) {
                return kept;
            }
            let event = tokio::select! {
                event = events.next() => event.expect("the stream goes on"),
                Ok(()) = until.changed() => continue,
            };
            while kept.take_in(&event) {
                kept = KeptMap::read(&fan, &show).await;
            }
        }
    }
}

/// Holds, gives back and buys.
async fn shop(fan: Fan, show: Show) {
    for _ in 0..12 {
        let seat = rand::random_range(1..=30);
        let held = fan.hold(&show, &[seat]).await;
        if held.status != 201 {
            continue;
        }
        let reservation = held.text("reservation_id");
        if rand::random_bool(0.8) {
            fan.release(reservation).await.expect(204);
        } else {
            fan.pay(reservation).await.expect(201);
            return;
        }
    }
}

async fn a_map_is_kept_by_what_a_stream_tells(deployment: Deployment) {
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(30)).await;
    let mut fans = Vec::new();
    for name in 0..9 {
        let mut fan = server.fan_with(&format!("Fan {name}"), 1_000_000).await;
        fan.enter(&show).await;
        fans.push(fan);
    }
    let watchers: Vec<_> = fans.drain(..3).collect();
    let (newest, until) = tokio::sync::watch::channel(None);
    let watching = watchers
        .iter()
        .map(|fan| watch(fan.clone(), show.clone(), until.clone()));
    let shopping = async {
        join_all(fans.iter().map(|fan| shop(fan.clone(), show.clone()))).await;
        // The last change of all, so that there is something to wait for.
        let last = watchers[0].clone();
        let free = last.available_seats(&show).await.expect(200);
        let seat = free.list("seats")[0]["seat_number"].as_u64().expect("a number");
        last.hold(&show, &[u32::try_from(seat).expect("a seat")])
            .await
            .expect(201);
        let map = eventually("every instance knows of it", async || {
            let map = KeptMap::read(&last, &show).await;
            (map.seats[&i64::try_from(seat).expect("a seat")] == "held").then_some(map)
        })
        .await;
        newest.send_replace(Some(map.version));
        map
    };
    let (kept, map) = tokio::join!(join_all(watching), shopping);
    for kept in kept {
        assert_eq!((kept.version, &kept.seats), (map.version, &map.seats));
    }
    server.finish().await;
}

async fn three_instances(deployment: &Deployment) -> Vec<Server> {
    join_all((0..3).map(|_| deployment.start())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_at_one_instance_is_told_at_the_others() {
    let deployment = Deployment::on(Storage::Postgres);
    let servers = three_instances(&deployment).await;
    let show = servers[0].stage(&Performance::of_seats(50)).await;
    let mut fan = servers[0].fan("Mina").await;
    fan.enter(&show).await;
    let version = fan.seats(&show).await.expect(200).number("version");
    let streams = servers
        .iter()
        .map(|server| fan.at(server).seat_events(&show, version).events());
    let mut streams = join_all(streams).await;
    let mut slowest = Vec::new();
    for round in 0..20 {
        let here = fan.at(&servers[round % 3]);
        let before = Instant::now();
        let held = here.held(&show, &[7]).await;
        for status in ["held", "available"] {
            let told = streams.iter_mut().map(|events| {
                events.until(|event| event.data["seats"] == json!([{"seat_number": 7, "status": status}]))
            });
            if status == "available" {
                here.release(&held).await.expect(204);
            }
            join_all(told).await;
        }
        slowest.push(before.elapsed() / 2);
    }
    slowest.sort_unstable();
    println!(
        "a change is told everywhere within {:?}, at the most {:?}",
        slowest[10], slowest[19]
    );
    for server in servers {
        server.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_told_of_a_sell_out_and_of_what_comes_back() {
    let many = from_environment("FRONTROW_E2E_LINE", 90);
    let deployment = Deployment::on(Storage::Postgres)
        .with("HOLD_SECONDS", "3")
        .with("LOG", "info,frontrow::access=warn")
        .on_instances(3);
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(2)).await;
    let mut buyers = Vec::new();
    for name in ["Mina", "Jun"] {
        let mut fan = server.fan_with(name, 1_000_000).await;
        fan.enter(&show).await;
        buyers.push(fan);
    }
    let line = stream::iter(0..many).map(|place| {
        let (server, show) = (&server, &show);
        async move {
            let mut fan = server.fan_with(&format!("Fan {place}"), 1_000_000).await;
            fan.join(show).await.expect(201);
            let events = fan.place_events().events().await;
            (fan, events)
        }
    });
    let mut line: Vec<_> = line.buffered(32).collect().await;

    let mut everybody_is_told = async |what: &str, outlook: &str, since: Instant| {
        let told = line
            .iter_mut()
            .map(|(_, events)| events.until(|event| event.data["outlook"] == outlook));
        let told = join_all(told).await;
        println!("{many} fans were told that {what} within {:?}", since.elapsed());
        told
    };
    everybody_is_told("there are seats", "open", Instant::now()).await;
    buyers[0].pay(&buyers[0].held(&show, &[1]).await).await.expect(201);
    let hold = buyers[1].hold(&show, &[2]).await.expect(201);
    for told in everybody_is_told("everything is held", "all_held", Instant::now()).await {
        assert_eq!(told.data["next_release_at"], hold["held_until"]);
    }
    // The hold ends by itself, and its fan goes home: the next one is let in.
    everybody_is_told("there is a seat", "open", Instant::now()).await;
    buyers[1].leave().await.expect(204);
    let mut first = None;
    for (fan, events) in &mut line {
        let poll = fan.poll().await.expect(200);
        if poll["position"] == 1 || poll["status"] == "active" {
            events.until(|event| event.name == "admitted").await;
            first = Some(fan.clone());
            break;
        }
    }
    let first = first.expect("somebody is first");
    let last = first.held(&show, &[2]).await;
    first.pay(&last).await.expect(201);
    let sold = Instant::now();
    let told = line.iter_mut().map(|(fan, events)| {
        let is_first = fan.user_id == first.user_id;
        events.until(move |event| {
            if is_first {
                event.name == "completed"
            } else {
                event.data["outlook"] == "sold_out"
            }
        })
    });
    join_all(told).await;
    println!(
        "{many} fans were told that everything is sold within {:?}",
        sold.elapsed()
    );
    drop(line);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_a_stream_comes_back_elsewhere() {
    let deployment = Deployment::on(Storage::Postgres);
    let mut servers = three_instances(&deployment).await;
    let show = servers[0].stage(&Performance::of_seats(50).gate("max_active", 1)).await;
    let mut inside = servers[0].fan("Mina").await;
    inside.enter(&show).await;
    let mut waiting = servers[0].fan("Jun").await;
    waiting.join(&show).await.expect(201);
    let version = inside.seats(&show).await.expect(200).number("version");

    let stopped = servers.remove(0);
    let mut place = waiting.at(&stopped).place_events().events().await;
    place.expect("position").await;
    let mut seats = inside.at(&stopped).seat_events(&show, version).events().await;
    let ended = async {
        for events in [&mut place, &mut seats] {
            let end = events.until(|event| event.name == "end").await;
            assert_eq!(end.data, json!({ "reason": "shutting_down" }));
            assert_eq!(events.next().await, None);
        }
    };
    let (status, ()) = tokio::join!(stopped.stop(), ended);
    assert!(status.success(), "the server stopped with {status}");

    let killed = servers.remove(0);
    let mut place = waiting.at(&killed).place_events().events().await;
    assert_eq!(place.expect("position").await.data["position"], 1);
    inside.at(&killed).held(&show, &[3]).await;
    let mut seats = inside.at(&killed).seat_events(&show, version).events().await;
    let held = seats.until(|event| event.name != "end").await;
    killed.kill();
    while place.next().await.is_some() {}

    let survivor = servers.remove(0);
    let known = if held.name == "reset" {
        version
    } else {
        held.data["version"].as_i64().expect("a version")
    };
    let mut seats = inside.at(&survivor).seat_events(&show, known).events().await;
    let mut place = waiting.at(&survivor).place_events().events().await;
    assert_eq!(place.expect("position").await.data["position"], 1);
    inside.at(&survivor).held(&show, &[4]).await;
    seats
        .until(|event| event.data["seats"] == json!([{"seat_number": 4, "status": "held"}]))
        .await;
    inside.at(&survivor).leave().await.expect(204);
    place.until(|event| event.name == "admitted").await;
    survivor.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_told_how_old_the_truth_is_while_the_database_is_away() {
    let deployment = Deployment::on(Storage::Postgres);
    let way = Partition::before(deployment.storage_url()).await;
    let server = deployment.clone().with("STORAGE", way.url()).start().await;
    let show = server.stage(&Performance::of_seats(9).paused()).await;
    let mut fans = Vec::new();
    for name in ["Mina", "Jun"] {
        let mut fan = server.fan(name).await;
        fan.join(&show).await.expect(201);
        fans.push(fan);
    }
    let jun = &fans[1];
    let fresh = eventually("a view of the line", async || {
        let poll = jun.poll().await.expect(200);
        (poll["position"] == 2).then_some(poll)
    });
    assert_eq!(fresh.await["age_seconds"], 0);
    let mut events = jun.place_events().events().await;
    events.expect("position").await;

    way.cut();
    let old = eventually("the last view", async || {
        let poll = jun.poll().await;
        (poll.status == 200 && poll.number("age_seconds") > 0).then_some(poll)
    });
    assert_eq!(old.await["position"], 2);
    let told = events.until(|event| event.data["age_seconds"] != 0).await;
    assert_eq!(told.data["position"], 2);
    let older = eventually("an older one", async || {
        let poll = jun.poll().await.expect(200);
        (poll.number("age_seconds") > 2).then_some(poll)
    });
    older.await;
    // Another instance may know more.
    let end = events.until(|event| event.name == "end").await;
    assert_eq!(end.data, json!({ "reason": "storage_unavailable" }));
    events.ends().await;
    let again = jun.place_events().await.problem(503, "storage_unavailable");
    assert!(again.header("retry-after").is_some(), "{again}");
    let mut late = fans[0].clone();
    let refused = late.join(&show).await;
    assert_eq!(refused.status, 503, "{refused}");

    way.heal();
    eventually("the present", async || {
        let poll = jun.poll().await;
        (poll.status == 200 && poll.number("age_seconds") == 0).then_some(())
    })
    .await;
    let mut events = jun.place_events().events().await;
    assert_eq!(events.expect("position").await.data["position"], 2);
    fans[0].leave().await;
    eventually("the first one has gone", async || {
        let poll = jun.poll().await.expect(200);
        (poll["position"] == 1).then_some(())
    })
    .await;
    server.finish().await;
    drop(way);
}

/// Memory of a process that is really there, in KB.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    let kilobytes = line.split_whitespace().nth(1).expect("a number");
    kilobytes.parse().expect("a number")
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_great_many_streams_are_open_at_once() {
    let many = from_environment("FRONTROW_E2E_STREAMS", 100);
    let deployment = Deployment::on(Storage::Memory)
        .with("LOG", "info,frontrow::access=warn")
        .with("STREAMS_PER_CALLER", "1000");
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(50).paused()).await;
    let mut fans = Vec::new();
    for name in 0..many.div_ceil(1_000) {
        let mut fan = server.fan(&format!("Fan {name}")).await;
        fan.join(&show).await.expect(201);
        fans.push(fan);
    }
    fans[0].place_events().events().await.expect("position").await;
    let before = resident(&server);
    let open = stream::iter(0..many).map(|place| fans[place / 1_000].place_events().events());
    let mut open: Vec<_> = open.buffered(64).collect().await;
    for events in &mut open {
        events.expect("position").await;
    }
    let each = resident(&server).saturating_sub(before) / many.max(1);
    println!("{many} streams take {each} KB each");
    // Of a few, what else the process does makes most of it.
    assert!(many < 5_000 || each < 15, "{each} KB each");
    server
        .operator()
        .set_gate(&show, &json!({ "paused": false }))
        .await
        .expect(200);
    let mut told = 0;
    for events in &mut open[..many.min(1_000)] {
        events.until(|event| event.name == "admitted").await;
        told += 1;
    }
    assert_eq!(told, many.min(1_000), "all streams of the first fan");
    drop(open);
    server.finish().await;
}
