//! A storage with a concert on sale, and what tests do with it again and again.

mod wishes;

pub use wishes::*;

use crate::Fixture;
use frontrow_domain::{
    audit::{ScheduleBooks, UserBooks, service::audit},
    catalog::{CreateConcert, CreateSchedule, Schedule, SeatLayout},
    clock::Timestamp,
    decision::{Command, Decide, Verdict, port::Decisions},
    id::{ConcertId, EntryId, ReservationId, ScheduleId, UserId, WalletId},
    identity::{Actor, RegisterUser},
    money::Money,
    outcome::StoreError,
    payment::{Answer, Approval, PayRefusal, PayStep, Receipt},
    policy::Policy,
    queue::{GateSettings, JoinQueue, Joined, LeaveQueue, TokenRef, TokenState, TokenStatus, Visit},
    seating::{Held, HoldRefusal, Reservation, Seat, SeatMap, SeatStatus},
    storage::Storage,
    wallet::{ChargeStep, ChargeWallet, Payee},
};
use std::sync::Arc;
use time::{Duration, OffsetDateTime};

/// Long enough for a few calls to be made meanwhile, short enough to be waited for.
pub const MOMENT: Duration = Duration::seconds(2);

/// How often a condition is looked at before it is called unmet.
const PATIENCE: usize = 2_000;

/// A storage under test.
pub struct Stage<F> {
    /// What made the storage.
    pub fixture: F,
    /// The storage.
    pub storage: Storage,
    /// What it was made with.
    pub policy: Policy,
}

/// What a performance is to be like; times are counted from now.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many seats, numbered from 1.
    pub seats: u32,
    /// What each costs, in minor units.
    pub price: i64,
    /// When booking opens.
    pub opens_in: Duration,
    /// When it closes.
    pub closes_in: Duration,
    /// The gate.
    pub gate: GateSettings,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seats: 20,
            price: 1_000,
            opens_in: -Duration::HOUR,
            closes_in: Duration::DAY,
            gate: GateSettings {
                max_active: 1_000,
                admissions_per_minute: 1_000_000,
                session_seconds: 600,
                paused: false,
            },
        }
    }
}

/// A performance on sale.
pub type Show = Arc<Schedule>;

/// A fan with a place at a gate.
#[derive(Debug, Clone, Copy)]
pub struct Fan {
    /// The fan.
    pub user: UserId,
    /// The place.
    pub token: TokenRef,
}

/// Decides a batch; a storage that says it has too much to do changed nothing, and is asked again.
pub(crate) async fn patiently(decisions: &dyn Decisions, commands: Vec<Command>) -> Vec<Verdict> {
    for _ in 0..PATIENCE {
        match decisions.decide_each(commands.clone()).await {
            Err(StoreError::Overloaded) => tokio::task::yield_now().await,
            answer => return answer.expect("the storage answers"),
        }
    }
    panic!("the storage never finds the time")
}

impl<F: Fixture> Stage<F> {
    /// A stage with the usual policy.
    pub async fn set(fixture: F) -> Self {
        Self::set_with(fixture, usual_policy()).await
    }

    /// A stage with a policy of its own.
    pub async fn set_with(fixture: F, policy: Policy) -> Self {
        let storage = fixture.storage(policy).await;
        Self {
            fixture,
            storage,
            policy,
        }
    }

    /// Lets time pass on the storage's clock.
    pub async fn pass(&self, time: Duration) {
        self.fixture.pass(time).await;
    }

    /// The time on the storage's clock.
    pub async fn now(&self) -> Timestamp {
        self.map_of(ScheduleId::mint()).await.as_of
    }

    /// This many minor units.
    pub fn money(&self, minor: i64) -> Money {
        self.policy.currency.from_minor(minor)
    }

    /// Decides one command; the storage has to answer.
    pub async fn decide<C>(&self, command: C) -> C::Verdict
    where
        C: Decide + Into<Command>,
        C::Verdict: TryFrom<Verdict>,
    {
        let mut verdicts = self.decide_each(vec![command.into()]).await;
        C::Verdict::try_from(verdicts.remove(0))
            .ok()
            .expect("a verdict of the command's own kind")
    }

    /// Decides a batch; the storage has to answer.
    pub async fn decide_each(&self, commands: Vec<Command>) -> Vec<Verdict> {
        let asked = commands.len();
        let verdicts = patiently(&*self.storage.decisions, commands).await;
        assert_eq!(verdicts.len(), asked, "one verdict a command");
        verdicts
    }

