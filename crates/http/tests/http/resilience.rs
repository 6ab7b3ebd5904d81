//! What happens when something breaks: storage, a handler, a client, the process.

use crate::{
    client::text,
    house::{House, OPERATOR, Plan},
};
use async_trait::async_trait;
use frontrow_domain::{
    audit::{ScheduleBooks, UserBooks, port::Books},
    clock::{Clock, ManualClock, Timestamp},
    decision::{Command, Verdict, port::Decisions},
    id::{ScheduleId, UserId},
    outcome::StoreError,
    storage::Storage,
};
use frontrow_http::Settings;
use frontrow_memory::Memory;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use time::macros::datetime;
use tokio::{io::AsyncWriteExt, sync::Semaphore};

/// A storage that can be told to fail, to panic, or to wait before it decides.
struct Flaky {
    decisions: Arc<dyn Decisions>,
    books: Arc<dyn Books>,
    fails_with: std::sync::Mutex<Option<StoreError>>,
    panics: AtomicBool,
    begun: Semaphore,
    may_go_on: Semaphore,
}

impl Flaky {
    fn over(storage: &Storage) -> Arc<Self> {
        Arc::new(Self {
            decisions: storage.decisions.clone(),
            books: storage.books.clone(),
            fails_with: std::sync::Mutex::default(),
            panics: AtomicBool::new(false),
            begun: Semaphore::new(0),
            may_go_on: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    fn fail_with(&self, error: Option<StoreError>) {
        *self.fails_with.lock().unwrap() = error;
    }

    fn failure(&self) -> Result<(), StoreError> {
        assert!(!self.panics.load(Ordering::Relaxed), "a defect with a secret: hunter2");
        self.fails_with.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

/// Carries out what it was asked for, as the port promises, whether or not somebody still waits.
struct Deciding(Arc<Flaky>);

#[async_trait]
impl Decisions for Deciding {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let flaky = self.0.clone();
        let deciding = tokio::spawn(async move {
            flaky.begun.add_permits(1);
            flaky.may_go_on.acquire().await.unwrap().forget();
            flaky.failure()?;
            flaky.decisions.decide_each(commands).await
        });
        deciding
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }
}

#[async_trait]
impl Books for Flaky {
    async fn schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        self.books.schedules().await
    }

    async fn schedule_books(&self, id: ScheduleId) -> Result<Option<ScheduleBooks>, StoreError> {
        self.books.schedule_books(id).await
    }

    async fn user_books(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, StoreError> {
        self.books.user_books(after, limit).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.failure()
    }
}

async fn flaky_house() -> (House, Arc<Flaky>) {
    flaky_house_with(Plan::default()).await
}

async fn flaky_house_with(plan: Plan) -> (House, Arc<Flaky>) {
    let clock = Arc::new(ManualClock::starting_at(datetime!(2026-12-01 10:00 UTC)));
    let policy = House::policy("KRW");
    let storage = Storage::of(&Memory::new(policy, clock.clone()));
    let flaky = Flaky::over(&storage);
    let storage = Storage {
        decisions: Arc::new(Deciding(flaky.clone())),
        books: flaky.clone(),
        ..storage
    };
    let house = House::over(storage, policy, clock, plan).await;
    (house, flaky)
}

fn sign_up() -> Value {
    json!({"name": "Mina"})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_storage_cannot_do_is_a_problem_that_says_nothing_of_its_insides() {
    let (house, flaky) = flaky_house().await;
    let inside = || "SELECT secret FROM /var/lib at 10.0.0.1".to_owned();
    for (error, status, code, retry) in [
        (StoreError::Overloaded, 503, "overloaded", "1"),
        (StoreError::Unavailable(inside()), 503, "storage_unavailable", "1"),
        (StoreError::OutcomeUnknown(inside()), 503, "outcome_unknown", "1"),
        (StoreError::Internal(inside()), 500, "internal", ""),
    ] {
        flaky.fail_with(Some(error));
        let refused = house.post("/v1/users", &sign_up()).send().await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (status, code));
        assert_eq!(refused.header("retry-after"), retry, "{code}");
        assert!(!refused.body.contains("secret"), "{}", refused.body);
    }
    flaky.fail_with(None);
    house.post("/v1/users", &sign_up()).expect(201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_storage_is_a_500_and_nothing_else_breaks() {
    let (house, flaky) = flaky_house().await;
    flaky.panics.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let broken = house.post("/v1/users", &sign_up()).send().await;
        assert_eq!((broken.status.as_u16(), broken.code().as_str()), (500, "internal"));
        assert!(!broken.body.contains("hunter2"), "{}", broken.body);
    }
    flaky.panics.store(false, Ordering::Relaxed);
    house.post("/v1/users", &sign_up()).expect(201).await;
}

/// A clock that breaks at the worker that asks it.
struct BrokenClock(AtomicBool);

impl Clock for BrokenClock {
    fn now(&self) -> Timestamp {
        assert!(!self.0.load(Ordering::Relaxed), "a broken clock");
        datetime!(2026-12-01 10:00 UTC)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_a_handler_is_a_500_and_the_connection_lives_on() {
    let clock = Arc::new(BrokenClock(AtomicBool::new(false)));
    let policy = House::policy("KRW");
    let steady = Arc::new(ManualClock::starting_at(datetime!(2026-12-01 10:00 UTC)));
    let storage = Storage::of(&Memory::new(policy, steady.clone()));
    let house = House::telling_time(storage, policy, steady, clock.clone(), Plan::default()).await;
    let fan = house.fan().await;
    clock.0.store(true, Ordering::Relaxed);
    let wallet = format!("/v1/users/{}/wallet", fan.user_id);
    let broken = house.get(&wallet).by(&fan).send().await;
    assert_eq!((broken.status.as_u16(), broken.code().as_str()), (500, "internal"));
    assert_eq!(broken.header("x-request-id"), text(&broken.json(), "request_id"));
    assert_eq!(broken.header("connection"), "");
    clock.0.store(false, Ordering::Relaxed);
    house.get(&wallet).by(&fan).expect(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_does_not_stop_what_it_asked_for() {
    let (house, flaky) = flaky_house().await;
    flaky.may_go_on.forget_permits(Semaphore::MAX_PERMITS);
    let mut connection = house.connect().await;
    let body = r#"{"title": "Winter Journey", "venue": "Arts Center"}"#;
    let request = format!(
        "POST /v1/admin/concerts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {OPERATOR}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    flaky.begun.acquire().await.unwrap().forget();
    connection.set_zero_linger().unwrap();
    drop(connection);
    house.until_nothing_is_in_flight().await;
    flaky.may_go_on.add_permits(1);
    let mut made = 0;
    while made == 0 {
        made = house.get("/v1/concerts").expect(200).await["items"]
            .as_array()
            .unwrap()
            .len();
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_gets_no_verdict_in_time_is_told_that_and_the_same_key_finds_out() {
    let settings = Settings {
        rate_limits: false,
        patience: std::time::Duration::from_millis(20),
        ..Settings::default()
    };
    let (house, flaky) = flaky_house_with(Plan {
        settings,
        ..Plan::default()
    })
    .await;
    flaky.may_go_on.forget_permits(Semaphore::MAX_PERMITS);
    let body = json!({"title": "Winter Journey", "venue": "Arts Center"});
    let create = || house.post("/v1/admin/concerts", &body).bearer(OPERATOR).key("k");
    create().refused(503, "outcome_unknown").await;
    let mut concert = Value::Null;
    while concert["concert_id"].is_null() {
        flaky.may_go_on.add_permits(2);
        concert = create().send().await.json();
    }
    let all = house.get("/v1/concerts").expect(200).await;
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_follows_storage_and_liveness_does_not() {
    let (house, flaky) = flaky_house().await;
    assert_eq!(house.get("/health/ready").expect(200).await, json!({"status": "ok"}));
    flaky.fail_with(Some(StoreError::Unavailable("gone".to_owned())));
    house.get("/health/ready").refused(503, "storage_unavailable").await;
    house.get("/health/live").expect(200).await;
    flaky.fail_with(None);
    house.get("/health/ready").expect(200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_drains_is_not_ready_but_still_answers() {
    let house = House::open().await;
    house.api.drain();
    house.get("/health/ready").refused(503, "storage_unavailable").await;
    let live = house.get("/health/live").send().await;
    assert_eq!((live.status.as_u16(), live.header("connection")), (200, "close"));
    house.post("/v1/users", &sign_up()).expect(201).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_waits_for_what_was_begun() {
    let (house, flaky) = flaky_house().await;
    flaky.may_go_on.forget_permits(Semaphore::MAX_PERMITS);
    let begun = tokio::spawn(house.post("/v1/users", &sign_up()).send());
    flaky.begun.acquire().await.unwrap().forget();
    let stopping = tokio::spawn(house.close());
    flaky.may_go_on.add_permits(1);
    assert_eq!(begun.await.unwrap().status, 201);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_a_provider_charges_nothing_and_says_so() {
    let house = House::with(Plan {
        provider: false,
        ..Plan::default()
    })
    .await;
    let fan = house.fan().await;
    let path = format!("/v1/users/{}/wallet/charges", fan.user_id);
    house
        .post(&path, &json!({"amount": 1}))
        .by(&fan)
        .refused(503, "provider_unavailable")
        .await;
}
