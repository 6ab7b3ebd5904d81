//! How long something took, all in all.

use crate::tally::Times;
use serde::Serialize;

/// The distribution of a time, in milliseconds. Everything is 0 when nothing was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Latency {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    pub mean_ms: f64,
    /// Pairs of percentile and milliseconds, denser towards the end.
    pub distribution: Vec<(f64, f64)>,
}

/// The percentiles of a distribution that is drawn.
const DRAWN: [f64; 20] = [
    0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 75.0, 80.0, 85.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9, 99.95, 99.99,
    100.0,
];

impl Latency {
    pub(crate) fn of(times: &Times) -> Self {
        if times.is_empty() {
            return Self::default();
        }
        let at = |percentile: f64| milliseconds(times.value_at_percentile(percentile));
        Self {
            p50_ms: at(50.0),
            p90_ms: at(90.0),
            p99_ms: at(99.0),
            p999_ms: at(99.9),
            max_ms: milliseconds(times.max()),
            mean_ms: times.mean() / 1_000.0,
            distribution: DRAWN.map(|percentile| (percentile, at(percentile))).to_vec(),
        }
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1_000.0
}

/// Milliseconds as people read them: three digits count.
pub(crate) fn shown(milliseconds: f64) -> String {
    if milliseconds >= 99.95 {
        format!("{milliseconds:.0}")
    } else if milliseconds >= 9.995 {
        format!("{milliseconds:.1}")
    } else {
        format!("{milliseconds:.2}")
    }
}