    /// New fans.
    pub async fn fans(&self, count: usize) -> Vec<UserId> {
        let register = |_| RegisterUser {
            request: None,
            user_id: UserId::mint(),
            name: "Fan".to_owned(),
        };
        let commands: Vec<RegisterUser> = (0..count).map(register).collect();
        let users = commands.iter().map(|command| command.user_id).collect();
        for verdict in self
            .decide_each(commands.into_iter().map(Command::from).collect())
            .await
        {
            assert!(matches!(verdict, Verdict::RegisterUser(Ok(_))), "{verdict:?}");
        }
        users
    }

    /// A new fan.
    pub async fn fan(&self) -> UserId {
        self.fans(1).await[0]
    }

    /// A new concert.
    pub async fn concert(&self) -> ConcertId {
        let command = CreateConcert {
            request: None,
            concert_id: ConcertId::mint(),
            title: "Evening".to_owned(),
            venue: "Hall".to_owned(),
        };
        self.decide(command).await.expect("a concert is created").id
    }

    /// A new performance of a new concert.
    pub async fn show(&self, plan: Plan) -> Show {
        let concert = self.concert().await;
        let command = self.schedule_of(concert, plan).await;
        let created = self.decide(command).await.expect("a performance is created");
        Arc::new(created.schedule)
    }

    /// Asks for a performance.
    pub async fn schedule_of(&self, concert_id: ConcertId, plan: Plan) -> CreateSchedule {
        let now = self.now().await;
        let closes: OffsetDateTime = now + plan.closes_in;
        CreateSchedule {
            request: None,
            schedule_id: ScheduleId::mint(),
            concert_id,
            starts_at: closes + Duration::HOUR,
            booking_opens_at: now + plan.opens_in,
            booking_closes_at: closes,
            layout: SeatLayout::numbered(plan.seats, self.money(plan.price)),
            gate: plan.gate,
        }
    }

    /// Takes a place in line.
    pub async fn join(&self, show: &Show, user: UserId) -> Joined {
        self.decide(join_of(show, user)).await.expect("a place in line")
    }

    /// Lets fans join in this order, in one batch.
    pub async fn line_up(&self, show: &Show, users: &[UserId]) -> Vec<Fan> {
        let joins = users.iter().map(|user| join_of(show, *user).into()).collect();
        let verdicts = self.decide_each(joins).await;
        let fan = |verdict| {
            let joined = own::<JoinQueue>(verdict).expect("a place in line");
            Fan {
                user: joined.status.token.user_id,
                token: joined.status.token.reference(),
            }
        };
        verdicts.into_iter().map(fan).collect()
    }

    /// This many new fans, let in and with their slots claimed.
    pub async fn insiders(&self, show: &Show, count: usize) -> Vec<Fan> {
        let users = self.fans(count).await;
        self.let_in(show, &users).await
    }

    /// A new fan inside.
    pub async fn insider(&self, show: &Show) -> Fan {
        self.insiders(show, 1).await[0]
    }

    /// Lets these fans join, enter and claim their slots.
    pub async fn let_in(&self, show: &Show, users: &[UserId]) -> Vec<Fan> {
        let fans = self.line_up(show, users).await;
        for fan in &fans {
            self.admit_until_inside(fan).await;
        }
        let visits = fans.iter().map(|fan| Visit { token: fan.token }.into());
        self.decide_each(visits.collect()).await;
        fans
    }

    /// Runs the admission until this fan is inside.
    pub async fn admit_until_inside(&self, fan: &Fan) {
        for _ in 0..PATIENCE {
            if self.state(fan).await == TokenState::Active {
                return;
            }
            self.admit().await;
            self.pass(Duration::milliseconds(1)).await;
        }
        panic!("the fan was never let in");
    }

    /// One round of admission; says how many were let in.
    pub async fn admit(&self) -> u64 {
        self.storage
            .attendant
            .admit_due()
            .await
            .expect("the storage answers")
            .admitted
    }

    /// Where a fan stands.
    pub async fn status(&self, token: TokenRef) -> TokenStatus {
        let status = self.storage.queue.status(token).await;
        status.expect("the storage answers").expect("a known token")
    }

    /// How far a fan has come.
    pub async fn state(&self, fan: &Fan) -> TokenState {
        self.status(fan.token).await.state()
    }

    /// A waiting fan's position.
    pub async fn position(&self, fan: &Fan) -> Option<u64> {
        self.status(fan.token).await.place.map(|place| place.position)
    }

    /// Leaves.
    pub async fn leave(&self, fan: &Fan) {
        self.decide(LeaveQueue { token: fan.token })
            .await
            .expect("a known token");
    }

