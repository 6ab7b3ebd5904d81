//! Which rows a batch of commands has to see, and which of them it may change.

use crate::{
    id::{ConcertId, PaymentId, ReservationId, ScheduleId, TokenId, UserId},
    idempotency::{RecordId, Request},
    queue::TokenRef,
};
use std::collections::BTreeSet;

/// The rows that a batch needs. Storage locks in the order of the fields marked *locked*, within
/// a field in key order, which is the one lock order of the program; what is only read is read
/// after all locks are held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// *Locked*: concerts that are given another schedule; all their schedules are loaded.
    pub concerts: BTreeSet<ConcertId>,
    /// *Locked*: gates at which somebody is let in out of turn, with how many are inside and how many
    /// seats are unsold ([`crate::queue::Room`]).
    pub gates: BTreeSet<ScheduleId>,
    /// *Locked*: lines in which a number or a departure is given out.
    pub lines: BTreeSet<ScheduleId>,
    /// *Locked*: the stored live token (waiting or active) of a fan at a gate, with the number of
    /// fans ahead of a waiting one.
    pub live_tokens: BTreeSet<(ScheduleId, UserId)>,
    /// *Locked*: tokens.
    pub tokens: BTreeSet<(ScheduleId, TokenId)>,
    /// *Locked*: every reservation of these tokens whose stored state is held, and their seats.
    pub holds_of: BTreeSet<(ScheduleId, TokenId)>,
    /// *Locked* with their seats, when they belong to the schedule named. One that belongs to
    /// another schedule is loaded too, but is only looked at.
    pub reservations: BTreeSet<(ScheduleId, ReservationId)>,
    /// *Locked*: seats.
    pub seats: BTreeSet<(ScheduleId, u32)>,
    /// *Locked*: wallets.
    pub wallets: BTreeSet<UserId>,
    /// Read: users.
    pub users: BTreeSet<UserId>,
    /// Read: every reservation of a fan at a schedule whose stored state is held or confirmed.
    /// Only the fan's own token can add to them, so its lock keeps this reading true.
    pub holdings: BTreeSet<(ScheduleId, UserId)>,
    /// Read: payments that an attempt sent before may have stored. The lock of their reservation
    /// keeps this reading true.
    pub payments: BTreeSet<(UserId, PaymentId)>,
    /// Read: idempotency records. Storing one that another transaction stored meanwhile makes
    /// the whole batch be decided anew.
    pub records: BTreeSet<RecordId>,
}

impl Needs {
    /// Needs the record of a keyed request.
    pub fn request(&mut self, request: Option<&Request>) {
        self.records.extend(request.map(|request| request.id));
    }

    /// Needs a token.
    pub fn token(&mut self, token: &TokenRef) {
        self.tokens.insert((token.schedule_id, token.id));
    }
}
