//! Telling waiting fans where they stand, without asking storage for each of them.
//!
//! An instance keeps a [`GateView`] of every gate that somebody polls, and brings it up to date
//! several times a second in the background ([`GateViews::refresh`]). A fan's place follows from
//! the view and the fan's ticket alone.
//!
//! A position that an instance told never rises, whoever told it:
//!
//! - A view never gives a higher one than before (see [`GateView`]).
//! - Joining tells a position from storage, as it was when the ticket was issued. A view that is
//!   older than the ticket is brought up to date first.
//! - Who asks for a place again, and who polls while the view is read for the first time, is told
//!   a position from storage too. So a view is not used for them either until it is as new as that.
//! - Who leaves through this instance, or is let through out of turn, is noted in the view before
//!   anybody is told about it, and so before a position can be told that depends on it
//!   ([`GateViews::noting`]).
//!
//! While storage cannot be asked, fans are told what the last view knew, and how long ago that was:
//! their place is not lost, and nobody is let in before them meanwhile.

mod stock;

use super::{
    Forecast, GateView, Outlook, Place, QueueToken, Ticket, TokenStatus, WaitAt,
    pace::PaceMeter,
    port::{GateNews, QueueQueries},
};
use crate::{
    catalog::{Schedule, port::CatalogQueries},
    clock::Timestamp,
    decision::{Command, Verdict, port::Decisions},
    id::{ScheduleId, TokenId},
    outcome::StoreError,
    policy::Policy,
    seating::port::SeatingQueries,
    storage::Storage,
};
use async_trait::async_trait;
use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

/// The age from which on a view is not used any more.
const TOO_OLD: Duration = Duration::from_secs(1);

/// How long a view is kept up to date for nobody.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// What memory has to say about a fan's place.
#[derive(Debug, Clone, PartialEq)]
pub enum Glance {
    /// The fan waits.
    Waiting(Box<TokenStatus>),
    /// The fan waited when storage last answered, so long ago. It cannot be asked now.
    Waited(Box<TokenStatus>, Duration),
    /// The fan does not wait any more, as far as one can tell: storage knows more.
    NotWaiting,
    /// There is no view of the gate that is new enough.
    Unknown,
}

/// The views that one instance has of its gates.
pub struct GateViews {
    queue: Arc<dyn QueueQueries>,
    catalog: Arc<dyn CatalogQueries>,
    seating: Arc<dyn SeatingQueries>,
    policy: Policy,
    most: usize,
    gates: RwLock<Gates>,
    reach: Mutex<Reach>,
}

/// How the background gets on with bringing the views up to date.
#[derive(Debug, Default)]
struct Reach {
    /// Since when storage is being asked.
    asking: Option<Instant>,
    /// Whether it did not answer the last time.
    lost: bool,
}

/// What there is to know at a gate by everybody in front of it.
#[derive(Debug, Clone)]
pub struct Front {
    /// Who still waits.
    pub view: Arc<GateView>,
    /// Whether there is anything left.
    pub outlook: Option<Outlook>,
}

type Gates = HashMap<ScheduleId, Arc<Watched>>;

impl GateViews {
    /// No views yet, over a storage; at `most` so many at a time.
    #[must_use]
    pub fn new(storage: &Storage, policy: Policy, most: usize) -> Arc<Self> {
        Arc::new(Self {
            queue: storage.queue.clone(),
            catalog: storage.catalog.clone(),
            seating: storage.seating.clone(),
            policy,
            most,
            gates: RwLock::default(),
            reach: Mutex::default(),
        })
    }

    /// Where a fan stands, from memory alone.
    #[must_use]
    pub fn glance(&self, ticket: &Ticket) -> Glance {
        let gates = self.read();
        let Some(gate) = gates.get(&ticket.token.schedule_id) else {
            return Glance::Unknown;
        };
        match gate.glance(ticket, None, &self.policy) {
            Glance::Unknown if self.is_out_of_reach() => gate.recall(ticket, &self.policy),
            known @ (Glance::Waiting(_) | Glance::Waited(..) | Glance::NotWaiting | Glance::Unknown) => known,
        }
    }

    /// Where a fan stood when storage last answered, for when it does not answer now.
    #[must_use]
    pub fn recall(&self, ticket: &Ticket) -> Glance {
        let gate = self.watched(ticket.token.schedule_id);
        gate.map_or(Glance::Unknown, |gate| gate.recall(ticket, &self.policy))
    }

