//! kill -9 and SIGTERM while fans buy: nothing that was acknowledged is lost, and nothing happens twice.
//!
//! `FRONTROW_E2E_KILLS` says how often a server is killed in each story.

use crate::shoppers::{Crowd, Street, seats_for, without_limits};
use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, sql_query, sql_types::Text, sqlite::SqliteConnection,
};
use e2e::{Answer, Deployment, Performance, Server, Storage, eventually};
use std::{
    process::Command,
    time::{Duration, Instant},
};

const SHOPPERS: u32 = 8;

/// Writes that have to be acknowledged between two kills.
const BETWEEN_KILLS: usize = 30;

const READY_AGAIN: Duration = Duration::from_secs(3);

const STOPPED: Duration = Duration::from_secs(15);

fn kills() -> usize {
    let kills = std::env::var("FRONTROW_E2E_KILLS").ok();
    kills.map_or(3, |kills| kills.parse().expect("FRONTROW_E2E_KILLS is a whole number"))
}

async fn business(street: &Street) {
    let before = street.acknowledged();
    eventually("fans are buying", async || {
        (street.acknowledged() >= before + BETWEEN_KILLS).then_some(())
    })
    .await;
}

async fn start_again(deployment: &Deployment) -> Server {
    let started = Instant::now();
    let server = deployment.start().await;
    let took = started.elapsed();
    assert!(took < READY_AGAIN, "ready again after {took:?}");
    server
}

#[derive(QueryableByName)]
struct Integrity {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

fn assert_intact(deployment: &Deployment) {
    let file = deployment.folder().join("frontrow.db");
    let mut connection = SqliteConnection::establish(&file.to_string_lossy()).expect("the file opens");
    let found: Vec<Integrity> = sql_query("PRAGMA integrity_check")
        .load(&mut connection)
        .expect("it can be checked");
    let found: Vec<_> = found.into_iter().map(|found| found.integrity_check).collect();
    assert_eq!(found, ["ok"]);
}

#[tokio::test]
async fn a_killed_server_on_a_file_loses_nothing_that_was_acknowledged() {
    let deployment = without_limits(Deployment::on(Storage::Sqlite));
    let mut server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(seats_for(SHOPPERS))).await;
    let crowd = Crowd::gather(SHOPPERS, &show, &server).await;

    for _ in 0..kills() {
        business(crowd.street()).await;
        server.kill();
        assert_intact(&deployment);
        server = start_again(&deployment).await;
        crowd.street().open(&[&server]);
    }

    business(crowd.street()).await;
    crowd.settle(&server).await;
    server.finish().await;
    assert_intact(&deployment);
}

#[tokio::test]
async fn one_of_two_servers_is_killed_and_the_other_serves_on() {
    let deployment = without_limits(Deployment::on(Storage::Postgres));
    let mut first = deployment.start().await;
    let mut second = deployment.start().await;
    let show = first.stage(&Performance::of_seats(seats_for(SHOPPERS))).await;
    let crowd = Crowd::gather(SHOPPERS, &show, &first).await;

    for _ in 0..kills() {
        crowd.street().open(&[&first, &second]);
        business(crowd.street()).await;
        first.kill();
        business(crowd.street()).await;
        first = second;
        second = start_again(&deployment).await;
    }

    crowd.street().open(&[&first, &second]);
    business(crowd.street()).await;
    crowd.settle(&second).await;
    first.finish().await;
    second.finish().await;
}

async fn is_told_to_stop_amid_business(storage: Storage) {
    let deployment = without_limits(Deployment::on(storage));
    let mut server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(seats_for(SHOPPERS))).await;
    let crowd = Crowd::gather(SHOPPERS, &show, &server).await;

    for _ in 0..2 {
        business(crowd.street()).await;
        let told = Instant::now();
        let stopped = server.stop().await;
        assert_eq!(stopped.code(), Some(0));
        assert!(told.elapsed() < STOPPED, "stopped after {:?}", told.elapsed());
        server = deployment.start().await;
        crowd.street().open(&[&server]);
    }

    crowd.settle(&server).await;
    server.finish().await;
}

#[tokio::test]
async fn a_server_on_a_file_that_is_told_to_stop_finishes_what_it_began() {
    is_told_to_stop_amid_business(Storage::Sqlite).await;
}

#[tokio::test]
async fn a_server_on_postgres_that_is_told_to_stop_finishes_what_it_began() {
    is_told_to_stop_amid_business(Storage::Postgres).await;
}

/// A server with a request that its payment provider does not answer for three seconds.
async fn a_server_at_work() -> (Server, impl Future<Output = Answer>) {
    let server = Deployment::on(Storage::Memory).start().await;
    let fan = server.fan("Mina").await;
    let slow = serde_json::json!({ "amount": 5_000, "payment_method": "timeout" });
    let asked = tokio::spawn(fan.charge_with(&slow).key("slow").send());
    eventually("the provider is being asked", async || {
        let metrics = server.get("/metrics").await.expect(200);
        let metrics = String::from_utf8_lossy(&metrics.body).into_owned();
        metrics.contains("frontrow_http_requests_in_flight 1").then_some(())
    })
    .await;
    (server, async { asked.await.expect("no panic").expect("an answer") })
}

#[tokio::test]
async fn a_request_in_flight_is_answered_while_nobody_new_is_let_in() {
    let (server, answer) = a_server_at_work().await;
    let newcomer = server.anonymous();
    let nobody_is_let_in = async || match newcomer.get("/health/ready").send().await {
        Ok(answer) => (answer.status == 503).then_some(()),
        Err(_) => Some(()),
    };

    let closed = eventually("nobody is let in any more", nobody_is_let_in);
    let (stopped, ()) = tokio::join!(server.stop(), closed);

    answer.await.problem(503, "outcome_unknown");
    assert_eq!(stopped.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_does_not_wait_for_what_is_in_flight() {
    let (server, answer) = a_server_at_work().await;
    let process = server.process_id().to_string();
    let newcomer = server.anonymous();
    let insist = async {
        let closed = async || newcomer.get("/health/live").send().await.is_err().then_some(());
        eventually("the first signal has arrived", closed).await;
        Command::new("kill")
            .args(["-TERM", &process])
            .status()
            .expect("kill runs")
    };

    let told = Instant::now();
    let (stopped, sent) = tokio::join!(server.stop(), insist);

    assert!(sent.success());
    assert_eq!(stopped.code(), Some(1));
    assert!(
        told.elapsed() < Duration::from_secs(2),
        "ended after {:?}",
        told.elapsed()
    );
    drop(answer);
}
