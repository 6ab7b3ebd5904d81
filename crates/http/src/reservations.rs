//! Seats held and bought.

use crate::{
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields, whole_number},
    limits::Rule,
    problem::Problem,
    wire::{Amount, Day, Instant, seconds_until, success, words},
};
use actix_web::{HttpResponse, http::StatusCode};
use frontrow_domain::{
    catalog::DateSelector,
    clock::Timestamp,
    id::{ConcertId, ReservationId},
    money::Currency,
    seating::{HoldSeats, ReleaseHold, ReleaseRefusal, Reservation, ReservationState},
};
use serde::Serialize;
use serde_json::value::RawValue;
use time::Date;
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, Schema, Type},
};
use uuid::Uuid;

/// Which seats to hold.
#[derive(ToSchema)]
pub(crate) struct Hold {
    #[schema(format = Uuid)]
    concert_id: String,
    /// `YYYY-MM-DD` at the venue, or the exact start as an RFC 3339 date-time.
    date: String,
    #[schema(schema_with = wanted_seats)]
    seat_numbers: Vec<i64>,
}

fn wanted_seats() -> Schema {
    let seats = ArrayBuilder::new()
        .items(
            ObjectBuilder::new()
                .schema_type(Type::Integer)
                .minimum(Some(1))
                .maximum(Some(u32::MAX)),
        )
        .min_items(Some(1))
        .unique_items(true)
        .description(Some("Seats as the seat map numbers them, each once"));
    Schema::Array(seats.build())
}

impl Body for Hold {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        let concert_id = fields.name_of("concert_id")?;
        let date = fields.name_of("date")?;
        let numbers = fields.list("seat_numbers")?;
        let numbers = numbers.into_iter().map(seat_number).collect::<Option<_>>();
        Ok(Self {
            concert_id,
            date,
            seat_numbers: numbers.ok_or_else(|| fields.invalid("seat_numbers", "must be whole numbers"))?,
        })
    }
}

/// A whole number is a seat number, though no seat carries one that is negative or huge. What is
/// beyond counting stands at the end of what can be counted.
fn seat_number(json: &RawValue) -> Option<i64> {
    let number = whole_number(json)?;
    let end = if number.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(number.parse().unwrap_or(end))
}

/// Seats held together by one fan.
#[derive(Serialize, ToSchema)]
#[schema(as = Reservation)]
pub(crate) struct ReservationView {
    #[schema(schema_with = success)]
    status: &'static str,
    reservation_id: Uuid,
    user_id: Uuid,
    concert_id: Uuid,
    schedule_id: Uuid,
    date: Day,
    seat_numbers: Vec<u32>,
    total_price: Amount,
    currency: String,
    #[schema(schema_with = state_words)]
    state: &'static str,
    /// Until when the seats are, or were, held unpaid.
    held_until: Instant,
    /// How long the hold still lasts; 0 when it has ended.
    remaining_seconds: u64,
}

fn state_words() -> Schema {
    words(ReservationState::ALL.map(ReservationState::as_str))
}

impl ReservationView {
    fn of(reservation: &Reservation, play: (ConcertId, Date), currency: Currency, as_of: Timestamp) -> Self {
        let (concert_id, date) = play;
        let state = reservation.state_at(as_of);
        let remaining_seconds = match state {
            ReservationState::Held => seconds_until(reservation.held_until, as_of),
            ReservationState::Confirmed | ReservationState::Expired | ReservationState::Released => 0,
        };
        Self {
            status: "success",
            reservation_id: reservation.id.0,
            user_id: reservation.user_id.0,
            concert_id: concert_id.0,
            schedule_id: reservation.schedule_id.0,
            date: Day(date),
            seat_numbers: reservation.seat_numbers.clone(),
            total_price: Amount(reservation.total_price),
            currency: currency.code().to_owned(),
            state: state.as_str(),
            held_until: Instant(reservation.held_until),
            remaining_seconds,
        }
    }
}

/// `POST /v1/reservations`
pub(crate) async fn create(mut call: Call) -> Outcome {
    let booker = call.booker(Rule::Hold).await?;
    let received = call.body::<Hold>().await?;
    let request = call.keyed(&booker, &received)?;
    let wanted = received.body;
    let concert = ConcertId::from_client(&wanted.concert_id);
    let date = DateSelector::from_client(&wanted.date);
    let command = HoldSeats {
        request,
        reservation_id: ReservationId::mint(),
        token: booker.token,
        actor: booker.actor,
        target: call.desk.performance(concert, date).await?,
        seat_numbers: wanted.seat_numbers,
    };
    let held = call.desk.decide_at(booker.token.id, command).await??;
    let currency = call.api().policy.currency;
    let view = ReservationView::of(&held.reservation, (held.concert_id, held.date), currency, held.as_of);
    json(StatusCode::CREATED, &view)
}

/// `GET /v1/reservations/{reservation_id}`
pub(crate) async fn show(call: Call) -> Outcome {
    let (_, actor) = call.fan(Rule::BookingRead).await?;
    let id = ReservationId::from_client(&call.path("reservation_id"));
    let found = call
        .desk
        .read(|api| async move { api.storage.seating.reservation(id).await })
        .await?;
    let found = found.ok_or(ReleaseRefusal::InvalidReservation)?;
    if !actor.may_touch(found.reservation.user_id) {
        return Err(ReleaseRefusal::UserMismatch.into());
    }
    let play = (found.schedule.concert_id, found.schedule.date);
    let view = ReservationView::of(&found.reservation, play, call.api().policy.currency, found.as_of);
    json(StatusCode::OK, &view)
}

/// `DELETE /v1/reservations/{reservation_id}`
pub(crate) async fn release(call: Call) -> Outcome {
    let (_, actor) = call.fan(Rule::BookingRead).await?;
    let id = ReservationId::from_client(&call.path("reservation_id"));
    let found = call
        .desk
        .read(|api| async move { api.storage.seating.reservation(id).await })
        .await?;
    let found = found.ok_or(ReleaseRefusal::InvalidReservation)?.reservation;
    let command = ReleaseHold {
        reservation_id: id,
        made_with: (found.schedule_id, found.token_id),
        actor,
    };
    call.desk.decide_at(found.token_id, command).await??;
    Ok(HttpResponse::NoContent().finish())
}
