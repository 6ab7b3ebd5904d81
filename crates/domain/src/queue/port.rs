//! What storage promises about the waiting room.

use super::{Gate, GatePatch, GateSettings, TokenRef, TokenStatus};
use crate::{catalog::InvalidField, clock::Timestamp, id::ScheduleId, money::Money, outcome::StoreError};
use async_trait::async_trait;

/// Reads places in line and gates; lets operators change gates.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait QueueQueries: Send + Sync {
    /// These tokens and where they stand at this moment, in the order asked for; `None` for one
    /// that there is not at its gate. Each position comes from one snapshot that is not older than
    /// the call.
    async fn statuses(&self, tokens: Vec<TokenRef>) -> Result<Vec<Option<TokenStatus>>, StoreError>;

    /// One of [`Self::statuses`].
    async fn status(&self, token: TokenRef) -> Result<Option<TokenStatus>, StoreError> {
        Ok(self.statuses(vec![token]).await?.pop().flatten())
    }

    /// The gate of a performance.
    async fn gate(&self, schedule: ScheduleId) -> Result<Option<Gate>, StoreError>;

    /// What happened at these gates since departures up to the one named with each were read.
    ///
    /// - Each gate's news come from one snapshot, which holds all that was visible at their `as_of`.
    /// - Departures have no gaps and become visible in their order, so going on from
    ///   [`GateNews::seen`] misses nobody and names nobody twice.
    /// - The news of one gate name at most [`MOST_LEAVERS`] fans.
    /// - A gate that does not exist has none.
    async fn gate_news(&self, after: Vec<(ScheduleId, u64)>) -> Result<Vec<GateNews>, StoreError>;

    /// Changes a gate by [`GatePatch::apply`] under the gate's lock; effective at the next
    /// admission on every instance. `None` when there is no such performance.
    async fn patch_gate(
        &self,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, StoreError>;

    /// The figures of a performance, with every state as it is at this moment.
    async fn stats(&self, schedule: ScheduleId) -> Result<Option<Stats>, StoreError>;
}

/// How many departures one [`GateNews`] covers at the most.
pub const MOST_LEAVERS: u64 = 10_000;

/// What happened at a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateNews {
    /// Which gate.
    pub schedule_id: ScheduleId,
    /// What the operator set.
    pub settings: GateSettings,
    /// The last number given out.
    pub issued: u64,
    /// How many were let in so far when it was their turn.
    pub admitted: u64,
    /// The gate's mark: see [`Gate::admitted_number`].
    pub admitted_number: u64,
    /// How many fans have left the line out of turn.
    pub departed: u64,
    /// The news tell of departures after this one …
    pub after: u64,
    /// … up to this one, which is `departed` unless those are too many for once.
    pub seen: u64,
    /// The numbers of those fans, in any order, as far as they are beyond the mark: who is not has
    /// no influence on anybody.
    pub leavers: Vec<u64>,
    /// Whatever was visible at this moment is in the news.
    pub as_of: Timestamp,
}

impl GateNews {
    /// How many fans wait, as long as booking has not closed.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.issued.saturating_sub(self.departed + self.admitted)
    }
}

/// The figures of a performance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// Seats by state.
    pub seats: SeatCounts,
    /// Tokens by state.
    pub tokens: TokenCounts,
    /// Reservations by state.
    pub reservations: ReservationCounts,
    /// The sum of all successful payments.
    pub revenue: Money,
    /// Fans let in during the last 60 seconds.
    pub admissions_last_minute: u64,
    /// How long the last fans let in (at most 10,000) had waited, in whole seconds, unordered.
    pub waits: Vec<u64>,
    /// Fans who were let in and lost the slot because they never claimed it.
    pub no_shows: u64,
    /// Fans who gave up waiting.
    pub leavers: u64,
    /// Fans whom an operator let in out of turn.
    pub let_through: u64,
}

/// Seats by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct SeatCounts {
    pub available: u64,
    pub held: u64,
    pub sold: u64,
}

/// Tokens by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct TokenCounts {
    pub waiting: u64,
    pub active: u64,
    pub completed: u64,
    pub expired: u64,
    pub left: u64,
}

/// Reservations by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct ReservationCounts {
    pub held: u64,
    pub confirmed: u64,
    pub expired: u64,
    pub released: u64,
}

/// The value below which `percent` of the values lie (nearest rank); `None` without values.
#[must_use]
pub fn percentile(values: &mut [u64], percent: usize) -> Option<u64> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied()
}

/// The background work (SPEC §4). Safe on any number of instances at once; each call does what
/// is due, in bounded steps, and changes nothing that the rules did not already make true.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Attendant: Send + Sync {
    /// At every gate with somebody waiting: ends tokens whose time is over, then lets in what
    /// [`super::admit`] allows, strictly by number, and moves the gate's mark. A gate that
    /// another instance is working on is passed over.
    ///
    /// Nobody is let in for a leader whose epoch is over ([`crate::leadership::Lease::epoch`]);
    /// without an epoch it does not matter who leads.
    async fn admit_due_in(&self, epoch: Option<u64>) -> Result<Admitted, StoreError>;

    /// [`Self::admit_due_in`], whoever leads.
    async fn admit_due(&self) -> Result<Admitted, StoreError> {
        self.admit_due_in(None).await
    }

    /// Frees the seats of lapsed holds, ends tokens whose time is over, deletes idempotency
    /// records past their time.
    async fn sweep(&self) -> Result<Swept, StoreError>;
}

/// What one round of admission did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Admitted {
    /// Fans let in.
    pub admitted: u64,
    /// Whether a gate could have let in more at once (its step was full): go on without waiting.
    pub more: bool,
}

/// What one sweep tidied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Lapsed holds whose seats were freed.
    pub holds: u64,
    /// Tokens that had run out.
    pub tokens: u64,
    /// Idempotency records past their time.
    pub records: u64,
}
