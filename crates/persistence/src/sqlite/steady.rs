//! A clock that never goes back.

use super::types::micros;
use frontrow_domain::clock::{Clock, Timestamp};
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Holds a clock that was set back still until it catches up, so that what happens later never
/// carries an earlier moment.
pub(super) struct Steady {
    clock: Arc<dyn Clock>,
    latest: AtomicI64,
}

impl Steady {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            latest: AtomicI64::new(i64::MIN),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        let now = self.clock.now();
        let latest = self.latest.fetch_max(micros(now), Ordering::SeqCst);
        let held = Timestamp::from_unix_timestamp_nanos(i128::from(latest) * 1_000);
        held.map_or(now, |held| held.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use time::{Duration, macros::datetime};

    struct Set(Mutex<Timestamp>);

    impl Clock for Set {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn a_clock_that_is_set_back_stands_still_until_it_catches_up() {
        let start = datetime!(2026-12-01 20:00:00.000001 UTC);
        let set = Arc::new(Set(Mutex::new(start)));
        let steady = Steady::new(set.clone());
        for (moves, shows) in [(0, 0), (5, 5), (-60, 5), (4, 5), (6, 6)] {
            *set.0.lock().unwrap() = start + Duration::seconds(moves);
            assert_eq!(steady.now(), start + Duration::seconds(shows));
        }
    }
}
