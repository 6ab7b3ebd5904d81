//! How a gate lets fans in.

use crate::{catalog::InvalidField, clock::Timestamp, id::ScheduleId};
use serde::{Deserialize, Serialize};
use time::Duration;

/// What an operator sets at a gate (SPEC §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSettings {
    /// How many fans may be inside at once, 1 to 1,000,000.
    pub max_active: u32,
    /// How many fans are let in a minute at the most, 1 to 1,000,000.
    pub admissions_per_minute: u32,
    /// How long a fan may be inside, counted from the claim, 1 to 86,400 seconds.
    pub session_seconds: u32,
    /// Whether nobody is let in for now.
    pub paused: bool,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            max_active: 100,
            admissions_per_minute: 600,
            session_seconds: 600,
            paused: false,
        }
    }
}

impl GateSettings {
    /// The session as a duration.
    #[must_use]
    pub fn session(&self) -> Duration {
        Duration::seconds(i64::from(self.session_seconds))
    }

    /// Refuses settings that make no sense.
    ///
    /// # Errors
    /// Names the first field that is out of bounds.
    pub fn check(&self) -> Result<(), InvalidField> {
        let within = |field, value: u32, most: u32, reason| {
            if (1..=most).contains(&value) {
                Ok(())
            } else {
                Err(InvalidField { field, reason })
            }
        };
        let million = "must be 1 to 1000000";
        within("gate.max_active", self.max_active, 1_000_000, million)?;
        within(
            "gate.admissions_per_minute",
            self.admissions_per_minute,
            1_000_000,
            million,
        )?;
        within(
            "gate.session_seconds",
            self.session_seconds,
            86_400,
            "must be 1 to 86400",
        )
    }
}

/// What an operator wants changed at a gate; `None` leaves a setting as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GatePatch {
    /// See [`GateSettings::max_active`].
    pub max_active: Option<u32>,
    /// See [`GateSettings::admissions_per_minute`].
    pub admissions_per_minute: Option<u32>,
    /// See [`GateSettings::session_seconds`]; counts for fans admitted from now on.
    pub session_seconds: Option<u32>,
    /// See [`GateSettings::paused`].
    pub paused: Option<bool>,
}

impl GatePatch {
    /// The settings with this change.
    ///
    /// # Errors
    /// As [`GateSettings::check`].
    pub fn apply(&self, to: GateSettings) -> Result<GateSettings, InvalidField> {
        let patched = GateSettings {
            max_active: self.max_active.unwrap_or(to.max_active),
            admissions_per_minute: self.admissions_per_minute.unwrap_or(to.admissions_per_minute),
            session_seconds: self.session_seconds.unwrap_or(to.session_seconds),
            paused: self.paused.unwrap_or(to.paused),
        };
        patched.check()?;
        Ok(patched)
    }
}

/// A gate as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whose gate.
    pub schedule_id: ScheduleId,
    /// What the operator set.
    pub settings: GateSettings,
    /// The highest number let in so far: every lower one has left the line.
    pub admitted_number: u64,
    /// How many were let in so far when it was their turn.
    pub admitted: u64,
    /// The earliest moment at which the pace allows the next admission.
    pub next_slot_at: Option<Timestamp>,
}

impl Gate {
    /// The gate of a new performance.
    #[must_use]
    pub fn new(schedule_id: ScheduleId, settings: GateSettings) -> Self {
        Self {
            schedule_id,
            settings,
            admitted_number: 0,
            admitted: 0,
            next_slot_at: None,
        }
    }
}
