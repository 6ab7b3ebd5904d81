//! What waiting fans are told while the line moves, on as many instances as the storage takes.

use crate::instances::Instances;
use e2e::{Deployment, Fan, Performance, eventually, on_every_storage};
use serde_json::json;

on_every_storage!(the_line_moves_up);

/// The position that each instance tells a fan, none of which has risen.
struct Told(Vec<i64>);

impl Told {
    async fn ask(&mut self, fan: &Fan, instances: &Instances) -> &[i64] {
        for (place, before) in self.0.iter_mut().enumerate() {
            let polled = instances.spread(fan, place).poll().await.expect(200);
            let position = polled.number("position");
            assert!(position <= *before, "it rose from {before}\n{polled}");
            *before = position;
        }
        &self.0
    }

    async fn until(&mut self, position: i64, fan: &Fan, instances: &Instances) {
        let all = async || {
            let told = self.ask(fan, instances).await;
            told.iter().all(|told| *told == position).then_some(())
        };
        eventually(&format!("every instance tells position {position}"), all).await;
    }
}

async fn the_line_moves_up(deployment: Deployment) {
    let instances = Instances::of(&deployment).await;
    let closed = Performance::of_seats(5).gate("max_active", 2).paused();
    let show = instances.first().stage(&closed).await;
    let mut fans = Vec::new();
    for (place, expected) in (0..12).zip(1..) {
        let mut fan = instances.get(place).fan(&format!("Fan {place}")).await;
        let joined = fan.join(&show).await.expect(201);
        assert_eq!(joined.number("position"), expected);
        fans.push(fan);
    }
    let last = fans.pop().expect("a dozen");
    let mut told = Told(vec![12; 2]);
    assert_eq!(told.ask(&last, &instances).await, [12; 2], "a poll may go anywhere");

    // Who leaves is gone at once where they left, and soon everywhere.
    for (place, fan) in fans.iter().enumerate().skip(2).step_by(2) {
        let fan = instances.spread(fan, place);
        fan.leave().await.expect(204);
        let left = fan.poll().await.expect(200);
        assert_eq!(left["status"], "expired", "{left}");
        told.ask(&last, &instances).await;
    }
    told.until(7, &last, &instances).await;

    // Who is let in makes room too, and learns of it anywhere.
    let resumed = json!({ "paused": false });
    let operator = instances.first().operator();
    operator.set_gate(&show, &resumed).await.expect(200);
    for (place, fan) in fans[..2].iter().enumerate() {
        instances.spread(fan, place + 1).wait_until_active().await;
    }
    told.until(5, &last, &instances).await;
    let metrics = instances.first().get("/metrics").await;
    let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
    let age = metrics
        .lines()
        .find_map(|line| line.strip_prefix("frontrow_line_view_age_seconds "));
    let age: f64 = age.and_then(|age| age.parse().ok()).expect("an age");
    assert!((0.0..30.0).contains(&age), "{age}");
    instances.finish().await;
}
