//! The rows a batch was given, as the decisions so far left them.

use super::Rows;
use crate::{
    catalog::{Concert, Schedule},
    clock::Timestamp,
    id::{ConcertId, PaymentId, ReservationId, ScheduleId, TokenId, UserId},
    idempotency::{self, IdempotencyRefusal, Progress, Record, RecordId, Recorded, Request, Screened},
    identity::User,
    payment::Payment,
    policy::Policy,
    queue::{Line, QueueToken, Room, TokenState},
    seating::{Reservation, Seat, SeatState},
    wallet::{Entry, Wallet},
};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What storage loaded for the needs of a batch; afterwards, what it has to store.
#[derive(Debug, Clone)]
pub struct WorkingSet {
    /// The deployment's settings.
    pub policy: Policy,
    /// Fans.
    pub users: Rows<UserId, User>,
    /// Concerts.
    pub concerts: Rows<ConcertId, Concert>,
    /// Performances of the concerts needed, and new ones.
    pub schedules: Rows<ScheduleId, Schedule>,
    /// Lines in which numbers and departures are given out.
    pub lines: Rows<ScheduleId, Line>,
    /// Queue tokens.
    pub tokens: Rows<TokenId, QueueToken>,
    /// Seats.
    pub seats: Rows<(ScheduleId, u32), Seat>,
    /// Reservations.
    pub reservations: Rows<ReservationId, Reservation>,
    /// Wallets by their owner.
    pub wallets: Rows<UserId, Wallet>,
    /// Movements of money made by this batch, in order.
    pub entries: Vec<Entry>,
    /// Payment records made by this batch.
    pub payments: Rows<PaymentId, Payment>,
    /// Idempotency records.
    pub records: Rows<RecordId, Record>,
    /// How many fans wait ahead of a waiting token, as loaded with it.
    ahead: BTreeMap<TokenId, u64>,
    /// Room behind gates as loaded, before what the batch changed.
    room: BTreeMap<ScheduleId, Room>,
    /// Tokens that were active when they were loaded.
    were_active: BTreeSet<TokenId>,
    live_tokens: BTreeMap<(ScheduleId, UserId), TokenId>,
    holds_of: BTreeMap<TokenId, BTreeSet<ReservationId>>,
    reservations_of: BTreeMap<(ScheduleId, UserId), BTreeSet<ReservationId>>,
}

