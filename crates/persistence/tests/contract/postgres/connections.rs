//! Connections break, locks are held by others, pools run dry: each of it is told as what it is,
//! and nothing stays broken.

use super::server::{Database, shown};
use frontrow_contract::{Plan, Stage, hold_of, pay_of, usual_policy};
use frontrow_domain::{
    decision::{Verdict, port::Decisions},
    outcome::StoreError,
    payment::{PayRefusal, PayReservation, PayStep},
    policy::Policy,
    storage::Storage,
};
use frontrow_persistence::{
    metrics::StoreMetrics,
    postgres::{Postgres, PostgresSettings},
};
use std::{sync::Arc, time::Duration};

/// Ends every connection of the storage.
async fn kill_all(database: &Database) -> u64 {
    let killed = database
        .client()
        .await
        .execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'frontrow'",
            &[],
        )
        .await;
    killed.expect("a superuser may")
}

/// Waits until this many connections of the storage wait for a lock.
async fn until_blocked(database: &Database, count: i64) {
    let client = database.client().await;
    loop {
        let row = client
            .query_one(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND application_name = 'frontrow' AND wait_event_type = 'Lock'",
                &[],
            )
            .await;
        if row.expect("a count").get::<_, i64>(0) >= count {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_killed_while_idle_is_replaced() {
    let stage = Stage::set(Database::migrated()).await;
    let user = stage.fan().await;
    assert!(kill_all(&stage.fixture).await > 0);
    stage.charge(user, 1_000).await;
    kill_all(&stage.fixture).await;
    assert_eq!(stage.balance(user).await, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_killed_in_a_transaction_is_replaced_and_the_transaction_run_again() {
    let database = Database::migrated();
    let metrics = StoreMetrics::default();
    let storage = Storage::of(&database.open_counting(usual_policy(), &metrics).await);
    let stage = Stage::set(database).await;
    let user = stage.fan().await;
    stage.charge(user, 1_000).await;

    let mut other = stage.fixture.client().await;
    let holding = other.transaction().await.expect("it begins");
    holding
        .execute("SELECT FROM wallets FOR UPDATE", &[])
        .await
        .expect("locked");
    let charge = stage.charge_of(user, 500);
    let charging = tokio::spawn(async move { storage.decisions.decide_each(vec![charge.into()]).await });
    until_blocked(&stage.fixture, 1).await;
    assert!(kill_all(&stage.fixture).await > 0);
    holding.rollback().await.expect("it ends");

    let charged = charging.await.expect("it ends");
    assert!(
        matches!(charged.as_deref(), Ok([Verdict::ChargeWallet(Ok(_))])),
        "{charged:?}"
    );
    assert_eq!(stage.balance(user).await, 1_500);
    let figures = shown(&metrics);
    assert!(
        figures.contains("store_retries_total{reason=\"connection_lost\"} 1"),
        "{figures}"
    );
    stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_killed_in_a_query_is_replaced_and_the_query_run_again() {
    let stage = Stage::set(Database::migrated()).await;
    let user = stage.fan().await;
    stage.charge(user, 1_000).await;
    let mut other = stage.fixture.client().await;
    let holding = other.transaction().await.expect("it begins");
    holding.batch_execute("LOCK TABLE wallets").await.expect("locked");
    let wallets = stage.storage.wallets.clone();
    let reading = tokio::spawn(async move { wallets.wallet_of(user).await });
    until_blocked(&stage.fixture, 1).await;
    assert!(kill_all(&stage.fixture).await > 0);
    holding.rollback().await.expect("it ends");
    let wallet = reading.await.expect("it ends").expect("it answers");
    assert_eq!(wallet.map(|wallet| wallet.balance.minor()), Some(1_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_had_in_time_is_unavailable_and_harms_nothing() {
    let stage = Stage::set(Database::migrated()).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let mut other = stage.fixture.client().await;
    let holding = other.transaction().await.expect("it begins");
    holding
        .execute("SELECT FROM seats WHERE number = 1 FOR UPDATE", &[])
        .await
        .expect("locked");

    let hold = hold_of(&fan, &show, &[1]);
    let answer = stage.storage.decisions.decide_each(vec![hold.into()]).await;
    assert!(
        matches!(&answer, Err(StoreError::Unavailable(why)) if why.contains("lock timeout")),
        "{answer:?}"
    );
    stage.held(&fan, &show, &[2]).await;
    holding.rollback().await.expect("it ends");
    stage.held(&fan, &show, &[1]).await;
    stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_unavailable() {
    let stage = Stage::set(Database::migrated()).await;
    let user = stage.fan().await;
    let mut other = stage.fixture.client().await;
    // A lock on the whole table is none that `lock_timeout` alone bounds for a reader: it waits.
    let holding = other.transaction().await.expect("it begins");
    holding.batch_execute("LOCK TABLE wallets").await.expect("locked");
    let answer = stage.storage.wallets.wallet_of(user).await;
    assert!(matches!(&answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    holding.rollback().await.expect("it ends");
    assert_eq!(stage.storage.wallets.wallet_of(user).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_wait_for_each_other_are_run_again() {
    let database = Database::migrated();
    let metrics = StoreMetrics::default();
    let storage = Storage::of(&database.open_counting(usual_policy(), &metrics).await);
    let stage = Stage::set(database).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;

    // Somebody locks against the order: a seat first, and then the token.
    let mut other = stage.fixture.client().await;
    let against = other.transaction().await.expect("it begins");
    // It is the storage that notices the deadlock.
    against
        .batch_execute("SET LOCAL deadlock_timeout = '1min'")
        .await
        .expect("set");
    against
        .execute("SELECT FROM seats WHERE number = 1 FOR UPDATE", &[])
        .await
        .expect("locked");
    let hold = hold_of(&fan, &show, &[1]);
    let holding = tokio::spawn(async move { storage.decisions.decide_each(vec![hold.into()]).await });
    until_blocked(&stage.fixture, 1).await;
    against
        .execute("SELECT FROM queue_tokens FOR UPDATE", &[])
        .await
        .expect("locked in the end");
    against.rollback().await.expect("it ends");

    let held = holding.await.expect("it ends");
    assert!(matches!(held.as_deref(), Ok([Verdict::HoldSeats(Ok(_))])), "{held:?}");
    let figures = shown(&metrics);
    // More than once where the storage is back before the other one wakes up.
    assert!(
        figures.contains("store_retries_total{reason=\"deadlock\"}"),
        "{figures}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_used_up_says_so_soon_and_serves_again() {
    let database = Database::migrated();
    let metrics = StoreMetrics::default();
    let settings = PostgresSettings {
        pool_size: 1,
        metrics: metrics.clone(),
        ..database.settings(usual_policy())
    };
    let storage = Storage::of(&Postgres::connect(settings).await.expect("it opens"));
    let stage = Stage::set(database).await;
    let user = stage.fan().await;
    stage.charge(user, 1_000).await;

    let mut other = stage.fixture.client().await;
    let holding = other.transaction().await.expect("it begins");
    holding
        .execute("SELECT FROM wallets FOR UPDATE", &[])
        .await
        .expect("locked");
    let charge = stage.charge_of(user, 500);
    let decisions: Arc<dyn Decisions> = storage.decisions.clone();
    let charging = tokio::spawn(async move { decisions.decide_each(vec![charge.into()]).await });
    until_blocked(&stage.fixture, 1).await;
    let started = std::time::Instant::now();
    assert_eq!(storage.wallets.wallet_of(user).await, Err(StoreError::Overloaded));
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    assert!(shown(&metrics).contains("store_connections{state=\"in_use\"} 1"));
    holding.rollback().await.expect("it ends");
    let charged = charging.await.expect("it ends");
    assert!(
        matches!(charged.as_deref(), Ok([Verdict::ChargeWallet(Ok(_))])),
        "{charged:?}"
    );
    let wallet = storage.wallets.wallet_of(user).await.expect("it answers");
    assert_eq!(wallet.map(|wallet| wallet.balance.minor()), Some(1_500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_cancels_nothing() {
    let stage = Stage::set(Database::migrated()).await;
    let user = stage.fan().await;
    stage.charge(user, 1_000).await;
    let mut other = stage.fixture.client().await;
    let holding = other.transaction().await.expect("it begins");
    holding
        .execute("SELECT FROM wallets FOR UPDATE", &[])
        .await
        .expect("locked");
    let charge = stage.charge_of(user, 500);
    let decisions = stage.storage.decisions.clone();
    let charging = tokio::spawn(async move { decisions.decide_each(vec![charge.into()]).await });
    until_blocked(&stage.fixture, 1).await;
    charging.abort();
    assert!(charging.await.is_err_and(|error| error.is_cancelled()));
    holding.rollback().await.expect("it ends");
    while stage.balance(user).await == 1_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(stage.balance(user).await, 1_500);
    stage.assert_sound().await;
}

/// `now()` would be the moment at which the transaction began, before it waited.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_waited_for_a_lock_until_its_hold_was_over_comes_too_late() {
    let policy = Policy {
        hold: time::Duration::SECOND,
        ..usual_policy()
    };
    let stage = Stage::set_with(Database::migrated(), policy).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 5_000).await;
    let mut other = stage.fixture.client().await;
    let holding = other.transaction().await.expect("it begins");
    let locked = holding.execute("SELECT FROM wallets FOR UPDATE", &[]).await;
    locked.expect("locked");
    let hold = stage.held(&fan, &show, &[1]).await;
    let pay = pay_of(&fan, hold.id);
    let decisions = stage.storage.decisions.clone();
    let paying = tokio::spawn(async move { decisions.decide_each(vec![pay.into()]).await });
    until_blocked(&stage.fixture, 1).await;
    stage.pass(time::Duration::SECOND).await;
    holding.rollback().await.expect("it ends");
    let paid = paying.await.expect("it ends");
    assert!(
        matches!(paid.as_deref(), Ok([Verdict::PayReservation(Err(PayRefusal::NotHeld))])),
        "{paid:?}"
    );
    stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_cannot_be_stored_is_a_defect_of_its_command_alone() {
    let stage = Stage::set(Database::migrated()).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 5_000).await;
    let hold = stage.held(&fan, &show, &[1]).await;
    let pay = pay_of(&fan, hold.id);
    let garbled = PayReservation {
        payment_method: Some("\0".to_owned()),
        ..pay.clone()
    };
    // Not told as a database that is away: lanes decide the other commands of its batch without it.
    let answer = stage.storage.decisions.decide_each(vec![garbled.into()]).await;
    assert!(matches!(answer, Err(StoreError::Internal(_))), "{answer:?}");
    let paid = stage.decide(pay).await;
    assert!(matches!(paid, Ok(PayStep::Paid(_))), "{paid:?}");
    stage.assert_sound().await;
}
