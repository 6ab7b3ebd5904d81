//! The contract of rate limits: bursts of twice the rate, per caller.

use e2e::{Answer, Call, Deployment, Fan, Performance, Server, Storage, eventually};
use serde_json::json;
use std::time::{Duration, Instant};

async fn limited() -> Server {
    let deployment = Deployment::on(Storage::Memory)
        .with("RATE_LIMITS", "on")
        .with("SIGNUP", "open");
    deployment.start().await
}

/// What came of a call that was repeated until it was refused.
struct Refused {
    answered: u32,
    after: Duration,
    refusal: Answer,
}

async fn until_refused(call: &Call) -> Refused {
    let since = Instant::now();
    for answered in 0..200 {
        let answer = call.clone().await;
        if answer.status == 429 {
            return Refused {
                answered,
                after: since.elapsed(),
                refusal: answer.problem(429, "rate_limited"),
            };
        }
    }
    panic!("two hundred calls and no limit\n{call}");
}

/// The burst passes, and what the rate adds while the calls are made.
#[track_caller]
fn assert_limit(burst: u32, per_minute: u32, refused: &Refused) {
    let Refused {
        answered,
        after,
        refusal,
    } = refused;
    let most = f64::from(burst) + f64::from(per_minute) * after.as_secs_f64() / 60.0 + 1.0;
    assert!(
        *answered >= burst && f64::from(*answered) <= most,
        "{answered} calls passed in {after:?} where {burst} and {per_minute} a minute may\n{refusal}"
    );
    let wait = refusal.number("retry_after_seconds");
    assert!((1..=60).contains(&wait), "{refusal}");
}

/// Polls, more often than is allowed, until it is the fan's turn.
async fn is_let_in(fan: &Fan) {
    let turn = async || (fan.poll().await.json["status"] == "active").then_some(());
    eventually("it is the fan's turn", turn).await;
}

#[tokio::test]
async fn each_kind_of_call_has_its_limit() {
    let server = limited().await;
    let show = server.stage(&Performance::of_seats(50)).await;
    let mut mina = server.fan("Mina").await;
    mina.join(&show).await.expect(201);
    is_let_in(&mina).await;
    // She has asked for a token once already.
    assert_limit(19, 10, &until_refused(&mina.ask_for_token("x", "y")).await);
    assert_limit(10, 300, &until_refused(&mina.seats(&show)).await);
    assert_limit(40, 20, &until_refused(&mina.hold(&show, &[99])).await);
    assert_limit(40, 20, &until_refused(&mina.charge(-1)).await);

    // Another fan has a limit of his own.
    let mut jun = server.fan("Jun").await;
    jun.join(&show).await.expect(201);
    assert_limit(4, 120, &until_refused(&jun.poll()).await);
    is_let_in(&jun).await;
    jun.seats(&show).await.expect(200);
    jun.held(&show, &[1]).await;
    jun.charge(1_000).await.expect(201);
    server.finish().await;
}

#[tokio::test]
async fn signing_up_is_limited_by_address_for_those_nobody_knows() {
    let server = limited().await;
    let sign_up = server.anonymous().post("/v1/users", &json!({ "name": "Mina" }));
    assert_limit(20, 10, &until_refused(&sign_up).await);
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
    assert_limit(20, 10, &until_refused(&from("203.0.113.7")).await);
    from("203.0.113.8").await.expect(201);
    from("198.51.100.1, 203.0.113.7").await.problem(429, "rate_limited");
    server.finish().await;
}
