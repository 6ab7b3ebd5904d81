//! What operators do at one of three instances, as it shows at the others and in who is let in. How soon is printed: within a
//! second is promised, of a machine that does nothing else.

use crate::leader::leads;
use e2e::{Answer, Deployment, Fan, Performance, Server, Show, Storage, eventually, now};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

struct House {
    servers: Vec<Server>,
    /// Where the operator is: not at the instance that lets fans in.
    desk: usize,
    show: Show,
    fans: Vec<Fan>,
}

impl House {
    async fn open(performance: &Performance, line: usize) -> Self {
        let deployment = Deployment::on(Storage::Postgres);
        let servers = join_all((0..3).map(|_| deployment.start())).await;
        let desk = eventually("one instance leads", async || {
            for (place, server) in servers.iter().enumerate() {
                if leads(server).await {
                    return Some((place + 1) % 3);
                }
            }
            None
        })
        .await;
        let show = servers[desk].stage(performance).await;
        let mut fans = Vec::new();
        for place in 0..line {
            let mut fan = servers[place % 3].fan(&format!("Fan {place}")).await;
            fan.join(&show).await.expect(201);
            fans.push(fan);
        }
        Self {
            servers,
            desk,
            show,
            fans,
        }
    }

    /// Changes the gate at the desk and reads it at all instances; says when it was asked for.
    async fn change(&self, change: Value) -> Instant {
        let since = Instant::now();
        let operator = self.servers[self.desk].operator();
        let changed = operator.set_gate(&self.show, &change).await.expect(200);
        let changed = changed.shows(&change);
        for gate in self.gates().await {
            assert_eq!(gate, changed.json);
        }
        since
    }

    async fn gates(&self) -> Vec<Value> {
        let gates = self.servers.iter().map(|server| async {
            let gate = server.operator().gate(&self.show).await.expect(200);
            gate.json
        });
        join_all(gates).await
    }

    /// Waits until so many fans are inside and wait; says how long after a change that is.
    async fn fills(&self, since: Instant, inside: u64, waiting: u64) {
        let expected = json!([inside, waiting]);
        let operator = self.servers[self.desk].operator();
        let what = format!("{inside} are inside and {waiting} wait");
        let stats = async || {
            let stats = operator.stats(&self.show).await.expect(200);
            (json!([stats["tokens"]["active"], stats["tokens"]["waiting"]]) == expected).then_some(())
        };
        eventually(&what, stats).await;
        println!("{what} after {:?}", since.elapsed());
    }

    /// The place of a fan as every instance tells it, once all of them tell the same.
    async fn everywhere(&self, fan: &Fan, is: impl Fn(&Answer) -> bool) -> Vec<Answer> {
        eventually("every instance tells the same", async || {
            let told = join_all(self.servers.iter().map(|server| {
                let fan = fan.at(server);
                async move { fan.poll().await.expect(200) }
            }));
            let told = told.await;
            told.iter().all(&is).then_some(told)
        })
        .await
    }

