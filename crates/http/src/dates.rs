//! When a concert can still be booked.

use crate::{
    endpoint::Outcome,
    extract::{Booker, Call},
    limits::Rule,
    problem::Problem,
    queue,
    wire::{Day, Instant},
};
use actix_web::HttpResponse;
use frontrow_domain::{
    catalog::TargetRefusal,
    id::ConcertId,
    queue::{Errand, TokenStatus, admits},
    seating::{HoldRefusal, port::Availability},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// When a concert can be booked.
#[derive(Serialize, ToSchema)]
#[schema(as = Dates)]
pub(crate) struct DatesView {
    concert_id: Uuid,
    /// Performances that are open for booking and not sold out.
    dates: Vec<DateView>,
}

/// A performance that can be booked.
#[derive(Serialize, ToSchema)]
#[schema(as = BookableDate)]
pub(crate) struct DateView {
    schedule_id: Uuid,
    date: Day,
    starts_at: Instant,
    booking_closes_at: Instant,
    seats_total: u32,
    /// Seats that are neither held nor sold.
    seats_available: u64,
}

impl From<&Availability> for DateView {
    fn from(availability: &Availability) -> Self {
        let schedule = &availability.schedule;
        Self {
            schedule_id: schedule.id.0,
            date: Day(schedule.date),
            starts_at: Instant(schedule.starts_at),
            booking_closes_at: Instant(schedule.booking_closes_at),
            seats_total: schedule.layout.len(),
            seats_available: availability.seats_available,
        }
    }
}

/// `GET /v1/concerts/{concert_id}/dates`
pub(crate) async fn list(call: Call) -> Outcome {
    let booker = call.booker(Rule::BookingRead).await?;
    let concert = ConcertId::from_client(&call.path("concert_id"));
    let inside = admitted(&call, &booker).await?;
    let programme = call
        .read(|api| async move { api.catalog.programme(concert).await })
        .await?;
    programme.ok_or(TargetRefusal::InvalidConcert)?;
    if inside.concert_id != concert {
        return Err(HoldRefusal::TokenScopeMismatch.into());
    }
    let dates = call
        .read(|api| async move { api.storage.seating.availability(concert).await })
        .await?;
    Ok(HttpResponse::Ok().json(DatesView {
        concert_id: concert.0,
        dates: dates
            .iter()
            .filter(|date| date.is_bookable())
            .map(DateView::from)
            .collect(),
    }))
}

/// The checks marked † in SPEC §3, for calls that look before they book.
pub(crate) async fn admitted(call: &Call, booker: &Booker) -> Result<TokenStatus, Problem> {
    let status = queue::visit(call, booker.token).await?;
    let as_of = status.as_ref().map(|status| status.as_of);
    let token = status.as_ref().map(|status| &status.token);
    admits(
        token,
        booker.user(),
        Errand::Book,
        as_of.unwrap_or_else(|| call.api().clock.now()),
    )?;
    status.ok_or_else(|| Problem::invalid_token("the Queue-Token"))
}