impl WorkingSet {
    /// An empty set.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            users: Rows::default(),
            concerts: Rows::default(),
            schedules: Rows::default(),
            lines: Rows::default(),
            tokens: Rows::default(),
            seats: Rows::default(),
            reservations: Rows::default(),
            wallets: Rows::default(),
            entries: Vec::new(),
            payments: Rows::default(),
            records: Rows::default(),
            ahead: BTreeMap::new(),
            room: BTreeMap::new(),
            were_active: BTreeSet::new(),
            live_tokens: BTreeMap::new(),
            holds_of: BTreeMap::new(),
            reservations_of: BTreeMap::new(),
        }
    }

    /// Puts in a token as storage has it; `ahead` is how many fans wait ahead of it, when it was
    /// loaded for [`super::Needs::live_tokens`] and waits.
    pub fn load_token(&mut self, token: QueueToken, ahead: Option<u64>) {
        if let Some(ahead) = ahead {
            self.ahead.insert(token.id, ahead);
        }
        self.index_token(&token);
        if self.tokens.get(&token.id).is_none() {
            if token.state == TokenState::Active {
                self.were_active.insert(token.id);
            }
            self.tokens.load(token.id, token);
        }
    }

    /// Puts in how much room there is behind a gate.
    pub fn load_room(&mut self, gate: ScheduleId, room: Room) {
        self.room.insert(gate, room);
    }

    /// Puts in a reservation as storage has it.
    pub fn load_reservation(&mut self, reservation: Reservation) {
        if self.reservations.get(&reservation.id).is_none() {
            self.index_reservation(&reservation);
            self.reservations.load(reservation.id, reservation);
        }
    }

    /// Puts in a seat as storage has it.
    pub fn load_seat(&mut self, seat: Seat) {
        self.seats.load(seat.key(), seat);
    }

    /// The fan's token at a gate that storage calls live (its time may be over).
    #[must_use]
    pub fn live_token(&self, schedule: ScheduleId, user: UserId) -> Option<&QueueToken> {
        self.live_tokens
            .get(&(schedule, user))
            .and_then(|id| self.tokens.get(id))
            .filter(|token| token.state.is_live())
    }

    /// How many fans wait ahead of this token.
    #[must_use]
    pub fn ahead_of(&self, token: TokenId) -> Option<u64> {
        self.ahead.get(&token).copied()
    }

    /// Adds a token to the end of a line, with `ahead` fans before it.
    pub fn add_token(&mut self, token: QueueToken, ahead: u64) {
        self.ahead.insert(token.id, ahead);
        self.index_token(&token);
        self.tokens.insert(token.id, token);
    }

    /// Notes that a waiting token leaves its line, and gives it the next departure: everybody
    /// behind it moves up.
    pub fn leave_line(&mut self, schedule: ScheduleId, number: u64) -> Option<u64> {
        let line = self.lines.get_mut(&schedule)?;
        line.departed += 1;
        let departure = line.departed;
        for (id, ahead) in &mut self.ahead {
            let token = self.tokens.get(id);
            if token.is_some_and(|token| token.schedule_id == schedule && token.number > number) {
                *ahead = ahead.saturating_sub(1);
            }
        }
        Some(departure)
    }

    /// How much room there is behind a gate, as the decisions so far left it.
    #[must_use]
    pub fn room(&self, gate: ScheduleId) -> Option<Room> {
        let loaded = self.room.get(&gate)?;
        let here = || self.tokens.values().filter(|token| token.schedule_id == gate);
        let active = |token: &&QueueToken| token.state == TokenState::Active;
        let were_active = |token: &&QueueToken| self.were_active.contains(&token.id);
        let came = here().filter(active).filter(|token| !were_active(token)).count() as u64;
        let went = here().filter(were_active).filter(|token| !active(token)).count() as u64;
        let changed = self.seats.changed().filter(|((at, _), _)| *at == gate);
        let sold = changed.filter(|(_, seat)| matches!(seat.state, SeatState::Sold { .. }));
        Some(Room {
            active: (loaded.active + came).saturating_sub(went),
            unsold: loaded.unsold.saturating_sub(sold.count() as u64),
        })
    }

    /// Unpaid holds that a token still has at `now`.
    pub fn holds_of(&self, token: TokenId, now: Timestamp) -> Vec<&Reservation> {
        let ids = self.holds_of.get(&token).into_iter().flatten();
        ids.filter_map(|id| self.reservations.get(id))
            .filter(|reservation| reservation.token_id == token && reservation.is_held(now))
            .collect()
    }

    /// Adds a reservation.
    pub fn add_reservation(&mut self, reservation: Reservation) {
        self.index_reservation(&reservation);
        self.reservations.insert(reservation.id, reservation);
    }

    /// How many seats a fan holds and owns at a schedule at `now`.
    #[must_use]
    pub fn seats_of(&self, schedule: ScheduleId, user: UserId, now: Timestamp) -> usize {
        let ids = self.reservations_of.get(&(schedule, user)).into_iter().flatten();
        ids.filter_map(|id| self.reservations.get(id))
            .filter(|reservation| reservation.keeps_seats(now))
            .map(|reservation| reservation.seat_numbers.len())
            .sum()
    }

    /// Puts a seat back as a decision left it.
    pub fn put_seat(&mut self, seat: Seat) {
        if let Some(row) = self.seats.get_mut(&seat.key()) {
            *row = seat;
        }
    }

    /// Holds a request against the record of its key; one without a key is always fresh.
    ///
    /// # Errors
    /// As [`idempotency::screen`].
    pub fn screen(&self, request: Option<&Request>, now: Timestamp) -> Result<Screened, IdempotencyRefusal> {
        match request {
            Some(request) => idempotency::screen(self.records.get(&request.id), request, now),
            None => Ok(Screened::Fresh),
        }
    }

    /// As [`Self::screen`], for a request that will ask a provider under `reference`. One that
    /// finds its own lease was sent again, and is as fresh as the first time.
    ///
    /// # Errors
    /// As [`Self::screen`].
    pub fn screen_to_ask(
        &self,
        request: Option<&Request>,
        reference: Uuid,
        now: Timestamp,
    ) -> Result<Screened, IdempotencyRefusal> {
        let record = request.and_then(|request| self.records.get(&request.id));
        match record.map(|record| &record.progress) {
            Some(Progress::Pending {
                reference: own,
                attempts: 1,
                ..
            }) if *own == reference => Ok(Screened::Fresh),
            Some(Progress::Pending { .. } | Progress::Done(_)) | None => self.screen(request, now),
        }
    }

    /// Keeps the answer of a keyed request, to be repeated.
    pub fn remember(&mut self, request: Option<&Request>, recorded: Recorded, now: Timestamp) {
        if let Some(request) = request {
            self.records.insert(request.id, Record::done(request, recorded, now));
        }
    }

    /// The answer that a keyed request got while this instance was asking a provider for it,
    /// from one that took over.
    #[must_use]
    pub fn answered_meanwhile(&self, request: Option<&Request>) -> Option<Recorded> {
        match &self.records.get(&request?.id)?.progress {
            Progress::Done(recorded) => Some(recorded.clone()),
            Progress::Pending { .. } => None,
        }
    }

    /// Lets the same key ask the provider again at once.
    pub fn end_lease(&mut self, request: Option<&Request>, now: Timestamp) {
        let record = request.and_then(|request| self.records.get_mut(&request.id));
        if let Some(Progress::Pending { lease_until, .. }) = record.map(|record| &mut record.progress) {
            *lease_until = now;
        }
    }

    /// Forgets that a provider was asked: the request was refused and is decided anew next time.
    pub fn forget(&mut self, request: Option<&Request>) {
        if let Some(request) = request {
            self.records.remove(&request.id);
        }
    }

    /// Notes that a provider is about to be asked for a keyed request.
    pub fn lease(&mut self, request: Option<&Request>, reference: Uuid, attempts: u32, now: Timestamp) {
        if let Some(request) = request {
            let record = Record::pending(request, reference, attempts, now);
            self.records.insert(request.id, record);
        }
    }

    /// Whether storage has anything to write.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.users.is_dirty()
            || self.concerts.is_dirty()
            || self.schedules.is_dirty()
            || self.lines.is_dirty()
            || self.tokens.is_dirty()
            || self.seats.is_dirty()
            || self.reservations.is_dirty()
            || self.wallets.is_dirty()
            || !self.entries.is_empty()
            || self.payments.is_dirty()
            || self.records.is_dirty()
    }

    fn index_token(&mut self, token: &QueueToken) {
        if token.state.is_live() {
            self.live_tokens.insert((token.schedule_id, token.user_id), token.id);
        }
    }

    fn index_reservation(&mut self, reservation: &Reservation) {
        self.holds_of
            .entry(reservation.token_id)
            .or_default()
            .insert(reservation.id);
        let fan = (reservation.schedule_id, reservation.user_id);
        self.reservations_of.entry(fan).or_default().insert(reservation.id);
    }
}
