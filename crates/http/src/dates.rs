//! When a concert can still be booked.

use crate::{
    api::Api,
    endpoint::{Outcome, json},
    extract::{Booker, Call},
    fresh::NotBefore,
    limits::Rule,
    problem::Problem,
    queue,
    wire::{Day, Instant},
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    catalog::TargetRefusal,
    id::ConcertId,
    queue::{Errand, TokenRef, TokenState, TokenStatus, admits},
    seating::{HoldRefusal, port::Availability},
};
use serde::Serialize;
use std::sync::Arc;
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
        .desk
        .read(|api| async move { api.catalog.programme(concert).await })
        .await?;
    programme.ok_or(TargetRefusal::InvalidConcert)?;
    if inside.concert_id != concert {
        return Err(HoldRefusal::TokenScopeMismatch.into());
    }
    let not_before = call.api().writes.not_before(booker.token.id);
    let dates = match call.api().availability.at_hand(concert, not_before) {
        Some(dates) => dates,
        None => {
            let ask = move |api: Arc<Api>| async move {
                let ask = async |_| Ok(api.storage.seating.availability(concert).await?.into());
                api.availability.get(concert, not_before, ask).await
            };
            call.desk.read(ask).await?
        }
    };
    json(
        StatusCode::OK,
        &DatesView {
            concert_id: concert.0,
            dates: dates
                .iter()
                .filter(|date| date.is_bookable())
                .map(DateView::from)
                .collect(),
        },
    )
}

/// Where a token stands, or stood a moment ago. A slot that waits to be claimed is claimed now.
async fn place(call: &Call, token: TokenRef) -> Result<Option<TokenStatus>, Problem> {
    let (writes, claims) = (&call.api().writes, &call.api().claims);
    let mut not_before = writes.not_before(token.id).max(claims.not_before(token.id));
    match call.api().places.at_hand(token.id, not_before) {
        // Another instance may have told them since that it is their turn.
        Some(Some(status)) if status.state() == TokenState::Waiting => not_before = NotBefore::now(),
        Some(status) => return Ok(status),
        None => {}
    }
    let asked = call.desk.read(move |api| async move {
        let ask = async |_| api.statuses.ask(token).await;
        api.places.get(token.id, not_before, ask).await
    });
    match asked.await? {
        Some(status) if status.token.awaits_claim(status.as_of) => queue::visit(&call.desk, token).await,
        status => Ok(status),
    }
}

/// The checks marked † in SPEC §3, for calls that look before they book.
pub(crate) async fn admitted(call: &Call, booker: &Booker) -> Result<TokenStatus, Problem> {
    let status = place(call, booker.token).await?;
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
