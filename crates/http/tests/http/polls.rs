//! What a waiting fan is told, and that it takes no storage to tell it.

use crate::{
    client::{Reply, text},
    house::{Concert, Fan, House, OPERATOR, Plan},
};
use async_trait::async_trait;
use frontrow_domain::{
    catalog::{InvalidField, Programme, Schedule, port::CatalogQueries},
    clock::{Clock, ManualClock, Timestamp, to_micros},
    id::{ConcertId, ReservationId, ScheduleId},
    outcome::StoreError,
    page::{Page, PageRequest},
    queue::{
        Gate, GatePatch, TokenRef, TokenStatus,
        port::{GateNews, QueueQueries, Stats},
    },
    seating::{
        SeatMap,
        port::{Availability, ReservationStatus, SeatingQueries, Stock},
    },
    storage::Storage,
};
use frontrow_memory::Memory;
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
};
use time::{Duration, macros::datetime};

const POLL: &str = "/v1/queue/tokens/current";

tokio::task_local! {
    /// Set while the background work reads.
    static IN_BACKGROUND: ();
}

/// A storage whose reads can be forbidden to all but the background work.
struct Guarded {
    queue: Arc<dyn QueueQueries>,
    catalog: Arc<dyn CatalogQueries>,
    seating: Arc<dyn SeatingQueries>,
    forbidden: AtomicBool,
    /// How often somebody who polls read a gate.
    looks: AtomicU64,
    /// How often a token was looked up.
    statuses: AtomicU64,
    /// Reading a gate takes until tokens were looked up this often.
    slow_until: AtomicU64,
    /// What is left is not told for ever …
    stock_hangs: AtomicBool,
    /// … or not at all.
    stock_fails: AtomicBool,
}

impl Guarded {
    fn over(storage: &Storage) -> (Arc<Self>, Storage) {
        let guarded = Arc::new(Self {
            queue: storage.queue.clone(),
            catalog: storage.catalog.clone(),
            seating: storage.seating.clone(),
            forbidden: AtomicBool::new(false),
            looks: AtomicU64::new(0),
            statuses: AtomicU64::new(0),
            slow_until: AtomicU64::new(0),
            stock_hangs: AtomicBool::new(false),
            stock_fails: AtomicBool::new(false),
        });
        let storage = Storage {
            queue: guarded.clone(),
            catalog: guarded.clone(),
            seating: guarded.clone(),
            ..storage.clone()
        };
        (guarded, storage)
    }

