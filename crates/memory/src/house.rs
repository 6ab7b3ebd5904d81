//! The seats and reservations of one performance.

use frontrow_domain::{
    catalog::Schedule,
    clock::Timestamp,
    id::{PaymentId, ReservationId, TokenId, UserId},
    seating::{Reservation, ReservationState, Seat, SeatState},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Everything inside one performance.
pub(crate) struct House {
    pub(crate) schedule: Arc<Schedule>,
    /// Every payment for this performance, with who made it.
    pub(crate) payments: Vec<(UserId, PaymentId)>,
    seats: Vec<Seat>,
    sold: u64,
    held_seats: BTreeSet<(Timestamp, u32)>,
    reservations: BTreeMap<ReservationId, Reservation>,
    by_token: HashMap<TokenId, BTreeSet<ReservationId>>,
    by_user: HashMap<UserId, BTreeSet<ReservationId>>,
    holds: BTreeSet<(Timestamp, ReservationId)>,
}

impl House {
    /// A new house, with every seat of the layout free.
    pub(crate) fn new(schedule: Arc<Schedule>) -> Self {
        let id = schedule.id;
        Self {
            payments: Vec::new(),
            seats: (1..=schedule.layout.len())
                .map(|number| Seat::new(id, number))
                .collect(),
            sold: 0,
            held_seats: BTreeSet::new(),
            reservations: BTreeMap::new(),
            by_token: HashMap::new(),
            by_user: HashMap::new(),
            holds: BTreeSet::new(),
            schedule,
        }
    }

    /// Every seat, by number.
    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    pub(crate) fn seat(&self, number: u32) -> Option<&Seat> {
        self.seats.get(number.checked_sub(1)? as usize)
    }

    /// How many seats are sold.
    pub(crate) fn sold(&self) -> u64 {
        self.sold
    }

    /// How many seats can still become somebody's.
    pub(crate) fn unsold(&self) -> u64 {
        self.seats.len() as u64 - self.sold
    }

    /// Until when the next hold counts that ends after this moment.
    pub(crate) fn next_release(&self, now: Timestamp) -> Option<Timestamp> {
        let mut ends = self.held_seats.range((now, u32::MAX)..);
        ends.next().map(|(until, _)| *until)
    }

    /// How many seats are in a hold that still counts.
    pub(crate) fn held(&self, now: Timestamp) -> u64 {
        let lapsed = self.held_seats.range(..=(now, u32::MAX)).count();
        (self.held_seats.len() - lapsed) as u64
    }

    /// Stores a seat as a decision left it.
    pub(crate) fn put_seat(&mut self, seat: Seat) {
        let place = seat.number.checked_sub(1).map(|index| index as usize);
        let Some(slot) = place.and_then(|place| self.seats.get_mut(place)) else {
            return;
        };
        match slot.state {
            SeatState::Available => {}
            SeatState::Held { until, .. } => {
                self.held_seats.remove(&(until, seat.number));
            }
            SeatState::Sold { .. } => self.sold -= 1,
        }
        match seat.state {
            SeatState::Available => {}
            SeatState::Held { until, .. } => {
                self.held_seats.insert((until, seat.number));
            }
            SeatState::Sold { .. } => self.sold += 1,
        }
        *slot = seat;
    }

    pub(crate) fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(&id)
    }

    /// Every reservation ever made here.
    pub(crate) fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.reservations.values()
    }

    /// The reservations made with a token whose stored state is held.
    pub(crate) fn holds_of(&self, token: TokenId) -> impl Iterator<Item = &Reservation> {
        let made = self.by_token.get(&token).into_iter().flatten();
        made.filter_map(|id| self.reservations.get(id))
            .filter(|reservation| reservation.state == ReservationState::Held)
    }

    /// A fan's reservations whose stored state is held or confirmed.
    pub(crate) fn holdings_of(&self, user: UserId) -> impl Iterator<Item = &Reservation> {
        let made = self.by_user.get(&user).into_iter().flatten();
        made.filter_map(|id| self.reservations.get(id))
            .filter(|reservation| match reservation.state {
                ReservationState::Held | ReservationState::Confirmed => true,
                ReservationState::Expired | ReservationState::Released => false,
            })
    }

    /// At most `limit` reservations stored as held whose time is over.
    pub(crate) fn lapsed(&self, now: Timestamp, limit: usize) -> Vec<Reservation> {
        let due = self.holds.iter().take_while(|(until, _)| *until <= now).take(limit);
        due.filter_map(|(_, id)| self.reservations.get(id).cloned()).collect()
    }

    /// Stores a reservation, new or changed.
    pub(crate) fn put_reservation(&mut self, reservation: Reservation) {
        let id = reservation.id;
        if let Some(old) = self.reservations.get(&id) {
            self.holds.remove(&(old.held_until, id));
        }
        if reservation.state == ReservationState::Held {
            self.holds.insert((reservation.held_until, id));
        }
        self.by_token.entry(reservation.token_id).or_default().insert(id);
        self.by_user.entry(reservation.user_id).or_default().insert(id);
        self.reservations.insert(id, reservation);
    }
}
