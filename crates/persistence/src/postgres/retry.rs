//! Running a transaction again: bounded, jittered, counted.

use super::error::{Failure, Reason};
use crate::metrics::StoreMetrics;
use frontrow_domain::outcome::StoreError;
use std::time::{Duration, Instant};

/// After this long nothing is started again. Longer than a `COMMIT` is waited for, because one
/// that is in doubt calls for another attempt.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// How often one thing is run at the most.
const MOST_ATTEMPTS: u32 = 10;

/// The pause before the first repetition, at the most; it doubles from there.
const FIRST_PAUSE: Duration = Duration::from_millis(2);

/// How often and how long a transaction has been tried.
pub(super) struct Retry<'m> {
    metrics: &'m StoreMetrics,
    started: Instant,
    attempts: u32,
}

impl<'m> Retry<'m> {
    pub(super) fn new(metrics: &'m StoreMetrics) -> Self {
        Self {
            metrics,
            started: Instant::now(),
            attempts: 1,
        }
    }

    /// Waits for the moment to run it again; the error is what to say when there is none.
    pub(super) async fn again_after(&mut self, failure: Failure) -> Result<(), StoreError> {
        let reason = match failure {
            Failure::Again(reason) => reason,
            Failure::Final(error) => return Err(error),
        };
        if self.attempts >= MOST_ATTEMPTS {
            return Err(reason.give_up());
        }
        if self.started.elapsed() >= PATIENCE {
            return Err(StoreError::Unavailable(format!("out of time: {reason:?}")));
        }
        self.metrics.retried(reason.label());
        tracing::debug!(?reason, attempts = self.attempts, "running a transaction again");
        tokio::time::sleep(self.pause(&reason)).await;
        self.attempts += 1;
        Ok(())
    }

    fn pause(&self, reason: &Reason) -> Duration {
        let longest = FIRST_PAUSE * 2_u32.saturating_pow(self.attempts.min(6));
        match reason {
            // Whoever came first has committed: there is nothing to wait for.
            Reason::Raced(_) if self.attempts == 1 => Duration::ZERO,
            Reason::Raced(_) | Reason::Serialization | Reason::Deadlock | Reason::ConnectionLost(_) => {
                longest.mul_f64(rand::random_range(0.0..1.0))
            }
        }
    }
}
