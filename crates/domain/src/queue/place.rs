//! Telling a fan the truth about where they stand.

use super::{Gate, GateSettings, QueueToken, TokenState};
use crate::{
    catalog::Schedule,
    clock::Timestamp,
    id::{ConcertId, ScheduleId},
    policy::Policy,
};
use serde::{Deserialize, Serialize};
use time::Date;

/// The end of a line, where numbers are given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose line.
    pub schedule_id: ScheduleId,
    /// The last number given out.
    pub issued: u64,
    /// How many fans left before their turn: the last departure given out.
    pub departed: u64,
    /// The gate in front of it.
    pub gate: Gate,
}

impl Line {
    /// The empty line of a new performance.
    #[must_use]
    pub fn new(schedule: &Schedule, gate: Gate) -> Self {
        Self {
            schedule_id: schedule.id,
            issued: 0,
            departed: 0,
            gate,
        }
    }

    /// How many fans wait, as long as booking has not closed: who is given a number either still
    /// waits, or was let in, or left.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.issued.saturating_sub(self.departed + self.gate.admitted)
    }
}

/// Where a waiting fan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// 1 for the next to enter.
    pub position: u64,
    /// When the fan may expect to enter; `None` while the gate is paused.
    pub estimated_wait_seconds: Option<u64>,
    /// When to ask again.
    pub poll_after_seconds: u64,
}

impl Place {
    /// Tells a fan with `ahead` fans before them where they stand.
    #[must_use]
    pub fn of(ahead: u64, gate: &GateSettings, booking_opens_at: Timestamp, policy: &Policy, now: Timestamp) -> Self {
        let until_opening = u64::try_from((booking_opens_at - now).whole_seconds()).unwrap_or(0);
        let in_line = (ahead * 60).div_ceil(u64::from(gate.admissions_per_minute.max(1)));
        let wait = until_opening + in_line;
        let longest = u64::try_from(policy.claim.whole_seconds() / 2).unwrap_or(1).max(1);
        Self {
            position: ahead + 1,
            estimated_wait_seconds: (!gate.paused).then_some(wait),
            poll_after_seconds: (wait / 10).clamp(1, longest),
        }
    }
}

/// All there is to say about a token at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// The token as stored.
    pub token: QueueToken,
    /// For which concert.
    pub concert_id: ConcertId,
    /// For which day at the venue.
    pub date: Date,
    /// Where the fan stands, while waiting.
    pub place: Option<Place>,
    /// The moment this was true.
    pub as_of: Timestamp,
}

impl TokenStatus {
    /// The state at the moment of the status.
    #[must_use]
    pub fn state(&self) -> TokenState {
        self.token.state_at(self.as_of)
    }

    /// When the token ends by itself, while inside.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        (self.state() == TokenState::Active).then_some(self.token.lapses_at)
    }
}
