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

mod noting;
mod stock;
mod watched;

use super::{
    Forecast, GateView, Outlook, Ticket, TokenStatus,
    port::{GateNews, QueueQueries},
};
use crate::{
    catalog::{Schedule, port::CatalogQueries},
    decision::port::Decisions,
    id::ScheduleId,
    outcome::StoreError,
    policy::Policy,
    seating::port::SeatingQueries,
    storage::Storage,
};
use noting::Noting;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};
use watched::Watched;

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
    /// others. What is left behind the gate is read as well, if that can be.
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
        // Where they stand can be told without what is left: that it could not be read shows in the outlook.
        self.read_stock(std::slice::from_ref(&gate)).await.ok();
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
