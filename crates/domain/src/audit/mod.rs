//! The invariants, checked on live data by one checker for every storage.
//!
//! Storage hands over its books, one performance and a few users at a time, each from one
//! snapshot; what has to be true of them is said here and nowhere else.

mod money;
pub mod port;
mod schedule;
pub mod service;

pub use money::{UserBooks, check_users};
pub use schedule::{ScheduleBooks, check_schedule};

use crate::{clock::Timestamp, idempotency::RequestKey, policy::Policy};
use std::collections::BTreeMap;

/// What must never be false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`statement` says what each means")]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I6,
    I8,
    I9,
}

impl Invariant {
    /// Every invariant that can be checked on live data.
    pub const ALL: [Invariant; 7] = [
        Invariant::I1,
        Invariant::I2,
        Invariant::I3,
        Invariant::I4,
        Invariant::I6,
        Invariant::I8,
        Invariant::I9,
    ];

    /// The short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Invariant::I1 => "I1",
            Invariant::I2 => "I2",
            Invariant::I3 => "I3",
            Invariant::I4 => "I4",
            Invariant::I6 => "I6",
            Invariant::I8 => "I8",
            Invariant::I9 => "I9",
        }
    }

    /// What it says.
    #[must_use]
    pub fn statement(self) -> &'static str {
        match self {
            Invariant::I1 => "no seat is sold twice: each sold seat belongs to exactly one confirmed reservation",
            Invariant::I2 => "no seat is in two holds at the same time",
            Invariant::I3 => {
                "money is conserved: every balance is the sum of its entries, no balance was ever \
                 below zero, and payment entries equal succeeded payments"
            }
            Invariant::I4 => {
                "a reservation is confirmed if and only if exactly one payment of its price by its \
                 holder succeeded"
            }
            Invariant::I6 => "each Idempotency-Key has at most one effect",
            Invariant::I8 => {
                "nobody in line is lost or overtaken: numbers run from 1 without gaps, and fans \
                 entered in the order they joined, but for those an operator let through"
            }
            Invariant::I9 => "at every admission no more fans were inside than the gate allowed",
        }
    }
}

/// What is wrong, by invariant.
#[derive(Debug, Clone, Default)]
pub struct Findings(BTreeMap<Invariant, Vec<String>>);

impl Findings {
    fn add(&mut self, invariant: Invariant, what: impl Into<String>) {
        self.0.entry(invariant).or_default().push(what.into());
    }

    /// Adds another reading's findings.
    pub fn merge(&mut self, other: Findings) {
        for (invariant, what) in other.0 {
            self.0.entry(invariant).or_default().extend(what);
        }
    }

    /// The report over everything found.
    #[must_use]
    pub fn report(mut self) -> Report {
        let check = |invariant| {
            let found = self.0.remove(&invariant).unwrap_or_default();
            Check {
                invariant,
                violations: found.len() as u64,
                sample: found.into_iter().take(Check::SAMPLE).collect(),
            }
        };
        Report {
            checks: Invariant::ALL.into_iter().map(check).collect(),
        }
    }
}

/// One invariant's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which invariant.
    pub invariant: Invariant,
    /// How often it is violated.
    pub violations: u64,
    /// The first few violations, in words.
    pub sample: Vec<String>,
}

impl Check {
    const SAMPLE: usize = 5;
}

/// The result of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One check an invariant.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether nothing is violated.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.violations == 0)
    }
}

/// Adds a finding for every effect that shares its key with an earlier one within the key's life.
fn check_keys(findings: &mut Findings, what: &str, effects: impl Iterator<Item = (Option<RequestKey>, Timestamp)>) {
    let mut seen: BTreeMap<RequestKey, Vec<Timestamp>> = BTreeMap::new();
    for (key, at) in effects {
        if let Some(key) = key {
            seen.entry(key).or_default().push(at);
        }
    }
    for (key, mut times) in seen {
        times.sort_unstable();
        for pair in times.windows(2) {
            if pair[1] - pair[0] < Policy::IDEMPOTENCY {
                findings.add(Invariant::I6, format!("key {} has two {what}", key.0));
            }
        }
    }
}
