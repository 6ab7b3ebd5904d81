//! What a whole line is told about what is left, on as many instances as the storage takes.

use crate::instances::Instances;
use e2e::{Answer, Deployment, Fan, Performance, Show, eventually, on_every_storage};
use futures_util::future::join_all;
use serde_json::{Value, json};

on_every_storage!(a_house_sells_out_before_a_line);

struct Crowd {
    instances: Instances,
    fans: Vec<Fan>,
}

impl Crowd {
    async fn gather(deployment: &Deployment, show: &Performance, many: usize) -> (Self, Show) {
        let instances = Instances::of(deployment).await;
        let show = instances.first().stage(show).await;
        let mut fans = Vec::new();
        for place in 0..many {
            let mut fan = instances.get(place).fan_with(&format!("Fan {place}"), 200_000).await;
            fan.join(&show).await.expect(201);
            fans.push(fan);
        }
        (Self { instances, fans }, show)
    }

    /// What all who wait are told, at every instance, as soon as all of them are told this.
    async fn are_told(&self, waiting: std::ops::Range<usize>, outlook: &str) -> Vec<Answer> {
        let everywhere = || {
            let fans = self.fans[waiting.clone()].iter();
            let both = fans.flat_map(|fan| [0, 1].map(|place| self.instances.spread(fan, place)));
            join_all(both.map(|fan| async move { fan.poll().await.expect(200) }))
        };
        eventually(&format!("everybody is told: {outlook}"), async || {
            let told = everywhere().await;
            told.iter().all(|told| told["outlook"] == outlook).then_some(told)
        })
        .await
    }
}

async fn a_house_sells_out_before_a_line(deployment: Deployment) {
    let deployment = deployment.with("HOLD_SECONDS", "3");
    let (crowd, show) = Crowd::gather(&deployment, &Performance::of_seats(2), 6).await;
    let fans = &crowd.fans;

    // Two seats: two fans at a time.
    for fan in &fans[..2] {
        fan.wait_until_active().await;
    }
    crowd.are_told(2..6, "open").await;
    let hold = fans[0].hold(&show, &[1, 2]).await.expect(201);
    for told in crowd.are_told(2..6, "all_held").await {
        assert_eq!(told["next_release_at"], hold["held_until"], "{told}");
    }
    // The hold ends by itself.
    let released = eventually("the hold ends", async || {
        let told = fans[5].poll().await.expect(200);
        (told["outlook"] == "open").then_some(told)
    });
    assert_eq!(released.await["next_release_at"], Value::Null);

    // One seat is sold to one fan who was inside: the other is still inside, for the other seat.
    fans[1].pay(&fans[1].held(&show, &[1]).await).await.expect(201);
    crowd.are_told(2..6, "open").await;
    assert_eq!(tokens(&crowd, &show).await, json!([4, 1, 1]));
    fans[0].leave().await.expect(204);
    fans[2].wait_until_active().await;

    // The last seat.
    let last = fans[2].held(&show, &[2]).await;
    crowd.are_told(3..6, "all_held").await;
    fans[2].pay(&last).await.expect(201);
    for told in crowd.are_told(3..6, "sold_out").await {
        told.shows(&json!({ "status": "waiting", "estimated_wait_seconds": null, "next_release_at": null }));
    }
    let mut late = crowd.instances.get(1).fan("Late").await;
    late.join(&show)
        .await
        .expect(201)
        .shows(&json!({ "outlook": "sold_out", "position": 4 }));
    let bought = fans[1].poll().await.expect(200);
    bought.shows(&json!({ "status": "completed", "outlook": null }));
    assert_eq!(tokens(&crowd, &show).await, json!([4, 0, 2]));
    crowd.instances.finish().await;
}

/// How many wait, are inside and have bought.
async fn tokens(crowd: &Crowd, show: &Show) -> Value {
    let stats = crowd.instances.first().operator().stats(show).await.expect(200);
    let tokens = &stats["tokens"];
    json!([tokens["waiting"], tokens["active"], tokens["completed"]])
}
