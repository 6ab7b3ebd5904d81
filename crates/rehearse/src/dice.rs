//! Chance that repeats: whoever has the same seed and number throws the same.

use rand::{RngExt as _, SeedableRng as _, rngs::Xoshiro256PlusPlus};
use std::time::Duration;

/// Somebody's own source of chance.
#[derive(Debug)]
pub(crate) struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// Those of one fan.
    pub(crate) fn of_fan(seed: u64, number: u32) -> Self {
        // An odd factor keeps (seed, number) and (seed + 1, number - 1) apart.
        let own = (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(Xoshiro256PlusPlus::seed_from_u64(seed ^ own))
    }

    /// Those of the crowd's arrivals.
    pub(crate) fn of_arrivals(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Seconds until the next event of a Poisson process.
    pub(crate) fn gap(&mut self, per_second: f64) -> f64 {
        // From (0, 1]: the logarithm of 0 would be no moment at all.
        let chance = 1.0 - self.0.random::<f64>();
        (-chance.ln() / per_second).max(1e-9)
    }

    /// Between half and one and a half of the mean.
    pub(crate) fn about(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(0.5 + self.0.random::<f64>())
    }

    /// Whether something of this likelihood happens.
    pub(crate) fn happens(&mut self, likelihood: f64) -> bool {
        self.0.random::<f64>() < likelihood
    }

    /// A number below `end`, or 0 when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }
}
