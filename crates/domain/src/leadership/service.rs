//! One instance's part in leading.

use super::{Claim, LEASE, Lease, RENEWED_AT, port::Leadership};
use crate::{clock::Timestamp, id::InstanceId, outcome::StoreError};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// An instance that leads whenever nobody else does.
///
/// What it remembers of its term it counts by its own clock, from before storage was asked: so it
/// never believes to lead for longer than storage says. A process that was stopped for a while
/// finds its term over when it goes on.
pub struct Candidate {
    id: InstanceId,
    leadership: Arc<dyn Leadership>,
    term: Mutex<Option<Term>>,
    resigned: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Term {
    epoch: u64,
    renewed_at: Instant,
    ends: Instant,
}

impl Term {
    /// The term of a lease, of which was known at `asked` that it was not yet `now`.
    fn of(lease: &Lease, now: Timestamp, asked: Instant) -> Self {
        let left = Duration::try_from(lease.until - now).unwrap_or_default();
        let left = left.min(LEASE.unsigned_abs());
        Self {
            epoch: lease.epoch,
            renewed_at: asked + left.saturating_sub(RENEWED_AT.unsigned_abs()),
            ends: asked + left,
        }
    }
}

impl Candidate {
    /// A new instance, that does not lead yet.
    #[must_use]
    pub fn new(leadership: Arc<dyn Leadership>) -> Self {
        Self {
            id: InstanceId::mint(),
            leadership,
            term: Mutex::default(),
            resigned: AtomicBool::new(false),
        }
    }

    /// The epoch in which this instance leads, as far as it knows without asking.
    #[must_use]
    pub fn leads(&self) -> Option<u64> {
        let term = (*self.term())?;
        (Instant::now() < term.ends).then_some(term.epoch)
    }

    /// Takes the lease when nobody has it, and renews it when that is due; the epoch in which this
    /// instance leads then. Asks storage only when there is something to do: between two renewals
    /// a leader does not.
    ///
    /// # Errors
    /// When storage cannot answer. A term that has begun goes on until it ends by itself.
    pub async fn stand(&self) -> Result<Option<u64>, StoreError> {
        let asked = Instant::now();
        if self.has_resigned() {
            return Ok(None);
        }
        if let Some(term) = *self.term()
            && asked < term.renewed_at
        {
            return Ok(Some(term.epoch));
        }
        let (seen, now) = self.leadership.lease().await?;
        let held = match seen.claimed_by(self.id, now) {
            Claim::Theirs => None,
            Claim::Kept => Some(seen),
            Claim::Replaced(next) => self.leadership.replace_lease(seen, next).await?.then_some(next),
        };
        let begins = self.begin(held.map(|lease| Term::of(&lease, now, asked)));
        if !begins {
            self.give_up().await?;
            return Ok(None);
        }
        Ok(held.map(|lease| lease.epoch))
    }

    /// Begins a term, or none; not when this instance has resigned meanwhile.
    fn begin(&self, term: Option<Term>) -> bool {
        let mut current = self.term();
        let may = !self.has_resigned();
        *current = term.filter(|_| may);
        may
    }

    /// Gives the lease up, if this instance has it, and never takes it again: another instance
    /// need not wait for its end.
    ///
    /// # Errors
    /// When storage cannot answer: then it lapses.
    pub async fn resign(&self) -> Result<(), StoreError> {
        self.resigned.store(true, Ordering::SeqCst);
        *self.term() = None;
        self.give_up().await
    }

    async fn give_up(&self) -> Result<(), StoreError> {
        loop {
            let (seen, _) = self.leadership.lease().await?;
            if seen.holder != Some(self.id) || self.leadership.replace_lease(seen, seen.given_up()).await? {
                return Ok(());
            }
        }
    }

    fn has_resigned(&self) -> bool {
        self.resigned.load(Ordering::SeqCst)
    }

    fn term(&self) -> MutexGuard<'_, Option<Term>> {
        self.term.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock as _, clock::ManualClock, leadership::OwnLease};
    use async_trait::async_trait;
    use std::{
        pin::pin,
        sync::atomic::AtomicUsize,
        task::{Context, Poll, Waker},
    };
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-12-01 20:00 UTC);

    struct Row {
        lease: OwnLease,
        clock: ManualClock,
        asked: AtomicUsize,
        away: AtomicBool,
    }

    #[async_trait]
    impl Leadership for Row {
        async fn lease(&self) -> Result<(Lease, Timestamp), StoreError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.away.load(Ordering::SeqCst) {
                return Err(StoreError::Unavailable("gone".to_owned()));
            }
            Ok((self.lease.get(), self.clock.now()))
        }

        async fn replace_lease(&self, seen: Lease, next: Lease) -> Result<bool, StoreError> {
            Ok(self.lease.replace(seen, next))
        }
    }

    fn row() -> Arc<Row> {
        Arc::new(Row {
            lease: OwnLease::default(),
            clock: ManualClock::starting_at(NOW),
            asked: AtomicUsize::new(0),
            away: AtomicBool::new(false),
        })
    }

    /// What a future gives that never has to wait.
    fn at_once<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => done,
            Poll::Pending => panic!("it waits"),
        }
    }

    #[test]
    fn a_leader_asks_storage_when_it_has_to_renew_and_others_always() {
        let row = row();
        let (one, other) = (Candidate::new(row.clone()), Candidate::new(row.clone()));
        for _ in 0..5 {
            assert_eq!(at_once(one.stand()), Ok(Some(1)));
        }
        assert_eq!(row.asked.load(Ordering::SeqCst), 1);
        for _ in 0..5 {
            assert_eq!(at_once(other.stand()), Ok(None));
        }
        assert_eq!(row.asked.load(Ordering::SeqCst), 6);
    }

    #[test]
    fn a_leader_that_cannot_ask_believes_in_its_term_until_it_ends_and_no_longer() {
        let row = row();
        let one = Candidate::new(row.clone());
        assert_eq!(at_once(one.stand()), Ok(Some(1)));
        row.away.store(true, Ordering::SeqCst);
        let began = Instant::now();
        while one.leads().is_some() {
            let _ = at_once(one.stand());
            assert!(began.elapsed() <= 2 * LEASE, "it never ends");
        }
        assert!(at_once(one.stand()).is_err());
        assert_eq!(at_once(one.resign()), Err(StoreError::Unavailable("gone".to_owned())));
    }

    #[test]
    fn a_term_lasts_as_long_as_the_lease_and_is_renewed_in_good_time() {
        let asked = Instant::now();
        let after = |millis| asked + Duration::from_millis(millis);
        let until = |left| Lease {
            until: NOW + time::Duration::milliseconds(left),
            ..Lease::default()
        };
        for (left, renewed_at, ends) in [
            (1_500, 500, 1_500),
            (1_200, 200, 1_200),
            (900, 0, 900),
            (-1, 0, 0),
            (9_000, 500, 1_500),
        ] {
            let term = Term::of(&until(left), NOW, asked);
            assert_eq!((term.renewed_at, term.ends), (after(renewed_at), after(ends)), "{left}");
        }
    }
}
