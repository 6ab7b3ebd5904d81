//! Where everybody is, at a glance.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What has happened so far. Every number only grows, so differences are rates.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) arrived: AtomicU64,
    pub(crate) joined: AtomicU64,
    pub(crate) admitted: AtomicU64,
    pub(crate) left_line: AtomicU64,
    pub(crate) left_inside: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) held: AtomicU64,
    pub(crate) sold: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) refusals: AtomicU64,
}

impl Live {
    /// Adds to one of the numbers.
    pub(crate) fn add(number: &AtomicU64, more: u64) {
        number.fetch_add(more, Relaxed);
    }

    /// All numbers at this moment.
    pub(crate) fn sample(&self, second: f64) -> Sample {
        // What comes later in a fan's story is read first, so that nobody seems to be somewhere twice.
        let sold = self.sold.load(Relaxed);
        let held = self.held.load(Relaxed);
        let ended = self.ended.load(Relaxed);
        let left_inside = self.left_inside.load(Relaxed);
        let left_line = self.left_line.load(Relaxed);
        let admitted = self.admitted.load(Relaxed);
        let joined = self.joined.load(Relaxed);
        Sample {
            second,
            arrived: self.arrived.load(Relaxed),
            joined,
            admitted,
            waiting: joined.saturating_sub(admitted + left_line),
            inside: admitted.saturating_sub(left_inside),
            ended,
            held,
            sold,
            answers: self.answers.load(Relaxed),
            refusals: self.refusals.load(Relaxed),
        }
    }
}

/// All numbers at one moment; counts are since the opening.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since the opening.
    pub second: f64,
    /// Fans who arrived.
    pub arrived: u64,
    /// Fans who got a place in line.
    pub joined: u64,
    /// Fans who learned that they were let in.
    pub admitted: u64,
    /// Fans in line now.
    pub waiting: u64,
    /// Fans inside now.
    pub inside: u64,
    /// Fans whose story has ended.
    pub ended: u64,
    /// Seats that were held, in all.
    pub held: u64,
    /// Seats that were paid.
    pub sold: u64,
    /// Answers of any kind.
    pub answers: u64,
    /// Answers that were refusals, and calls without an answer.
    pub refusals: u64,
}
