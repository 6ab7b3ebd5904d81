//! Which of the instances does the work that is done once for all of them.
//!
//! That work (admission, sweeping) is safe on any number of instances at once, because rows are
//! locked. The lease keeps it from being done as often as there are instances: one of them leads,
//! and the others take over when they have not heard from it for as long as a lease lasts.

pub mod port;
pub mod service;

use crate::{clock::Timestamp, id::InstanceId};
use std::sync::{Mutex, MutexGuard, PoisonError};
use time::Duration;

/// How long the lease lasts without being renewed: with the time between two looks at it this has
/// to stay below the two seconds within which others take over.
pub const LEASE: Duration = Duration::milliseconds(1_500);

/// How much of it is left when its holder renews it.
const RENEWED_AT: Duration = Duration::milliseconds(1_000);

/// Who leads, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Who has it; nobody when it was given up, or never taken.
    pub holder: Option<InstanceId>,
    /// Grows whenever somebody takes it. Work that names an older epoch is that of a leader whose
    /// time is over.
    pub epoch: u64,
    /// From then on anybody may take it.
    pub until: Timestamp,
}

impl Default for Lease {
    /// The lease before anybody has taken it.
    fn default() -> Self {
        Self {
            holder: None,
            epoch: 0,
            until: Timestamp::UNIX_EPOCH,
        }
    }
}

/// What an instance makes of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Another instance has it.
    Theirs,
    /// The instance has it, for long enough to leave it as it is.
    Kept,
    /// The instance has it once this is stored in its place.
    Replaced(Lease),
}

impl Lease {
    /// What `candidate` makes of the lease at `now`. Whoever has it keeps it by asking in time;
    /// whoever is late takes it anew, if nobody else has.
    #[must_use]
    pub fn claimed_by(&self, candidate: InstanceId, now: Timestamp) -> Claim {
        let until = now + LEASE;
        let taken = Self {
            holder: Some(candidate),
            epoch: self.epoch + 1,
            until,
        };
        match self.holder {
            None => Claim::Replaced(taken),
            Some(_) if !self.is_in_force(now) => Claim::Replaced(taken),
            Some(holder) if holder != candidate => Claim::Theirs,
            Some(_) if now + RENEWED_AT < self.until => Claim::Kept,
            Some(_) => Claim::Replaced(Self { until, ..*self }),
        }
    }

    /// The lease without its holder.
    #[must_use]
    pub fn given_up(&self) -> Self {
        Self { holder: None, ..*self }
    }

    /// One that ends much later than a lease lasts was given by a clock that was set back since.
    fn is_in_force(&self, now: Timestamp) -> bool {
        now < self.until && self.until <= now + 2 * LEASE
    }
}

/// The lease of a storage that one process has for itself.
#[derive(Debug, Default)]
pub struct OwnLease(Mutex<Lease>);

impl OwnLease {
    /// The lease as it is.
    #[must_use]
    pub fn get(&self) -> Lease {
        *self.lock()
    }

    /// Puts `next` in the place of `seen`; `false` when it is another one by now.
    pub fn replace(&self, seen: Lease, next: Lease) -> bool {
        let mut lease = self.lock();
        let same = *lease == seen;
        if same {
            *lease = next;
        }
        same
    }

    /// Whether work of this epoch may be done; always when none is named.
    #[must_use]
    pub fn allows(&self, epoch: Option<u64>) -> bool {
        epoch.is_none_or(|epoch| self.lock().epoch == epoch)
    }

    fn lock(&self) -> MutexGuard<'_, Lease> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-12-01 20:00 UTC);

    fn taken(lease: Lease, by: InstanceId, now: Timestamp) -> Lease {
        match lease.claimed_by(by, now) {
            Claim::Replaced(next) => next,
            claim @ (Claim::Theirs | Claim::Kept) => panic!("{claim:?}"),
        }
    }

    #[test]
    fn whoever_comes_first_has_it_until_it_lapses() {
        let (one, other) = (InstanceId::mint(), InstanceId::mint());
        let lease = taken(Lease::default(), one, NOW);
        assert_eq!((lease.holder, lease.epoch, lease.until), (Some(one), 1, NOW + LEASE));
        assert_eq!(lease.claimed_by(one, NOW), Claim::Kept);
        let last = lease.until - Duration::MICROSECOND;
        assert_eq!(lease.claimed_by(other, last), Claim::Theirs);
        let next = taken(lease, other, lease.until);
        assert_eq!((next.holder, next.epoch), (Some(other), 2));
        assert_eq!(next.claimed_by(one, lease.until), Claim::Theirs);
    }

    #[test]
    fn it_is_renewed_in_good_time_and_stays_the_same_term() {
        let one = InstanceId::mint();
        let lease = taken(Lease::default(), one, NOW);
        let due = lease.until - RENEWED_AT;
        assert_eq!(lease.claimed_by(one, due - Duration::MICROSECOND), Claim::Kept);
        let renewed = taken(lease, one, due);
        assert_eq!((renewed.epoch, renewed.until), (1, due + LEASE));
    }

    #[test]
    fn a_term_that_has_lapsed_never_comes_back() {
        let one = InstanceId::mint();
        let lease = taken(Lease::default(), one, NOW);
        assert_eq!(taken(lease, one, lease.until).epoch, 2);
    }

    #[test]
    fn what_was_given_up_may_be_taken_at_once() {
        let (one, other) = (InstanceId::mint(), InstanceId::mint());
        let vacant = taken(Lease::default(), one, NOW).given_up();
        let next = taken(vacant, other, NOW);
        assert_eq!((next.holder, next.epoch), (Some(other), 2));
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_nobody_leading_for_ever() {
        let (one, other) = (InstanceId::mint(), InstanceId::mint());
        let lease = taken(Lease::default(), one, NOW);
        assert_eq!(lease.claimed_by(other, NOW - LEASE), Claim::Theirs);
        assert_eq!(taken(lease, other, NOW - Duration::HOUR).holder, Some(other));
    }

    #[test]
    fn only_what_was_seen_is_replaced() {
        let (one, other) = (InstanceId::mint(), InstanceId::mint());
        let own = OwnLease::default();
        let seen = own.get();
        let first = taken(seen, one, NOW);
        assert!(own.replace(seen, first));
        assert!(!own.replace(seen, taken(seen, other, NOW)));
        assert_eq!(own.get(), first);
        assert!(own.allows(None) && own.allows(Some(1)) && !own.allows(Some(0)));
    }
}
