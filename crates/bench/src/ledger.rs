//! What was measured.

use crate::{load::Done, stats::Spread};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Holds a second, pgbench.
    HoldsPgbench,
    /// Holds a second over HTTP on PostgreSQL.
    HoldsPostgres,
    /// Refusals a second over HTTP on PostgreSQL, of one seat that all want.
    RefusalsPostgres,
    /// Holds a second over HTTP on SQLite.
    HoldsSqlite,
    /// Holds that are paid, a second, pgbench.
    PairsPgbench,
    /// Holds that are paid, a second, over HTTP on PostgreSQL.
    PairsPostgres,
    /// The median of one client's holds in microseconds, pgbench.
    LatencyPgbench,
    /// The median of one connection's holds in microseconds, over HTTP on PostgreSQL.
    LatencyPostgres,
    /// Answers a second with a small JSON body, bare.
    BareJson,
    /// Polls a second of fans who wait.
    Polls,
    /// Answers a second with the bytes of a seat map, bare.
    BareMap,
    /// Seat maps a second.
    SeatMaps,
    /// Answers a second that a seat map has not changed.
    NotModified,
    /// Polls a second in a short line.
    PollsFew,
    /// Polls a second in a long line.
    PollsMany,
    /// Holds a second with small tables.
    HoldsFewSold,
    /// Holds a second with large tables.
    HoldsManySold,
    /// Polls a second of fans who wait, at three instances.
    PollsAnywhere,
    /// The same at as many bare endpoints.
    BareJsonAnywhere,
    /// Bytes of memory for each fan who waits.
    BytesPerFan,
    /// Places in a long line taken a second, pgbench.
    JoinsPgbench,
    /// The same with numbers that are not taken from the line's row.
    InsertsPgbench,
    /// Places in a long line taken a second, over HTTP on PostgreSQL.
    Joins,
    /// The median time of letting 1,000 fans in from a long line, in microseconds.
    Tick,
    /// Bytes of memory for each stream that is open.
    BytesPerStream,
    /// The time in which a whole line is told that everything is sold, in microseconds.
    SoldOut,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// The figure itself.
    pub value: f64,
    /// How long half of the answers took at the most, where answers were timed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_micros: Option<u64>,
    /// How long all but a hundredth of the answers took at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_micros: Option<u64>,
}

impl From<f64> for Sample {
    fn from(value: f64) -> Self {
        Self {
            value,
            p50_micros: None,
            p99_micros: None,
        }
    }
}

impl From<&Done> for Sample {
    fn from(done: &Done) -> Self {
        Self {
            value: done.rate(),
            p50_micros: Some(done.micros.value_at_quantile(0.5)),
            p99_micros: Some(done.micros.value_at_quantile(0.99)),
        }
    }
}

/// All measurements, each figure's in the order of the rounds.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Ledger(BTreeMap<Figure, Vec<Sample>>);

impl Ledger {
    /// Adds a round's measurement, and tells whoever watches.
    pub fn add(&mut self, figure: Figure, sample: impl Into<Sample>) {
        let sample = sample.into();
        eprintln!("  {figure:?} {:.1}", sample.value);
        self.0.entry(figure).or_default().push(sample);
    }

    /// A figure over all rounds.
    ///
    /// # Errors
    /// It was not measured.
    pub fn spread(&self, figure: Figure) -> Result<Spread> {
        let values = self.values(figure)?;
        Spread::of(&values).with_context(|| format!("{figure:?} was not measured"))
    }

    /// One figure divided by another of the same round, over all rounds.
    ///
    /// # Errors
    /// One of them was not measured.
    pub fn ratio(&self, figure: Figure, reference: Figure) -> Result<Spread> {
        let (figures, references) = (self.values(figure)?, self.values(reference)?);
        let ratios: Vec<f64> = figures.iter().zip(references).map(|(a, b)| a / b).collect();
        Spread::of(&ratios).with_context(|| format!("{figure:?} was not measured"))
    }

    fn values(&self, figure: Figure) -> Result<Vec<f64>> {
        let samples = self.0.get(&figure);
        let samples = samples.with_context(|| format!("{figure:?} was not measured"))?;
        Ok(samples.iter().map(|sample| sample.value).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_compared_round_by_round() {
        let mut ledger = Ledger::default();
        for (holds, reference) in [(30.0, 10.0), (20.0, 10.0), (80.0, 20.0)] {
            ledger.add(Figure::HoldsPostgres, holds);
            ledger.add(Figure::HoldsPgbench, reference);
        }
        let ratio = ledger.ratio(Figure::HoldsPostgres, Figure::HoldsPgbench).unwrap();
        assert_eq!((ratio.least, ratio.median, ratio.greatest), (2.0, 3.0, 4.0));
        assert!(ledger.ratio(Figure::HoldsPostgres, Figure::Polls).is_err());
    }
}
