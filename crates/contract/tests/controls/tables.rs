//! The toy storage: plain tables, and a transaction that is isolated or is not.

use crate::Rendezvous;
use frontrow_domain::{
    catalog::{Concert, Schedule},
    clock::{Clock, Timestamp},
    decision::{Rows, WorkingSet},
    id::{ConcertId, EntryId, PaymentId, ReservationId, ScheduleId, TokenId, UserId},
    idempotency::{Record, RecordId},
    identity::User,
    leadership::Lease,
    payment::Payment,
    policy::Policy,
    queue::{Line, QueueToken, Room, TokenState},
    seating::{Reservation, ReservationState, Seat, SeatState},
    wallet::{Entry, Wallet},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// Whether a transaction reads and writes under one lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// It does.
    On,
    /// It reads, waits for the other contenders to read too, and writes what it then decides.
    Off,
}

#[derive(Clone, Default)]
pub struct Tables {
    pub users: BTreeMap<UserId, User>,
    pub concerts: BTreeMap<ConcertId, Concert>,
    pub schedules: BTreeMap<ScheduleId, Schedule>,
    pub lines: BTreeMap<ScheduleId, Line>,
    pub tokens: BTreeMap<TokenId, QueueToken>,
    pub seats: BTreeMap<(ScheduleId, u32), Seat>,
    pub reservations: BTreeMap<ReservationId, Reservation>,
    pub wallets: BTreeMap<UserId, Wallet>,
    pub entries: BTreeMap<EntryId, Entry>,
    pub payments: BTreeMap<PaymentId, Payment>,
    pub records: BTreeMap<RecordId, Record>,
    pub lease: Lease,
}

pub struct Toy {
    pub policy: Policy,
    pub clock: Arc<dyn Clock>,
    guard: Guard,
    rendezvous: Arc<Rendezvous>,
    tables: Mutex<Tables>,
}

impl Toy {
    pub fn new(policy: Policy, clock: Arc<dyn Clock>, guard: Guard, rendezvous: Arc<Rendezvous>) -> Self {
        Self {
            policy,
            clock,
            guard,
            rendezvous,
            tables: Mutex::default(),
        }
    }

    pub fn read<T>(&self, look: impl FnOnce(&Tables, Timestamp) -> T) -> T {
        let tables = self.tables.lock().expect("no thread panicked");
        look(&tables, self.clock.now())
    }

    pub async fn transact<T>(&self, act: impl FnOnce(&mut Tables, Timestamp) -> T + Send) -> T {
        match self.guard {
            Guard::On => {
                let mut tables = self.tables.lock().expect("no thread panicked");
                act(&mut tables, self.clock.now())
            }
            Guard::Off => {
                let (before, now) = self.read(|tables, now| (tables.clone(), now));
                self.rendezvous.meet().await;
                let mut after = before.clone();
                let done = act(&mut after, now);
                self.tables
                    .lock()
                    .expect("no thread panicked")
                    .take_changes(&before, after);
                done
            }
        }
    }
}

impl Tables {
    /// Overwrites row by row with what a transaction changed, whatever others wrote meanwhile.
    fn take_changes(&mut self, before: &Tables, after: Tables) {
        take(&mut self.users, &before.users, after.users);
        take(&mut self.concerts, &before.concerts, after.concerts);
        take(&mut self.schedules, &before.schedules, after.schedules);
        take(&mut self.lines, &before.lines, after.lines);
        take(&mut self.tokens, &before.tokens, after.tokens);
        take(&mut self.seats, &before.seats, after.seats);
        take(&mut self.reservations, &before.reservations, after.reservations);
        take(&mut self.wallets, &before.wallets, after.wallets);
        take(&mut self.entries, &before.entries, after.entries);
        take(&mut self.payments, &before.payments, after.payments);
        take(&mut self.records, &before.records, after.records);
        if after.lease != before.lease {
            self.lease = after.lease;
        }
    }