    /// What there is to know at a gate that is being watched.
    #[must_use]
    pub fn front(&self, id: ScheduleId) -> Option<Front> {
        let gate = self.watched(id)?;
        let state = gate.state();
        Some(Front {
            view: state.view.clone(),
            outlook: state.stock.outlook(),
        })
    }

    /// Where a fan stands, with the gate read anew from storage. Still [`Glance::Unknown`] when
    /// there is no such gate, or it is being read for the first time already, or there are too many
    /// others.
    ///
    /// # Errors
    /// When storage cannot answer.
    pub async fn look(&self, ticket: &Ticket) -> Result<Glance, StoreError> {
        let id = ticket.token.schedule_id;
        let gate = match self.watched(id) {
            Some(gate) => Some(gate),
            None => match self.catalog.schedule(id).await? {
                Some(schedule) => self.watch(schedule),
                None => None,
            },
        };
        let Some(gate) = gate else {
            return Ok(Glance::Unknown);
        };
        // What is told from now on by others is nothing that this fan could have seen before.
        let needed = gate.needed_for(ticket);
        let Some(_turn) = gate.turn_to_read() else {
            return Ok(Glance::Unknown);
        };
        self.read_stock(std::slice::from_ref(&gate)).await?;
        while !self.catch_up(std::slice::from_ref(&gate)).await? {}
        Ok(gate.glance(ticket, Some(needed), &self.policy))
    }

    /// What is known of a gate beyond its line.
    #[must_use]
    pub fn forecast(&self, id: ScheduleId) -> Forecast {
        self.watched(id).map(|gate| gate.state().forecast()).unwrap_or_default()
    }

    /// Brings all views up to date, and forgets those that nobody has asked for in a while.
    ///
    /// # Errors
    /// When storage cannot answer; the views stay as they were.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.write()
            .retain(|_, gate| gate.state().asked.elapsed() < FORGOTTEN_AFTER);
        let gates = self.known();
        self.reach().asking = Some(Instant::now());
        let caught_up = self.catch_up_with(&gates).await;
        *self.reach() = Reach {
            asking: None,
            lost: caught_up.is_err(),
        };
        caught_up
    }

    async fn catch_up_with(&self, gates: &[Arc<Watched>]) -> Result<(), StoreError> {
        while !gates.is_empty() && !self.catch_up(gates).await? {}
        Ok(())
    }

    /// Whether storage does not answer the background either, so that those who poll need not try.
    fn is_out_of_reach(&self) -> bool {
        let reach = self.reach();
        reach.lost || reach.asking.is_some_and(|since| since.elapsed() > TOO_OLD)
    }

    /// The age of the oldest view that is being kept up to date.
    #[must_use]
    pub fn age(&self) -> Duration {
        let gates = self.all();
        let ages = gates.iter().filter_map(|gate| Some(gate.state().read_at?.elapsed()));
        ages.max().unwrap_or_default()
    }

    /// Notes that a position was told that did not come from a view.
    pub fn told(&self, status: &TokenStatus) {
        if status.place.is_some()
            && let Some(gate) = self.watched(status.token.schedule_id)
        {
            let mut state = gate.state();
            let told = state.told.entry(status.token.id).or_insert(status.as_of);
            *told = status.as_of.max(*told);
        }
    }

    /// Decisions whose effects on places in line are in the views before their verdicts are known.
    /// Whatever gathers batches goes on top of this.
    #[must_use]
    pub fn noting(self: &Arc<Self>, decisions: Arc<dyn Decisions>) -> Arc<dyn Decisions> {
        Arc::new(Noting {
            views: self.clone(),
            decisions,
        })
    }

    /// Asks storage once for the news of these gates; says whether all views are complete now.
    async fn catch_up(&self, gates: &[Arc<Watched>]) -> Result<bool, StoreError> {
        let read_at = Instant::now();
        let after = gates.iter().map(|gate| (gate.schedule.id, gate.state().view.seen()));
        let news = self.queue.gate_news(after.collect()).await?;
        let by_id: HashMap<ScheduleId, &GateNews> = news.iter().map(|news| (news.schedule_id, news)).collect();
        let mut complete = true;
        for gate in gates {
            if let Some(news) = by_id.get(&gate.schedule.id) {
                gate.change(|view| view.apply(news).then_some(read_at));
                gate.state().pace.observe(news, gate.schedule.booking_opens_at);
                complete &= news.seen >= news.departed;
            }
        }
        Ok(complete)
    }

    fn note(&self, verdicts: &[Verdict]) {
        let mut leavers: BTreeMap<ScheduleId, Vec<u64>> = BTreeMap::new();
        for verdict in verdicts {
            match verdict {
                Verdict::LeaveQueue(Ok(Some(left))) => leavers.entry(left.schedule_id).or_default().push(left.number),
                Verdict::LetThrough(Ok(let_in)) => {
                    if let Some(left) = let_in.status.token.departed() {
                        leavers.entry(left.schedule_id).or_default().push(left.number);
                    }
                }
                // A place that is new is told as of the ticket's own moment.
                Verdict::JoinQueue(Ok(joined)) if joined.status.as_of > joined.status.token.issued_at => {
                    self.told(&joined.status);
                }
                Verdict::JoinQueue(_)
                | Verdict::LeaveQueue(_)
                | Verdict::LetThrough(_)
                | Verdict::RegisterUser(_)
                | Verdict::GrantAccess(_)
                | Verdict::CreateConcert(_)
                | Verdict::CreateSchedule(_)
                | Verdict::Visit(_)
                | Verdict::HoldSeats(_)
                | Verdict::ReleaseHold(_)
                | Verdict::PayReservation(_)
                | Verdict::ChargeWallet(_) => {}
            }
        }
        for (id, numbers) in leavers {
            if let Some(gate) = self.watched(id) {
                gate.change(|view| {
                    numbers.iter().for_each(|number| view.note(*number));
                    None
                });
            }
        }
    }

    fn watch(&self, schedule: Schedule) -> Option<Arc<Watched>> {
        let mut gates = self.write();
        let many = gates.len() >= self.most;
        match gates.entry(schedule.id) {
            Entry::Occupied(gate) => Some(gate.get().clone()),
            Entry::Vacant(_) if many => None,
            Entry::Vacant(place) => Some(place.insert(Arc::new(Watched::new(schedule))).clone()),
        }
    }

    fn watched(&self, id: ScheduleId) -> Option<Arc<Watched>> {
        self.read().get(&id).cloned()
    }

    fn all(&self) -> Vec<Arc<Watched>> {
        self.read().values().cloned().collect()
    }

    /// The gates that were read before.
    fn known(&self) -> Vec<Arc<Watched>> {
        let mut gates = self.all();
        gates.retain(|gate| gate.state().read_at.is_some());
        gates
    }
}

