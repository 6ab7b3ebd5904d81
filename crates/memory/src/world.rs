//! Everything there is, and how it is found.

use crate::{account::Account, house::House, line::TokenLine};
use frontrow_domain::{
    catalog::{Concert, Programme, Schedule},
    clock::Timestamp,
    id::{ConcertId, EntryId, OperatorKeyId, PaymentId, ReservationId, ScheduleId, UserId, WalletId},
    idempotency::{Record, RecordId},
    identity::{OperatorKey, User},
    payment::Payment,
    seating::Reservation,
    wallet::{Entry, Wallet},
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// One performance: its line outside and its house inside.
pub(crate) struct Show {
    pub(crate) line: TokenLine,
    pub(crate) house: House,
}

/// The whole state of the storage.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) users: HashMap<UserId, User>,
    pub(crate) operator_keys: BTreeMap<OperatorKeyId, OperatorKey>,
    pub(crate) concerts: BTreeMap<ConcertId, Concert>,
    pub(crate) shows: BTreeMap<ScheduleId, Show>,
    pub(crate) accounts: BTreeMap<UserId, Account>,
    schedules_of: HashMap<ConcertId, Vec<Arc<Schedule>>>,
    schedule_of: HashMap<ReservationId, ScheduleId>,
    wallet_owners: HashMap<WalletId, UserId>,
    entry_ids: HashSet<EntryId>,
    payment_ids: HashSet<PaymentId>,
    records: HashMap<RecordId, Record>,
    record_ends: BTreeSet<(Timestamp, RecordId)>,
}

impl World {
    /// The performances of a concert, by `starts_at`.
    pub(crate) fn schedules_of(&self, concert: ConcertId) -> &[Arc<Schedule>] {
        self.schedules_of.get(&concert).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn programme(&self, concert: &Concert) -> Programme {
        Programme {
            concert: concert.clone(),
            schedules: self.schedules_of(concert.id).to_vec(),
        }
    }

    /// Opens the house and the gate of a new performance.
    pub(crate) fn open(&mut self, schedule: Schedule, line: TokenLine) {
        let schedule = Arc::new(schedule);
        let siblings = self.schedules_of.entry(schedule.concert_id).or_default();
        siblings.push(schedule.clone());
        siblings.sort_by_key(|sibling| (sibling.starts_at, sibling.id));
        let house = House::new(schedule.clone());
        self.shows.insert(schedule.id, Show { line, house });
    }

    /// A reservation wherever it was made, with the house it is in.
    pub(crate) fn reservation(&self, id: ReservationId) -> Option<(&House, &Reservation)> {
        let house = &self.shows.get(self.schedule_of.get(&id)?)?.house;
        Some((house, house.reservation(id)?))
    }

    pub(crate) fn put_reservation(&mut self, reservation: Reservation) {
        if let Some(show) = self.shows.get_mut(&reservation.schedule_id) {
            self.schedule_of.insert(reservation.id, reservation.schedule_id);
            show.house.put_reservation(reservation);
        }
    }

    pub(crate) fn wallet_owner(&self, wallet: WalletId) -> Option<UserId> {
        self.wallet_owners.get(&wallet).copied()
    }

    pub(crate) fn put_wallet(&mut self, wallet: Wallet) {
        self.wallet_owners.insert(wallet.id, wallet.user_id);
        let account = self.accounts.entry(wallet.user_id).or_default();
        account.wallet = Some(wallet);
    }

    pub(crate) fn has_entry(&self, id: EntryId) -> bool {
        self.entry_ids.contains(&id)
    }

    pub(crate) fn add_entry(&mut self, entry: Entry) {
        self.entry_ids.insert(entry.id);
        self.accounts.entry(entry.user_id).or_default().entries.push(entry);
    }

    pub(crate) fn has_payment(&self, id: PaymentId) -> bool {
        self.payment_ids.contains(&id)
    }

    pub(crate) fn add_payment(&mut self, payment: Payment) {
        self.payment_ids.insert(payment.id);
        if let Some(show) = self.shows.get_mut(&payment.schedule_id) {
            show.house.payments.push((payment.user_id, payment.id));
        }
        let account = self.accounts.entry(payment.user_id).or_default();
        account.payments.insert(payment.id, payment);
    }

    pub(crate) fn record(&self, id: RecordId) -> Option<&Record> {
        self.records.get(&id)
    }

    pub(crate) fn put_record(&mut self, record: Record) {
        self.remove_record(record.id);
        self.record_ends.insert((record.expires_at, record.id));
        self.records.insert(record.id, record);
    }

    pub(crate) fn remove_record(&mut self, id: RecordId) {
        if let Some(old) = self.records.remove(&id) {
            self.record_ends.remove(&(old.expires_at, id));
        }
    }

    /// At most `limit` records that do not count any more.
    pub(crate) fn lapsed_records(&self, now: Timestamp, limit: usize) -> Vec<RecordId> {
        let due = self.record_ends.iter().take_while(|(end, _)| *end <= now);
        due.take(limit).map(|(_, id)| *id).collect()
    }
}