    fn forbid(&self, forbidden: bool) {
        self.forbidden.store(forbidden, SeqCst);
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.forbidden.load(SeqCst) && IN_BACKGROUND.try_with(|()| ()).is_err() {
            return Err(StoreError::Unavailable("reading is forbidden".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl QueueQueries for Guarded {
    async fn statuses(&self, tokens: Vec<TokenRef>) -> Result<Vec<Option<TokenStatus>>, StoreError> {
        self.check()?;
        self.statuses.fetch_add(tokens.len() as u64, SeqCst);
        self.queue.statuses(tokens).await
    }

    async fn gate(&self, schedule: ScheduleId) -> Result<Option<Gate>, StoreError> {
        self.check()?;
        self.queue.gate(schedule).await
    }

    async fn gate_news(&self, after: Vec<(ScheduleId, u64)>) -> Result<Vec<GateNews>, StoreError> {
        self.check()?;
        if IN_BACKGROUND.try_with(|()| ()).is_err() {
            self.looks.fetch_add(1, SeqCst);
        }
        let news = self.queue.gate_news(after).await;
        while self.statuses.load(SeqCst) < self.slow_until.load(SeqCst) {
            tokio::task::yield_now().await;
        }
        news
    }

    async fn patch_gate(
        &self,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, StoreError> {
        self.queue.patch_gate(schedule, patch).await
    }

    async fn stats(&self, schedule: ScheduleId) -> Result<Option<Stats>, StoreError> {
        self.check()?;
        self.queue.stats(schedule).await
    }
}

#[async_trait]
impl CatalogQueries for Guarded {
    async fn programmes(&self, page: PageRequest<ConcertId>) -> Result<Page<Programme, ConcertId>, StoreError> {
        self.check()?;
        self.catalog.programmes(page).await
    }

    async fn programme(&self, id: ConcertId) -> Result<Option<Programme>, StoreError> {
        self.check()?;
        self.catalog.programme(id).await
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, StoreError> {
        self.check()?;
        self.catalog.schedule(id).await
    }
}

#[async_trait]
impl SeatingQueries for Guarded {
    async fn availability(&self, concert: ConcertId) -> Result<Vec<Availability>, StoreError> {
        self.check()?;
        self.seating.availability(concert).await
    }

    async fn seats(&self, schedule: ScheduleId) -> Result<SeatMap, StoreError> {
        self.check()?;
        self.seating.seats(schedule).await
    }

    async fn stock(&self, schedules: Vec<ScheduleId>) -> Result<Vec<Stock>, StoreError> {
        self.check()?;
        if self.stock_hangs.load(SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.stock_fails.load(SeqCst) {
            return Err(StoreError::Unavailable("seats cannot be read".to_owned()));
        }
        self.seating.stock(schedules).await
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationStatus>, StoreError> {
        self.check()?;
        self.seating.reservation(id).await
    }
}

/// A clock that no two readings of are the same.
struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        to_micros(datetime!(2026-12-01 10:00 UTC) + Duration::microseconds(self.0.fetch_add(1, SeqCst)))
    }
}

fn ticking_storage() -> Storage {
    let clock = Arc::new(Ticking(AtomicI64::new(0)));
    Storage::of(&Memory::new(House::policy("KRW"), clock))
}

async fn instance(storage: &Storage) -> House {
    let clock = Arc::new(ManualClock::starting_at(datetime!(2026-12-01 10:00 UTC)));
    House::over(storage.clone(), House::policy("KRW"), clock, Plan::default()).await
}

/// Keeps an instance's views up to date, as its background work does, until it is dropped.
struct Refreshing(tokio::task::JoinHandle<()>);

impl Refreshing {
    fn of(house: &House) -> Self {
        let views = house.views.clone();
        let refresh = async move {
            loop {
                views.refresh().await.unwrap();
                views.refresh_stock().await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        Self(tokio::spawn(IN_BACKGROUND.scope((), refresh)))
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn poll(house: &House, place: &str) -> Reply {
    house.get(POLL).queue(place).send().await
}

async fn position(house: &House, place: &str) -> u64 {
    let polled = poll(house, place).await;
    assert_eq!(polled.status, 200, "{}", polled.body);
    polled.json()["position"]
        .as_u64()
        .unwrap_or_else(|| panic!("{}", polled.body))
}

async fn pause(house: &House, concert: &Concert, paused: bool) {
    let gate = format!("/v1/admin/schedules/{}/gate", concert.schedule_id);
    let patch = house.request(reqwest::Method::PATCH, &gate);
    patch
        .json(&json!({ "paused": paused }))
        .bearer(OPERATOR)
        .expect(200)
        .await;
}

/// So many fans in line, with their places.
async fn line_up(house: &House, concert: &Concert, many: usize) -> Vec<(Fan, String)> {
    let mut fans = Vec::new();
    for _ in 0..many {
        let fan = house.fan().await;
        let place = house.join(&fan, concert).await;
        fans.push((fan, place));
    }
    fans
}

async fn ask_again(house: &House, fan: &Fan, concert: &Concert) -> Value {
    let body = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    house.post("/v1/queue/tokens", &body).by(fan).expect(200).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_fan_is_told_the_place_without_asking_storage() {
    let (guarded, storage) = Guarded::over(&ticking_storage());
    let house = instance(&storage).await;
    let concert = house.concert().await;
    pause(&house, &concert, true).await;
    let fans = line_up(&house, &concert, 5).await;
    assert_eq!(position(&house, &fans[0].1).await, 1, "the first poll reads the gate");
    let refreshing = Refreshing::of(&house);
    while position(&house, &fans[4].1).await != 5 {}

    guarded.forbid(true);
    for ((_, place), expected) in fans.iter().zip(1..) {
        assert_eq!(position(&house, place).await, expected);
    }
    let forged = format!("{}x", fans[0].1);
    house.get(POLL).queue(&forged).refused(401, "invalid_token").await;
    let mut polled = poll(&house, &fans[3].1).await.json();
    guarded.forbid(false);
    let mut asked = ask_again(&house, &fans[3].0, &concert).await;
    for answer in [&mut polled, &mut asked] {
        let fields = answer.as_object_mut().unwrap();
        fields.remove("status");
        fields.remove("queue_token");
    }
    assert_eq!(polled, asked, "it is what storage says");
    assert_eq!(polled["outlook"], "open");

    // Who is let in has to be asked for again.
    pause(&house, &concert, false).await;
    house.admit().await;
    let entered = house.get(POLL).queue(&fans[0].1).expect(200).await;
    assert_eq!(entered["status"], "active");
    assert_eq!(position(&house, &fans[1].1).await, 1);
    guarded.forbid(true);
    house
        .get(POLL)
        .queue(&fans[0].1)
        .refused(503, "storage_unavailable")
        .await;
    assert_eq!(position(&house, &fans[4].1).await, 4);
    drop(refreshing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_that_nobody_keeps_up_to_date_is_not_used_for_long() {
    let (guarded, storage) = Guarded::over(&ticking_storage());
    let house = instance(&storage).await;
    let concert = house.concert().await;
    let fans = line_up(&house, &concert, 2).await;
    position(&house, &fans[0].1).await;
    let elsewhere = instance(&storage).await;
    elsewhere.delete(POLL).queue(&fans[0].1).expect(204).await;
    let looks = guarded.looks.load(SeqCst);
    while guarded.looks.load(SeqCst) == looks {
        position(&house, &fans[1].1).await;
    }
    assert_eq!(position(&house, &fans[1].1).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_one_reads_a_gate_for_the_first_time_all_others_are_answered() {
    let (guarded, storage) = Guarded::over(&ticking_storage());
    let house = instance(&storage).await;
    let concert = house.concert().await;
    let fans = line_up(&house, &concert, 10).await;
    guarded.slow_until.store(9, SeqCst);
    let polls = fans.iter().map(|(_, place)| position(&house, place));
    let positions = futures_util::future::join_all(polls).await;
    assert_eq!(positions, (1..=10).collect::<Vec<_>>());
    assert_eq!(guarded.looks.load(SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_here_is_gone_from_the_line_at_once() {
    let house = instance(&ticking_storage()).await;
    let concert = house.concert().await;
    let fans = line_up(&house, &concert, 4).await;
    assert_eq!(position(&house, &fans[3].1).await, 4);
    for gone in [1, 0] {
        for _ in 0..2 {
            house.delete(POLL).queue(&fans[gone].1).expect(204).await;
            let left = house.get(POLL).queue(&fans[gone].1).expect(200).await;
            assert_eq!((&left["status"], &left["position"]), (&json!("expired"), &Value::Null));
        }
    }
    assert_eq!(position(&house, &fans[2].1).await, 1);
    assert_eq!(position(&house, &fans[3].1).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_poll_tells_a_higher_position_than_asking_again_did() {
    let storage = ticking_storage();
    let (here, elsewhere) = (instance(&storage).await, instance(&storage).await);
    let concert = here.concert().await;
    let mut fans = line_up(&here, &concert, 10).await;
    let (last, place) = fans.pop().unwrap();
    assert_eq!(position(&here, &place).await, 10);
    let mut expected = 10;
    for (_, gone) in &fans {
        elsewhere.delete(POLL).queue(gone).expect(204).await;
        expected -= 1;
        let asked = ask_again(&here, &last, &concert).await;
        assert_eq!(asked["position"], expected, "asking again tells the truth");
        assert_eq!(position(&here, &place).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_place_is_never_polled_as_a_higher_one() {
    let storage = ticking_storage();
    let (here, elsewhere) = (instance(&storage).await, instance(&storage).await);
    let concert = here.concert().await;
    let fans = line_up(&here, &concert, 6).await;
    position(&here, &fans[5].1).await;
    elsewhere.delete(POLL).queue(&fans[2].1).expect(204).await;
    let body = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    let joined = here.post("/v1/queue/tokens", &body).by(&here.fan().await);
    let joined = joined.expect(201).await;
    assert_eq!(joined["position"], 6);
    assert_eq!(position(&here, &text(&joined, "queue_token")).await, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_never_rise_on_an_instance_while_others_leave_and_enter() {
    let storage = ticking_storage();
    let houses = Arc::new([instance(&storage).await, instance(&storage).await]);
    let concert = houses[0].concert().await;
    let fans = line_up(&houses[0], &concert, 40).await;
    let refreshing: Vec<_> = houses.iter().map(Refreshing::of).collect();
    let done = Arc::new(AtomicBool::new(false));
    let watchers: Vec<_> = [9, 19, 29, 39]
        .into_iter()
        .flat_map(|fan| [(fan, 0), (fan, 1)])
        .map(|(fan, at)| {
            let (houses, done, place) = (houses.clone(), done.clone(), fans[fan].1.clone());
            tokio::spawn(async move {
                let mut told = vec![u64::MAX];
                while !done.load(SeqCst) {
                    let polled = poll(&houses[at], &place).await.json();
                    told.extend(polled["position"].as_u64());
                }
                told
            })
        })
        .collect();
    for (number, (_, place)) in fans.iter().enumerate() {
        if number % 10 != 9 {
            houses[number % 2].delete(POLL).queue(place).expect(204).await;
        }
        if number % 10 == 4 {
            storage.attendant.admit_due().await.unwrap();
        }
    }
    while position(&houses[1], &fans[39].1).await > 4 {}
    done.store(true, SeqCst);
    for watcher in watchers {
        let told = watcher.await.unwrap();
        assert!(told.is_sorted_by(|before, after| before >= after), "{told:?}");
    }
    drop(refreshing);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_turned_away_because_it_is_not_known_what_is_left() {
    let (guarded, storage) = Guarded::over(&ticking_storage());
    let house = instance(&storage).await;
    let concert = house.concert().await;
    let fans = [house.fan().await, house.fan().await, house.fan().await];
    guarded.stock_hangs.store(true, SeqCst);
    let body = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
    let joined = fans
        .iter()
        .map(|fan| house.post("/v1/queue/tokens", &body).by(fan).expect(201));
    let places = futures_util::future::join_all(joined).await;
    guarded.stock_hangs.store(false, SeqCst);
    guarded.stock_fails.store(true, SeqCst);
    for place in places {
        assert_eq!(place["outlook"], Value::Null, "{place}");
        let polled = house.get(POLL).queue(&text(&place, "queue_token")).expect(200).await;
        assert_eq!(
            (&polled["position"], &polled["outlook"]),
            (&place["position"], &Value::Null)
        );
    }
}