    pub fn waiting(&self, schedule: ScheduleId) -> Vec<QueueToken> {
        let of_gate = self.tokens.values().filter(|token| token.schedule_id == schedule);
        let mut waiting: Vec<_> = of_gate.filter(|t| t.state == TokenState::Waiting).cloned().collect();
        waiting.sort_by_key(|token| token.number);
        waiting
    }

    pub fn ahead_of(&self, token: &QueueToken) -> u64 {
        let waiting = self.waiting(token.schedule_id);
        waiting.iter().filter(|other| other.number < token.number).count() as u64
    }

    fn room(&self, gate: ScheduleId) -> Room {
        let of_gate = self.tokens.values().filter(|token| token.schedule_id == gate);
        let at_gate = self.seats.range((gate, 0)..=(gate, u32::MAX));
        let unsold = at_gate.filter(|(_, seat)| !matches!(seat.state, SeatState::Sold { .. }));
        Room {
            active: of_gate.filter(|token| token.state == TokenState::Active).count() as u64,
            unsold: unsold.count() as u64,
        }
    }

    /// Everything, as a working set: more than any batch needs.
    pub fn load(&self, policy: Policy) -> WorkingSet {
        let mut rows = WorkingSet::new(policy);
        load(&mut rows.users, &self.users);
        load(&mut rows.concerts, &self.concerts);
        load(&mut rows.schedules, &self.schedules);
        load(&mut rows.lines, &self.lines);
        for gate in self.lines.keys() {
            rows.load_room(*gate, self.room(*gate));
        }
        for token in self.tokens.values() {
            let waits = token.state == TokenState::Waiting;
            rows.load_token(token.clone(), waits.then(|| self.ahead_of(token)));
        }
        load(&mut rows.seats, &self.seats);
        for reservation in self.reservations.values() {
            rows.load_reservation(reservation.clone());
        }
        load(&mut rows.wallets, &self.wallets);
        load(&mut rows.payments, &self.payments);
        load(&mut rows.records, &self.records);
        rows
    }

    pub fn store(&mut self, rows: WorkingSet) {
        for (id, schedule) in rows.schedules.inserted() {
            let seats = (1..=schedule.layout.len()).map(|number| Seat::new(*id, number));
            self.seats.extend(seats.map(|seat| (seat.key(), seat)));
        }
        store(&mut self.users, &rows.users);
        store(&mut self.concerts, &rows.concerts);
        store(&mut self.schedules, &rows.schedules);
        store(&mut self.lines, &rows.lines);
        store(&mut self.tokens, &rows.tokens);
        store(&mut self.seats, &rows.seats);
        store(&mut self.reservations, &rows.reservations);
        store(&mut self.wallets, &rows.wallets);
        store(&mut self.payments, &rows.payments);
        store(&mut self.records, &rows.records);
        self.entries
            .extend(rows.entries.into_iter().map(|entry| (entry.id, entry)));
    }

    pub fn lapsed_holds(&self, now: Timestamp) -> Vec<Reservation> {
        let held = self
            .reservations
            .values()
            .filter(|hold| hold.state == ReservationState::Held);
        held.filter(|hold| hold.held_until <= now).cloned().collect()
    }
}

fn take<K: Ord + Clone, V: PartialEq>(live: &mut BTreeMap<K, V>, before: &BTreeMap<K, V>, after: BTreeMap<K, V>) {
    for key in before.keys().filter(|key| !after.contains_key(key)) {
        live.remove(key);
    }
    for (key, row) in after {
        if before.get(&key) != Some(&row) {
            live.insert(key, row);
        }
    }
}

fn load<K: Ord + Copy, V: Clone>(rows: &mut Rows<K, V>, table: &BTreeMap<K, V>) {
    for (key, row) in table {
        rows.load(*key, row.clone());
    }
}

fn store<K: Ord + Copy, V: Clone>(table: &mut BTreeMap<K, V>, rows: &Rows<K, V>) {
    for key in rows.removed() {
        table.remove(key);
    }
    table.extend(rows.written().map(|(key, row)| (*key, row.clone())));
}
