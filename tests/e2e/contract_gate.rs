//! The contract of admission: how many, how fast, and what fans are told meanwhile.

use e2e::{Answer, Deployment, Fan, Performance, Server, Show, on_every_storage};
use serde_json::{Value, json};
use time::Duration;

on_every_storage!(
    admissions_are_spread_over_the_minute,
    never_more_inside_than_there_is_room_for,
    what_a_waiting_fan_is_told,
);

/// This many fans, who join one after the other.
async fn a_line(server: &Server, show: &Show, length: usize) -> Vec<Fan> {
    let mut line = Vec::new();
    for _ in 0..length {
        let mut fan = server.fan("Somebody").await;
        fan.join(show).await.expect(201);
        line.push(fan);
    }
    line
}

/// At the pace of two a second the n-th after the first enters n half seconds later, or after that.
async fn admissions_are_spread_over_the_minute(deployment: Deployment) {
    let server = deployment.start().await;
    let performance = Performance::of_seats(5).paused().gate("admissions_per_minute", 120);
    let show = server.stage(&performance).await;
    let line = a_line(&server, &show, 4).await;
    let resumed = json!({ "paused": false });
    server.operator().set_gate(&show, &resumed).await.expect(200);

    let mut entered = Vec::new();
    for fan in &line {
        let inside = fan.wait_until_active().await;
        entered.push(inside.instant("activated_at"));
    }
    for (slot, at) in (0..).zip(&entered) {
        let after = *at - entered[0];
        // Clients see times cut to milliseconds.
        let earliest = Duration::milliseconds(500) * slot - Duration::milliseconds(1);
        assert!(after >= earliest, "in a lump: {entered:?}");
    }
    server.finish().await;
}

/// Two may be inside: whoever leaves, buys or is silent makes room for the next in line, and only then.
async fn never_more_inside_than_there_is_room_for(deployment: Deployment) {
    let server = deployment.with("CLAIM_SECONDS", "2").start().await;
    let show = server.stage(&Performance::of_seats(5).gate("max_active", 2)).await;
    let line = a_line(&server, &show, 5).await;
    let operator = server.operator();
    line[0].wait_until_active().await;
    line[1].wait_until_active().await;
    line[0].charge(50_000).await.expect(201);
    let stats = async || operator.stats(&show).await.expect(200);
    assert_eq!(tokens(&stats().await), json!([3, 2]));

    let bought = line[0].held(&show, &[1]).await;
    line[0].pay(&bought).await.expect(201);
    line[2].wait_until_active().await;
    assert_eq!(tokens(&stats().await), json!([2, 2]));
    line[1].leave().await.expect(204);

    // The fourth is let in and keeps silent: the fifth gets in without a word from anybody.
    line[4].wait_until_active().await;
    let silent = line[3].poll().await.expect(200);
    assert_eq!(silent["status"], "expired", "{silent}");
    assert_eq!(tokens(&stats().await), json!([0, 2]));
    server.finish().await;
}

/// How many wait and are inside.
fn tokens(stats: &Answer) -> Value {
    json!([stats["tokens"]["waiting"], stats["tokens"]["active"]])
}

/// The estimate grows with the place in line; asking again is due sooner than half a claim window.
async fn what_a_waiting_fan_is_told(deployment: Deployment) {
    let server = deployment.with("CLAIM_SECONDS", "4").start().await;
    let performance = Performance::of_seats(5)
        .gate("max_active", 1)
        .gate("admissions_per_minute", 1);
    let show = server.stage(&performance).await;
    let line = a_line(&server, &show, 4).await;
    line[0].wait_until_active().await;
    let mut longest = -1;
    for (fan, position) in line[1..].iter().zip(1..) {
        let waiting = fan.wait_until("waiting").await;
        let at = e2e::eventually("the line has moved up", async || {
            let answer = fan.poll().await.expect(200);
            (answer["position"] == position).then_some(answer)
        });
        let at = at.await;
        let estimate = at.number("estimated_wait_seconds");
        assert!(estimate > longest, "further back and no longer wait\n{waiting}{at}");
        longest = estimate;
        let again = at.number("poll_after_seconds");
        assert!((1..=2).contains(&again), "the slot would be lost meanwhile\n{at}");
    }
    assert!(
        longest >= 120,
        "one a minute: the third waits two minutes at least, not {longest} s"
    );
    server.finish().await;
}
