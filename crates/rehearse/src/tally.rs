//! What is counted and measured while fans come and go.

use crate::fairness::Admission;
use hdrhistogram::{AdditionError, CreationError, Histogram};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// What a fan asks the server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A place in line.
    Join,
    /// Whether it is the fan's turn.
    Poll,
    /// The seat map.
    Look,
    /// Seats.
    Hold,
    /// To own them.
    Pay,
    /// To be gone.
    Leave,
}

impl Step {
    /// All of them, in the order of a fan's story.
    pub const ALL: [Step; 6] = [Step::Join, Step::Poll, Step::Look, Step::Hold, Step::Pay, Step::Leave];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Step::Join => "join",
            Step::Poll => "poll",
            Step::Look => "look",
            Step::Hold => "hold",
            Step::Pay => "pay",
            Step::Leave => "leave",
        }
    }
}

/// How a fan's story ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With seats.
    Bought,
    /// With held seats, because nobody has money here.
    EndedAtHold,
    /// The fan gave up in line.
    GaveUpInLine,
    /// The fan gave up at the seat map.
    GaveUpAtSeats,
    /// The fan gave up with seats in hand.
    GaveUpAtPaying,
    /// No seat was left.
    NothingLeft,
    /// The place in line, or the time inside, ran out.
    RanOut,
    /// The server refused what the fan could do nothing about, or did not answer time and again.
    Refused,
}

impl End {
    /// All of them.
    pub const ALL: [End; 8] = [
        End::Bought,
        End::EndedAtHold,
        End::GaveUpInLine,
        End::GaveUpAtSeats,
        End::GaveUpAtPaying,
        End::NothingLeft,
        End::RanOut,
        End::Refused,
    ];

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            End::Bought => "bought seats",
            End::EndedAtHold => "held seats and could not pay",
            End::GaveUpInLine => "gave up in line",
            End::GaveUpAtSeats => "gave up at the seat map",
            End::GaveUpAtPaying => "gave up with seats in hand",
            End::NothingLeft => "found no seat left",
            End::RanOut => "ran out of time",
            End::Refused => "were refused",
        }
    }
}

/// Times in whole microseconds, to three significant digits.
pub(crate) type Times = Histogram<u64>;

/// Everything that is counted and measured.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    /// By step: from the moment it was due to its answer.
    pub(crate) felt: BTreeMap<Step, Times>,
    /// By step: from having a connection to the answer.
    pub(crate) served: BTreeMap<Step, Times>,
    /// From the moment a call was due to the moment its fan asked for a connection.
    pub(crate) late: Times,
    /// From asking for a connection to having one.
    pub(crate) queued: Times,
    /// Refusals and missing answers.
    pub(crate) refusals: BTreeMap<(Step, String), u64>,
    /// Everybody who was let in.
    pub(crate) admissions: Vec<Admission>,
    /// The seats on all receipts.
    pub(crate) receipts: Vec<u32>,
    /// How stories ended.
    pub(crate) ends: BTreeMap<End, u64>,
}

impl Counted {
    /// Nothing yet.
    pub(crate) fn nothing() -> Result<Self, CreationError> {
        let times = || Times::new(3);
        let by_step = || -> Result<BTreeMap<_, _>, CreationError> {
            Step::ALL.into_iter().map(|step| Ok((step, times()?))).collect()
        };
        Ok(Self {
            felt: by_step()?,
            served: by_step()?,
            late: times()?,
            queued: times()?,
            refusals: BTreeMap::new(),
            admissions: Vec::new(),
            receipts: Vec::new(),
            ends: BTreeMap::new(),
        })
    }

    fn absorb(&mut self, other: &Self) -> Result<(), AdditionError> {
        for (mine, others) in [(&mut self.felt, &other.felt), (&mut self.served, &other.served)] {
            for (step, times) in mine {
                if let Some(more) = others.get(step) {
                    times.add(more)?;
                }
            }
        }
        self.late.add(&other.late)?;
        self.queued.add(&other.queued)?;
        for (what, count) in &other.refusals {
            *self.refusals.entry(what.clone()).or_default() += count;
        }
        for (end, count) in &other.ends {
            *self.ends.entry(*end).or_default() += count;
        }
        self.admissions.extend_from_slice(&other.admissions);
        self.receipts.extend_from_slice(&other.receipts);
        Ok(())
    }
}

