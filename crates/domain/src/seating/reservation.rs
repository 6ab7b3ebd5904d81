//! Seats held together by one fan.

use crate::{
    clock::Timestamp,
    id::{ReservationId, ScheduleId, TokenId, UserId},
    idempotency::RequestKey,
    money::Money,
};
use serde::{Deserialize, Serialize};

/// How far a reservation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReservationState {
    /// Waits to be paid.
    Held,
    /// Paid; the seats are sold.
    Confirmed,
    /// Was not paid in time.
    Expired,
    /// Given back, or the payment provider declined.
    Released,
}

impl ReservationState {
    /// Every state.
    pub const ALL: [ReservationState; 4] = [
        ReservationState::Held,
        ReservationState::Confirmed,
        ReservationState::Expired,
        ReservationState::Released,
    ];

    /// The state on the wire and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ReservationState::Held => "held",
            ReservationState::Confirmed => "confirmed",
            ReservationState::Expired => "expired",
            ReservationState::Released => "released",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A stored reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Identifies the reservation.
    pub id: ReservationId,
    /// At which performance.
    pub schedule_id: ScheduleId,
    /// For whom.
    pub user_id: UserId,
    /// With which token it was made.
    pub token_id: TokenId,
    /// The seats, in ascending order. They never change.
    pub seat_numbers: Vec<u32>,
    /// What they cost together.
    pub total_price: Money,
    /// The stored state; [`Self::state_at`] is the true one.
    pub state: ReservationState,
    /// From when the seats were held.
    pub held_at: Timestamp,
    /// Until when they are held.
    pub held_until: Timestamp,
    /// When the hold ended by release, lapse or payment.
    pub ended_at: Option<Timestamp>,
    /// The `Idempotency-Key` it came with; no two effects share one within its life.
    pub request_key: Option<RequestKey>,
}

impl Reservation {
    /// The state at this moment.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> ReservationState {
        let lapsed = self.state == ReservationState::Held && self.held_until <= now;
        if lapsed { ReservationState::Expired } else { self.state }
    }

    /// Stores what time has decided: the hold ended when its time was over. Seats that nobody has
    /// taken over since go by [`super::Seat::let_go_by`].
    pub fn lapse(&mut self) {
        self.state = ReservationState::Expired;
        self.ended_at = Some(self.held_until);
    }

    /// Whether its seats are out of others' reach: held or sold.
    #[must_use]
    pub fn keeps_seats(&self, now: Timestamp) -> bool {
        match self.state_at(now) {
            ReservationState::Held | ReservationState::Confirmed => true,
            ReservationState::Expired | ReservationState::Released => false,
        }
    }

    /// Whether it can still be paid or given back.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.state_at(now) == ReservationState::Held
    }
}