impl GateViews {
    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Gates> {
        self.gates.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Gates> {
        self.gates.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A gate that somebody polls.
struct Watched {
    schedule: Schedule,
    state: Mutex<State>,
    /// Held while a new view is made from the last one; polls go on with that one.
    changing: Mutex<()>,
}

struct State {
    view: Arc<GateView>,
    /// When storage was asked for what the view is as old as; `None` until it is complete.
    read_at: Option<Instant>,
    /// Who was told a position of a later moment than the view's.
    told: HashMap<TokenId, Timestamp>,
    asked: Instant,
    /// Whether the gate is being read for the first time.
    loading: bool,
    pace: PaceMeter,
    stock: stock::Shelf,
}

impl State {
    fn forecast(&self) -> Forecast {
        Forecast {
            outlook: self.stock.outlook(),
            pace: self.pace.measured(),
        }
    }

    /// As new as this a view has to be, so that the fan is told no higher position than before.
    fn needed_for(&self, ticket: &Ticket) -> Timestamp {
        let told = self.told.get(&ticket.token.id);
        told.map_or(ticket.issued_at, |told| ticket.issued_at.max(*told))
    }
}

impl Watched {
    fn new(schedule: Schedule) -> Self {
        Self {
            schedule,
            state: Mutex::new(State {
                view: Arc::default(),
                read_at: None,
                told: HashMap::new(),
                asked: Instant::now(),
                loading: false,
                pace: PaceMeter::default(),
                stock: stock::Shelf::default(),
            }),
            changing: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn needed_for(&self, ticket: &Ticket) -> Timestamp {
        self.state().needed_for(ticket)
    }

    /// Where a fan stands, by a view that is as new as `needed`; unless said, as needed for this
    /// fan now.
    fn glance(&self, ticket: &Ticket, needed: Option<Timestamp>, policy: &Policy) -> Glance {
        match self.last(ticket, needed, policy) {
            Glance::Waited(mut status, age) if age < TOO_OLD => {
                status.as_of += age;
                Glance::Waiting(status)
            }
            Glance::Waited(..) => Glance::Unknown,
            known @ (Glance::Waiting(_) | Glance::NotWaiting | Glance::Unknown) => known,
        }
    }

    /// Where a fan stood by the last view, however old that is.
    fn recall(&self, ticket: &Ticket, policy: &Policy) -> Glance {
        self.last(ticket, None, policy)
    }

    fn last(&self, ticket: &Ticket, needed: Option<Timestamp>, policy: &Policy) -> Glance {
        let (view, read_at, needed, forecast) = {
            let mut state = self.state();
            state.asked = Instant::now();
            let needed = needed.unwrap_or_else(|| state.needed_for(ticket));
            (state.view.clone(), state.read_at, needed, state.forecast())
        };
        let Some(ahead) = view.ahead(ticket.number) else {
            return Glance::NotWaiting;
        };
        let (Some(as_of), Some(settings), Some(read_at)) = (view.as_of(), view.settings(), read_at) else {
            return Glance::Unknown;
        };
        if as_of < needed {
            return Glance::Unknown;
        }
        let age = read_at.elapsed();
        let now = as_of + age;
        let schedule = &self.schedule;
        if schedule.booking_closes_at <= now {
            return Glance::NotWaiting;
        }
        let at = WaitAt {
            settings: &settings,
            booking_opens_at: schedule.booking_opens_at,
            pace: forecast.pace,
            policy,
        };
        let status = TokenStatus {
            token: QueueToken::waiting(*ticket, schedule.booking_closes_at),
            concert_id: schedule.concert_id,
            date: schedule.date,
            place: Some(Place::of(ticket.token.id, ahead, &at, now)),
            outlook: None,
            as_of,
        };
        Glance::Waited(Box::new(status.with_outlook(forecast.outlook)), age)
    }

    /// Leave to read the gate: everybody has it, but for the first reading, which may be long, one
    /// alone.
    fn turn_to_read(&self) -> Option<Turn<'_>> {
        let mut state = self.state();
        if state.read_at.is_some() {
            return Some(Turn(None));
        }
        if state.loading {
            return None;
        }
        state.loading = true;
        Some(Turn(Some(self)))
    }

    /// Puts a changed view in place. The change says when storage was asked, if it made the view
    /// newer.
    fn change(&self, change: impl FnOnce(&mut GateView) -> Option<Instant>) {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.state().view.clone();
        let mut view = GateView::clone(&before);
        let read_at = change(&mut view);
        let mut state = self.state();
        if let Some(as_of) = view.as_of() {
            state.told.retain(|_, told| *told > as_of);
        }
        state.view = Arc::new(view);
        state.read_at = read_at.or(state.read_at);
    }
}

/// Somebody's leave to read a gate; of the first reading if it names one.
struct Turn<'g>(Option<&'g Watched>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.state().loading = false;
        }
    }
}

struct Noting {
    views: Arc<GateViews>,
    decisions: Arc<dyn Decisions>,
}

#[async_trait]
impl Decisions for Noting {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let verdicts = self.decisions.decide_each(commands).await?;
        self.views.note(&verdicts);
        Ok(verdicts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::SeatLayout, id::ConcertId};
    use time::macros::datetime;

    fn gate() -> Watched {
        let now = datetime!(2026-12-01 10:00 UTC);
        Watched::new(Schedule {
            id: ScheduleId::mint(),
            concert_id: ConcertId::mint(),
            date: now.date(),
            starts_at: now,
            booking_opens_at: now,
            booking_closes_at: now,
            layout: SeatLayout(Vec::new()),
            created_at: now,
        })
    }

    #[test]
    fn one_reads_a_gate_for_the_first_time_and_the_others_are_sent_away() {
        let gate = gate();
        let first = gate.turn_to_read();
        assert!(first.is_some());
        assert!(gate.turn_to_read().is_none() && gate.turn_to_read().is_none());
        drop(first);
        assert!(gate.turn_to_read().is_some(), "the first one came to nothing");
    }

    #[test]
    fn one_at_a_time_reads_the_stock_behind_a_gate() {
        let gate = gate();
        let first = gate.turn_to_count();
        assert!(first.is_some());
        assert!(gate.turn_to_count().is_none() && gate.turn_to_count().is_none());
        drop(first);
        assert!(gate.turn_to_count().is_some(), "the first one came to nothing");
    }
}
