//! Seats and reservations.

use crate::{
    codec::damaged,
    sqlite::{
        error::SqlError,
        schema::{reservations, seats},
        types::{Id, Moment, Named, Numbers, Whole},
    },
};
use diesel::prelude::*;
use frontrow_domain::{
    id::{ReservationId, ScheduleId, TokenId, UserId},
    idempotency::RequestKey,
    money::Currency,
    seating::{Reservation, ReservationState, Seat, SeatState},
};

/// A seat without its performance, which whoever reads it knows.
#[derive(Queryable, Selectable)]
#[diesel(table_name = seats, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct SeatRow {
    number: Whole<u32>,
    status: String,
    reservation_id: Option<Id>,
    user_id: Option<Id>,
    held_until: Option<Moment>,
    version: Whole<u64>,
}

impl SeatRow {
    pub(in crate::sqlite) fn of(self, schedule_id: ScheduleId) -> Result<Seat, SqlError> {
        let by = self.reservation_id.zip(self.user_id);
        let by = by.map(|(reservation, user)| (ReservationId(reservation.0), UserId(user.0)));
        let state = match (self.status.as_str(), by, self.held_until) {
            ("available", None, None) => SeatState::Available,
            ("held", Some((reservation_id, user_id)), Some(until)) => SeatState::Held {
                reservation_id,
                user_id,
                until: until.0,
            },
            ("sold", Some((reservation_id, user_id)), None) => SeatState::Sold {
                reservation_id,
                user_id,
            },
            _ => return Err(damaged("seat").into()),
        };
        Ok(Seat {
            schedule_id,
            number: self.number.0,
            state,
            version: self.version.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = reservations, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct ReservationRow {
    schedule_id: Id,
    reservation_id: Id,
    user_id: Id,
    token_id: Id,
    seat_numbers: Numbers,
    total_price: i64,
    state: Named<ReservationState>,
    held_at: Moment,
    held_until: Moment,
    ended_at: Option<Moment>,
    request_key: Option<Id>,
}

impl ReservationRow {
    pub(in crate::sqlite) fn in_currency(self, currency: Currency) -> Reservation {
        Reservation {
            id: ReservationId(self.reservation_id.0),
            schedule_id: ScheduleId(self.schedule_id.0),
            user_id: UserId(self.user_id.0),
            token_id: TokenId(self.token_id.0),
            seat_numbers: self.seat_numbers.0,
            total_price: currency.from_minor(self.total_price),
            state: self.state.0,
            held_at: self.held_at.0,
            held_until: self.held_until.0,
            ended_at: self.ended_at.map(|at| at.0),
            request_key: self.request_key.map(|key| RequestKey(key.0)),
        }
    }
}

impl From<&Reservation> for ReservationRow {
    fn from(reservation: &Reservation) -> Self {
        Self {
            schedule_id: Id(reservation.schedule_id.0),
            reservation_id: Id(reservation.id.0),
            user_id: Id(reservation.user_id.0),
            token_id: Id(reservation.token_id.0),
            seat_numbers: Numbers(reservation.seat_numbers.clone()),
            total_price: reservation.total_price.minor(),
            state: Named(reservation.state),
            held_at: Moment(reservation.held_at),
            held_until: Moment(reservation.held_until),
            ended_at: reservation.ended_at.map(Moment),
            request_key: reservation.request_key.map(|key| Id(key.0)),
        }
    }
}
