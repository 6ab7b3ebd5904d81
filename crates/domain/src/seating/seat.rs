//! One seat of one performance.

use crate::{
    clock::Timestamp,
    id::{ReservationId, ScheduleId, UserId},
};

/// What a client sees of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatStatus {
    /// Can be held.
    Available,
    /// In a hold that still counts.
    Held,
    /// Sold.
    Sold,
}

impl SeatStatus {
    /// The status on the wire and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SeatStatus::Available => "available",
            SeatStatus::Held => "held",
            SeatStatus::Sold => "sold",
        }
    }
}

/// A seat's stored state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeatState {
    /// Nobody's.
    Available,
    /// Held for a while.
    Held {
        /// By which reservation.
        reservation_id: ReservationId,
        /// For whom.
        user_id: UserId,
        /// Until when; from that very moment on it is open to others.
        until: Timestamp,
    },
    /// Owned for good.
    Sold {
        /// By which reservation.
        reservation_id: ReservationId,
        /// By whom.
        user_id: UserId,
    },
}

/// A seat as stored. Where it lies and what it costs is in the performance's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// At which performance.
    pub schedule_id: ScheduleId,
    /// Its number in the layout, from 1.
    pub number: u32,
    /// The stored state.
    pub state: SeatState,
    /// Grows with every change of the state: by two where a held seat becomes somebody's, by one otherwise.
    pub version: u64,
}

impl Seat {
    /// A seat of a new performance.
    #[must_use]
    pub fn new(schedule_id: ScheduleId, number: u32) -> Self {
        Self {
            schedule_id,
            number,
            state: SeatState::Available,
            version: 0,
        }
    }

    /// What it is found by.
    #[must_use]
    pub fn key(&self) -> (ScheduleId, u32) {
        (self.schedule_id, self.number)
    }

    /// Whether it can be held. A lapsed hold is a free seat: the sweeper tidies rows, it never
    /// changes what is true.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.status_at(now) == SeatStatus::Available
    }

    /// What a client sees at this moment.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> SeatStatus {
        match self.state {
            SeatState::Available => SeatStatus::Available,
            SeatState::Held { until, .. } if until <= now => SeatStatus::Available,
            SeatState::Held { .. } => SeatStatus::Held,
            SeatState::Sold { .. } => SeatStatus::Sold,
        }
    }

    /// Who the stored state says has it, lapsed or not.
    #[must_use]
    pub fn holder(&self) -> Option<UserId> {
        match self.state {
            SeatState::Available => None,
            SeatState::Held { user_id, .. } | SeatState::Sold { user_id, .. } => Some(user_id),
        }
    }

    /// Until when the stored state holds it, lapsed or not.
    #[must_use]
    pub fn held_until(&self) -> Option<Timestamp> {
        match self.state {
            SeatState::Held { until, .. } => Some(until),
            SeatState::Available | SeatState::Sold { .. } => None,
        }
    }

    /// Which reservation the stored state belongs to.
    #[must_use]
    pub fn reservation(&self) -> Option<ReservationId> {
        match self.state {
            SeatState::Available => None,
            SeatState::Held { reservation_id, .. } | SeatState::Sold { reservation_id, .. } => Some(reservation_id),
        }
    }

    /// How often the seat has visibly changed: a lapse that no sweep has stored counts already.
    #[must_use]
    pub fn version_at(&self, now: Timestamp) -> u64 {
        self.version + u64::from(self.has_lapsed(now))
    }

    /// The seat after a change.
    #[must_use]
    pub fn changed_to(&self, state: SeatState) -> Self {
        let was_held = matches!(self.state, SeatState::Held { .. });
        let is_free = state == SeatState::Available;
        // Somebody may have seen the hold end, even if this was decided before: what was decided in
        // time can become visible later. To them this is a second change.
        let lapse = u64::from(was_held && !is_free);
        Self {
            state,
            version: self.version + 1 + lapse,
            ..*self
        }
    }

    /// The seat after a reservation lets go of it; `None` when it is not, or no longer, that
    /// reservation's.
    #[must_use]
    pub fn let_go_by(&self, reservation: ReservationId) -> Option<Self> {
        let own = self.reservation() == Some(reservation);
        own.then(|| self.changed_to(SeatState::Available))
    }

    fn has_lapsed(&self, now: Timestamp) -> bool {
        matches!(self.state, SeatState::Held { until, .. } if until <= now)
    }
}