/// How long one call took, and where.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// From the moment it was due until its fan asked for a connection.
    pub(crate) late: Duration,
    /// Until there was a connection.
    pub(crate) queued: Duration,
    /// Until the answer.
    pub(crate) served: Duration,
}

/// Counts for many fans at once. Each has a shard by number, so that they rarely meet.
#[derive(Debug)]
pub(crate) struct Tally(Vec<Mutex<Counted>>);

impl Tally {
    pub(crate) fn new(shards: usize) -> Result<Self, CreationError> {
        let shards = (0..shards.max(1)).map(|_| Counted::nothing().map(Mutex::new));
        shards.collect::<Result<_, _>>().map(Self)
    }

    /// Where this fan's things are counted. Nothing may be awaited while it is kept.
    pub(crate) fn of(&self, fan: u32) -> MutexGuard<'_, Counted> {
        let shard = fan as usize % self.0.len();
        self.0[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything so far.
    pub(crate) fn sum(&self) -> Result<Counted, NoSum> {
        let mut sum = Counted::nothing()?;
        for shard in &self.0 {
            sum.absorb(&shard.lock().unwrap_or_else(PoisonError::into_inner))?;
        }
        Ok(sum)
    }
}

/// Why there is no sum; this tells of a defect.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoSum {
    #[error("no histogram: {0}")]
    Creation(#[from] CreationError),
    #[error("histograms do not fit together: {0}")]
    Addition(#[from] AdditionError),
}

impl Counted {
    /// A call that has brought its step to an end, one way or the other; `felt` is since the step was due.
    pub(crate) fn answered(&mut self, step: Step, felt: Duration, taken: Taken) {
        self.passed(taken);
        for (times, took) in [(&mut self.felt, felt), (&mut self.served, taken.served)] {
            if let Some(times) = times.get_mut(&step) {
                record(times, took);
            }
        }
    }

    /// A call that had a connection.
    pub(crate) fn passed(&mut self, taken: Taken) {
        record(&mut self.late, taken.late);
        record(&mut self.queued, taken.queued);
    }

    /// A refusal or a missing answer.
    pub(crate) fn refused(&mut self, step: Step, code: &str) {
        *self.refusals.entry((step, code.to_owned())).or_default() += 1;
    }

    pub(crate) fn ended(&mut self, end: End) {
        *self.ends.entry(end).or_default() += 1;
    }
}

fn record(times: &mut Times, took: Duration) {
    let took = microseconds(took);
    // It grows as needed; what it cannot grow to is as good as the longest it has.
    if times.record(took).is_err() {
        times.saturating_record(took);
    }
}

/// Whole microseconds; what is too long for them is the longest.
pub(crate) fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_has_what_every_shard_has() {
        let tally = Tally::new(3).unwrap();
        for fan in 1..=10 {
            let took = Duration::from_millis(u64::from(fan));
            let taken = Taken {
                late: Duration::ZERO,
                queued: took,
                served: took,
            };
            tally.of(fan).answered(Step::Hold, 2 * took, taken);
            tally.of(fan).refused(Step::Hold, "seat_already_reserved");
            tally.of(fan).ended(End::Bought);
        }
        let sum = tally.sum().unwrap();
        assert_eq!((sum.felt[&Step::Hold].len(), sum.felt[&Step::Pay].len()), (10, 0));
        assert!((19_990..=20_020).contains(&sum.felt[&Step::Hold].max()));
        assert_eq!(sum.queued.len(), 10);
        assert_eq!(sum.refusals[&(Step::Hold, "seat_already_reserved".to_owned())], 10);
        assert_eq!(sum.ends[&End::Bought], 10);
    }
}
