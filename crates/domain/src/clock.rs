//! Time as the rules see it.
//!
//! A rule never reads a clock: the storage does, once per decision and after it holds its locks,
//! and hands the instant in. PostgreSQL uses its own clock; memory and SQLite use this port.

use std::sync::Mutex;
use time::{Duration, OffsetDateTime};

/// An instant in UTC, in whole microseconds (what PostgreSQL keeps).
pub type Timestamp = OffsetDateTime;

/// Cuts an instant to whole microseconds, so that it survives every storage unchanged.
#[must_use]
pub fn to_micros(at: OffsetDateTime) -> Timestamp {
    at.replace_nanosecond(at.microsecond() * 1_000).unwrap_or(at)
}

/// Tells the time to storages that have no clock of their own.
pub trait Clock: Send + Sync {
    /// The current instant, in whole microseconds.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        to_micros(OffsetDateTime::now_utc())
    }
}

/// A clock that tests move by hand.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Mutex::new(to_micros(start)))
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