    /// Tries to hold seats.
    pub async fn hold(&self, fan: &Fan, show: &Show, seats: &[u32]) -> Result<Held, HoldRefusal> {
        self.decide(hold_of(fan, show, seats)).await
    }

    /// Holds seats.
    pub async fn held(&self, fan: &Fan, show: &Show, seats: &[u32]) -> Reservation {
        let held = self.hold(fan, show, seats).await;
        held.expect("the seats are held").reservation
    }

    /// Gives a hold back.
    pub async fn release(&self, hold: &Reservation) {
        self.decide(release_of(hold)).await.expect("the hold is released");
    }

    /// Tries to pay, in a deployment without a provider.
    pub async fn pay(&self, fan: &Fan, reservation: ReservationId) -> Result<Receipt, PayRefusal> {
        match self.decide(pay_of(fan, reservation)).await? {
            PayStep::Paid(receipt) => Ok(receipt),
            PayStep::Ask(question) => panic!("there is no provider for {question:?}"),
        }
    }

    /// Puts money into a fan's wallet.
    pub async fn charge(&self, user: UserId, minor: i64) {
        let charged = self.decide(self.charge_of(user, minor)).await;
        assert!(matches!(charged, Ok(ChargeStep::Charged(_))), "{charged:?}");
    }

    /// Asks to put money into a wallet that the provider approved of.
    pub fn charge_of(&self, user: UserId, minor: i64) -> ChargeWallet {
        ChargeWallet {
            request: None,
            entry_id: EntryId::mint(),
            wallet_id: WalletId::mint(),
            actor: Actor::Fan(user),
            payee: Payee::User(user),
            amount: Some(self.money(minor)),
            approval: Approval::Answered(Answer::Approved),
        }
    }

    /// A fan's balance in minor units; 0 without a wallet.
    pub async fn balance(&self, user: UserId) -> i64 {
        let wallet = self.storage.wallets.wallet_of(user).await;
        let wallet = wallet.expect("the storage answers");
        wallet.map_or(0, |wallet| wallet.balance.minor())
    }

    /// All seats.
    pub async fn map_of(&self, schedule: ScheduleId) -> SeatMap {
        self.storage.seating.seats(schedule).await.expect("the storage answers")
    }

    /// One seat, with its status now.
    pub async fn seat(&self, show: &Show, number: u32) -> (Seat, SeatStatus) {
        let map = self.map_of(show.id).await;
        let seat = map.seats.iter().find(|seat| seat.number == number);
        let seat = *seat.expect("a known seat");
        (seat, seat.status_at(map.as_of))
    }

    /// A reservation as stored.
    pub async fn reservation(&self, id: ReservationId) -> Reservation {
        let status = self.storage.seating.reservation(id).await;
        let status = status.expect("the storage answers");
        status.expect("a known reservation").reservation
    }

    /// All of a performance.
    pub async fn books(&self, show: &Show) -> ScheduleBooks {
        let books = self.storage.books.schedule_books(show.id).await;
        books.expect("the storage answers").expect("a known performance")
    }

    /// All money of everybody who has any.
    pub async fn money_books(&self) -> Vec<UserBooks> {
        let books = self.storage.books.user_books(None, 10_000).await;
        books.expect("the storage answers")
    }

    /// Runs the audit: the invariants it finds violated, in words.
    pub async fn violations(&self) -> Result<(), String> {
        let report = audit(&*self.storage.books).await.expect("the storage answers");
        if report.is_ok() {
            Ok(())
        } else {
            Err(format!("{report:?}"))
        }
    }

    /// The audit finds nothing.
    pub async fn assert_sound(&self) {
        if let Err(found) = self.violations().await {
            panic!("the audit found {found}");
        }
    }

    /// All that can be seen of a storage, to tell whether something left a trace.
    pub async fn everything(&self) -> String {
        let schedules = self.storage.books.schedules().await.expect("the storage answers");
        let mut seen = String::new();
        for schedule in schedules {
            let books = self.storage.books.schedule_books(schedule).await;
            let mut books = books.expect("the storage answers").expect("a known performance");
            books.reservations.sort_by_key(|reservation| reservation.id);
            books.payments.sort_by_key(|payment| payment.id);
            books.as_of = Timestamp::UNIX_EPOCH;
            let gate = self.storage.queue.gate(schedule).await;
            seen += &format!("{books:?} {gate:?}\n");
        }
        seen + &format!("{:?}", self.money_books().await)
    }
}
