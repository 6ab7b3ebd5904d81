//! One gate that an instance watches: its view, and what a fan is told by it.

use super::{Glance, TOO_OLD, stock};
use crate::{
    catalog::Schedule,
    clock::Timestamp,
    id::TokenId,
    policy::Policy,
    queue::{Forecast, GateView, Place, QueueToken, Ticket, TokenStatus, WaitAt, pace::PaceMeter},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A gate that somebody polls.
pub(super) struct Watched {
    pub(super) schedule: Schedule,
    pub(super) state: Mutex<State>,
    /// Held while a new view is made from the last one; polls go on with that one.
    pub(super) changing: Mutex<()>,
}

pub(super) struct State {
    pub(super) view: Arc<GateView>,
    /// When storage was asked for what the view is as old as; `None` until it is complete.
    pub(super) read_at: Option<Instant>,
    /// Who was told a position of a later moment than the view's.
    pub(super) told: HashMap<TokenId, Timestamp>,
    pub(super) asked: Instant,
    /// Whether the gate is being read for the first time.
    pub(super) loading: bool,
    pub(super) pace: PaceMeter,
    pub(super) stock: stock::Shelf,
}

impl State {
    pub(super) fn forecast(&self) -> Forecast {
        Forecast {
            outlook: self.stock.outlook(),
            pace: self.pace.measured(),
        }
    }

    /// As new as this a view has to be, so that the fan is told no higher position than before.
    pub(super) fn needed_for(&self, ticket: &Ticket) -> Timestamp {
        let told = self.told.get(&ticket.token.id);
        told.map_or(ticket.issued_at, |told| ticket.issued_at.max(*told))
    }
}

impl Watched {
    pub(super) fn new(schedule: Schedule) -> Self {
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

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn needed_for(&self, ticket: &Ticket) -> Timestamp {
        self.state().needed_for(ticket)
    }

    /// Where a fan stands, by a view that is as new as `needed`; unless said, as needed for this
    /// fan now.
    pub(super) fn glance(&self, ticket: &Ticket, needed: Option<Timestamp>, policy: &Policy) -> Glance {
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
    pub(super) fn recall(&self, ticket: &Ticket, policy: &Policy) -> Glance {
        self.last(ticket, None, policy)
    }

    pub(super) fn last(&self, ticket: &Ticket, needed: Option<Timestamp>, policy: &Policy) -> Glance {
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
    pub(super) fn turn_to_read(&self) -> Option<Turn<'_>> {
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
    pub(super) fn change(&self, change: impl FnOnce(&mut GateView) -> Option<Instant>) {
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
pub(super) struct Turn<'g>(Option<&'g Watched>);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            gate.state().loading = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::SeatLayout,
        id::{ConcertId, ScheduleId},
    };
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