    async fn finish(self) {
        for server in self.servers {
            server.finish().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_count_everywhere_as_soon_as_they_are_changed() {
    let performance = Performance::of_seats(50).gate("max_active", 2).paused();
    let house = House::open(&performance, 10).await;
    let since = house.change(json!({ "paused": false })).await;
    house.fills(since, 2, 8).await;
    let since = house.change(json!({ "max_active": 4 })).await;
    house.fills(since, 4, 6).await;

    // One fewer may be inside than there are: the first to leave makes no room, and the audit would know.
    house.change(json!({ "max_active": 3 })).await;
    house.fans[0].leave().await.expect(204);
    house.fans[1].leave().await.expect(204);
    house.fills(Instant::now(), 3, 5).await;

    house.change(json!({ "paused": true })).await;
    house.fans[2].leave().await.expect(204);
    let resumed_at = now() - Duration::from_millis(1);
    let since = house.change(json!({ "paused": false })).await;
    house.fills(since, 3, 4).await;
    let entered = house.fans[5].poll().await.expect(200).instant("activated_at");
    assert!(entered >= resumed_at, "somebody entered a paused gate at {entered}");

    // At one a second there is a second between them, but for one that the gate may catch up; and then there is none.
    house.change(json!({ "admissions_per_minute": 60 })).await;
    house.change(json!({ "max_active": 100 })).await;
    let mut entries = Vec::new();
    for fan in &house.fans[6..9] {
        entries.push(fan.wait_until_active().await.instant("activated_at"));
    }
    let apart = entries[2] - entries[0];
    assert!(apart >= Duration::from_millis(999), "three fans entered within {apart}");
    let since = house.change(json!({ "admissions_per_minute": 60_000 })).await;
    house.fills(since, 7, 0).await;
    house.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_changes_no_gate() {
    let house = House::open(&Performance::of_seats(5).gate("max_active", 1), 2).await;
    let before = house.gates().await;
    let nonsense = [
        json!({ "max_active": 0 }),
        json!({ "max_active": 1_000_001 }),
        json!({ "max_active": -1 }),
        json!({ "max_active": 1.5 }),
        json!({ "max_active": "many" }),
        json!({ "admissions_per_minute": 0 }),
        json!({ "admissions_per_minute": 1_000_001 }),
        json!({ "session_seconds": 0 }),
        json!({ "session_seconds": 86_401 }),
        json!({ "paused": "yes" }),
        json!({ "max_active": 5, "paused": true, "session_seconds": 0 }),
        json!({ "max_active": 5, "capacity": 7 }),
    ];
    for (change, place) in nonsense.iter().zip((0..3).cycle()) {
        let operator = house.servers[place].operator();
        let refused = operator.set_gate(&house.show, change).await.expect(422);
        assert_eq!(refused["code"], "validation_failed", "{change}\n{refused}");
    }
    assert_eq!(house.gates().await, before);
    house.fans[0].wait_until_active().await;
    house.fans[0].leave().await.expect(204);
    house.fans[1].wait_until_active().await;
    house.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_fan_is_let_through_and_the_line_hears_of_it_at_every_instance() {
    let performance = Performance::of_seats(50).gate("max_active", 2).paused();
    let house = House::open(&performance, 5).await;
    let at = |position: i64| move |told: &Answer| told["position"] == position;
    for (fan, position) in house.fans.iter().zip(1..) {
        house.everywhere(fan, at(position)).await;
    }
    let operator = house.servers[house.desk].operator();
    let chosen = &house.fans[2];
    let by_token = json!({ "queue_token": chosen.queue_token });
    let entered = operator.let_through(&house.show, &by_token).await.expect(201);
    entered.shows(&json!({ "status": "active", "user_id": chosen.user_id, "position": null }));
    house.everywhere(chosen, |told| told["status"] == "active").await;
    for (fan, position) in [(0, 1), (1, 2), (3, 3), (4, 4)] {
        house.everywhere(&house.fans[fan], at(position)).await;
    }
    let elsewhere = house.servers[(house.desk + 1) % 3].operator();
    let by_user = |fan: &Fan| json!({ "user_id": fan.user_id });
    elsewhere.let_through(&house.show, &by_user(chosen)).await.expect(200);
    elsewhere
        .let_through(&house.show, &by_user(&house.fans[4]))
        .await
        .expect(201);
    let full = operator
        .let_through(&house.show, &by_user(&house.fans[0]))
        .await
        .expect(409);
    assert_eq!(full["code"], "gate_full", "{full}");

    // The place is used up: who leaves and joins again stands at the end.
    chosen.held(&house.show, &[1]).await;
    chosen.leave().await.expect(204);
    let mut again = chosen.clone();
    again
        .join(&house.show)
        .await
        .expect(201)
        .shows(&json!({ "position": 4 }));
    house.change(json!({ "paused": false, "max_active": 4 })).await;
    for fan in [&house.fans[0], &house.fans[1], &house.fans[3]] {
        fan.wait_until_active().await;
    }
    house.everywhere(&again, at(1)).await;
    let stats = operator.stats(&house.show).await.expect(200);
    assert_eq!(stats["let_through"], 2, "{stats}");
    house.finish().await;
}
