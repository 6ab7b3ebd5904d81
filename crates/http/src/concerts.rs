//! What is sold, for everybody to see.

use crate::{
    endpoint::{Outcome, json},
    extract::{Call, List},
    wire::{Day, Instant},
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    catalog::{Programme, Schedule, TargetRefusal},
    id::ConcertId,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A concert with its performances.
#[derive(Serialize, ToSchema)]
#[schema(as = Concert)]
pub(crate) struct ConcertView {
    concert_id: Uuid,
    title: String,
    venue: String,
    /// The performances, in the order they start.
    schedules: Vec<ScheduleView>,
}

/// One performance.
#[derive(Serialize, ToSchema)]
#[schema(as = Schedule)]
pub(crate) struct ScheduleView {
    schedule_id: Uuid,
    date: Day,
    starts_at: Instant,
    booking_opens_at: Instant,
    booking_closes_at: Instant,
}

impl From<&Programme> for ConcertView {
    fn from(programme: &Programme) -> Self {
        Self {
            concert_id: programme.concert.id.0,
            title: programme.concert.title.clone(),
            venue: programme.concert.venue.clone(),
            schedules: programme
                .schedules
                .iter()
                .map(|schedule| (&**schedule).into())
                .collect(),
        }
    }
}

impl From<&Schedule> for ScheduleView {
    fn from(schedule: &Schedule) -> Self {
        Self {
            schedule_id: schedule.id.0,
            date: Day(schedule.date),
            starts_at: Instant(schedule.starts_at),
            booking_opens_at: Instant(schedule.booking_opens_at),
            booking_closes_at: Instant(schedule.booking_closes_at),
        }
    }
}

/// `GET /v1/concerts`
pub(crate) async fn list(call: Call) -> Outcome {
    let page = call.page::<ConcertId>()?;
    let page = call
        .desk
        .read(|api| async move { api.storage.catalog.programmes(page).await })
        .await?;
    json(
        StatusCode::OK,
        &List::of(page, |programme| ConcertView::from(&programme)),
    )
}

/// `GET /v1/concerts/{concert_id}`
pub(crate) async fn show(call: Call) -> Outcome {
    let concert = ConcertId::from_client(&call.path("concert_id"));
    let programme = call
        .desk
        .read(|api| async move { api.catalog.programme(concert).await })
        .await?;
    let programme = programme.ok_or(TargetRefusal::InvalidConcert)?;
    json(StatusCode::OK, &ConcertView::from(&*programme))
}
