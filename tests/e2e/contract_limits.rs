//! The contract of rate limits: bursts of twice the rate, per caller.

use e2e::{Answer, Call, Deployment, Fan, Performance, Server, Show, Storage, eventually};
use serde_json::json;

async fn limited() -> Server {
    let deployment = Deployment::on(Storage::Memory)
        .with("RATE_LIMITS", "on")
        .with("SIGNUP", "open");
    deployment.start().await
}

/// Repeats the call until it is refused; the number of answers before that, and the refusal.
async fn until_refused(call: &Call) -> (usize, Answer) {
    for answered in 0..200 {
        let answer = call.clone().await;
        if answer.status == 429 {
            return (answered, answer.problem(429, "rate_limited"));
        }
    }
    panic!("two hundred calls and no limit\n{call}");
}

/// Somewhat more than the burst may pass while the calls are made.
#[track_caller]
fn assert_burst(burst: usize, (answered, refusal): (usize, Answer)) {
    assert!(
        (burst..=burst + burst / 2).contains(&answered),
        "{answered} calls passed where {burst} may\n{refusal}"
    );
    let wait = refusal.number("retry_after_seconds");
    assert!((1..=60).contains(&wait), "{refusal}");
}

/// Joins, and polls, more often than is allowed, until it is the fan's turn.
async fn enter(fan: &mut Fan, show: &Show) {
    fan.join(show).await.expect(201);
    let turn = async || (fan.poll().await.json["status"] == "active").then_some(());
    eventually("it is the fan's turn", turn).await;
}

#[tokio::test]
async fn each_kind_of_call_has_its_limit() {
    let server = limited().await;
    let show = server.stage(&Performance::of_seats(50)).await;
    let mut mina = server.fan("Mina").await;
    enter(&mut mina, &show).await;
    // She has asked for a token once already.
    assert_burst(19, until_refused(&mina.ask_for_token("x", "y")).await);
    assert_burst(10, until_refused(&mina.seats(&show)).await);
    assert_burst(40, until_refused(&mina.hold(&show, &[99])).await);
    assert_burst(40, until_refused(&mina.charge(-1)).await);
    let (polls, refusal) = until_refused(&mina.poll()).await;
    assert!(polls <= 6, "two polls a second, four at once: not {polls}\n{refusal}");

    // Another fan has a limit of his own.
    let mut jun = server.fan("Jun").await;
    enter(&mut jun, &show).await;
    jun.seats(&show).await.expect(200);
    jun.held(&show, &[1]).await;
    jun.charge(1_000).await.expect(201);
    server.finish().await;
}

#[tokio::test]
async fn signing_up_is_limited_by_address_for_those_nobody_knows() {
    let server = limited().await;
    let sign_up = server.anonymous().post("/v1/users", &json!({ "name": "Mina" }));
    assert_burst(20, until_refused(&sign_up).await);
    let elsewhere = sign_up.clone().header("x-forwarded-for", "203.0.113.7");
    elsewhere.await.problem(429, "rate_limited");
    server.finish().await;
}

#[tokio::test]
async fn an_address_counts_when_a_listed_proxy_names_it() {
    let deployment = Deployment::on(Storage::Memory)
        .with("RATE_LIMITS", "on")
        .with("SIGNUP", "open")
        .with("TRUSTED_PROXIES", "127.0.0.1");
    let server = deployment.start().await;
    let sign_up = server.anonymous().post("/v1/users", &json!({ "name": "Mina" }));
    let from = |address: &str| sign_up.clone().header("x-forwarded-for", address);
    assert_burst(20, until_refused(&from("203.0.113.7")).await);
    from("203.0.113.8").await.expect(201);
    from("198.51.100.1, 203.0.113.7").await.problem(429, "rate_limited");
    server.finish().await;
}
