//! Giving held seats back.

use super::ReservationState;
use crate::{
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{ReservationId, TokenId},
    identity::Actor,
};
use uuid::Uuid;

/// Gives a reservation back (`DELETE /v1/reservations/{id}`).
#[derive(Debug, Clone)]
pub struct ReleaseHold {
    /// Which reservation.
    pub reservation_id: ReservationId,
    /// At which performance it was made, and with which token.
    pub made_with: (crate::id::ScheduleId, TokenId),
    /// Whose authority the call carries.
    pub actor: Actor,
}

/// Why a reservation was not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseRefusal {
    /// There is no such reservation.
    #[error("there is no such reservation")]
    InvalidReservation,
    /// It is not the caller's.
    #[error("the reservation belongs to another user")]
    UserMismatch,
    /// It is paid, lapsed or given back already.
    #[error("the reservation is not held")]
    NotHeld,
}

impl Decide for ReleaseHold {
    type Verdict = Result<(), ReleaseRefusal>;

    fn shard(&self) -> Uuid {
        self.made_with.0.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.tokens.insert(self.made_with);
        needs.holds_of.insert(self.made_with);
        needs.reservations.insert((self.made_with.0, self.reservation_id));
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        let reservation = rows
            .reservations
            .get(&self.reservation_id)
            .ok_or(ReleaseRefusal::InvalidReservation)?;
        if !self.actor.may_touch(reservation.user_id) {
            return Err(ReleaseRefusal::UserMismatch);
        }
        if !reservation.is_held(now) {
            return Err(ReleaseRefusal::NotHeld);
        }
        let token = reservation.token_id;
        release(rows, self.reservation_id, now);
        fit_token(rows, token, now);
        Ok(())
    }
}

/// Ends a hold and frees the seats that are still its own.
pub(crate) fn release(rows: &mut WorkingSet, id: ReservationId, now: Timestamp) {
    let Some(reservation) = rows.reservations.get_mut(&id) else {
        return;
    };
    reservation.state = ReservationState::Released;
    reservation.ended_at = Some(now);
    let schedule = reservation.schedule_id;
    let numbers = reservation.seat_numbers.clone();
    for number in numbers {
        let seat = rows.seats.get(&(schedule, number));
        if let Some(free) = seat.and_then(|seat| seat.let_go_by(id)) {
            rows.put_seat(free);
        }
    }
}

/// Fits a token's end to the holds it still has.
pub(crate) fn fit_token(rows: &mut WorkingSet, token: TokenId, now: Timestamp) {
    let last_hold = rows.holds_of(token, now).iter().map(|hold| hold.held_until).max();
    if let Some(token) = rows.tokens.get_mut(&token).filter(|token| token.state.is_live()) {
        token.fit_to(last_hold, now);
    }
}
