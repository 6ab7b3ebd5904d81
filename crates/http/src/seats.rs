//! The seat map.

use crate::{
    dates::admitted,
    endpoint::Outcome,
    extract::Call,
    limits::Rule,
    wire::{Amount, Day, words},
};
use actix_web::{
    HttpResponse,
    http::header::{CacheControl, CacheDirective, ContentType, ETag, EntityTag, Header as _, IfNoneMatch},
};
use frontrow_domain::{
    catalog::{DateSelector, Schedule, SeatPlace},
    id::ConcertId,
    outcome::StoreError,
    seating::{HoldRefusal, SeatStatus, port::SeatMap},
};
use serde::Serialize;
use utoipa::{ToSchema, openapi::Schema};
use uuid::Uuid;

/// Every seat of a performance.
#[derive(Serialize, ToSchema)]
#[schema(as = SeatMap)]
pub(crate) struct SeatMapView<'a> {
    concert_id: Uuid,
    schedule_id: Uuid,
    date: Day,
    /// Grows with every change of any seat.
    version: u64,
    seats: Vec<SeatView<'a>>,
}

/// One seat.
#[derive(Serialize, ToSchema)]
#[schema(as = Seat)]
pub(crate) struct SeatView<'a> {
    #[schema(minimum = 1)]
    seat_number: u32,
    /// The section's name; null where seats are only numbered.
    section: Option<&'a str>,
    /// The row within the section; null where seats are only numbered.
    row: Option<String>,
    /// What is on the ticket.
    label: String,
    price: Amount,
    #[schema(schema_with = status_words)]
    status: &'static str,
}

fn status_words() -> Schema {
    words([SeatStatus::Available, SeatStatus::Held, SeatStatus::Sold].map(SeatStatus::as_str))
}

impl<'a> SeatView<'a> {
    fn of(number: u32, place: &SeatPlace<'a>, status: SeatStatus) -> Self {
        let label = match (place.section, place.row, place.place) {
            (Some(section), Some(row), Some(seat)) => format!("{section}-{row}-{seat}"),
            _ => number.to_string(),
        };
        Self {
            seat_number: number,
            section: place.section,
            row: place.row.map(|row| row.to_string()),
            label,
            price: Amount(place.price),
            status: status.as_str(),
        }
    }
}

impl<'a> SeatMapView<'a> {
    fn of(schedule: &'a Schedule, map: &SeatMap, only_available: bool) -> Self {
        let wanted = |status| !only_available || status == SeatStatus::Available;
        let seats = map.seats.iter().zip(schedule.layout.seats());
        let seats = seats.filter_map(|(seat, (number, place))| {
            let status = seat.status_at(map.as_of);
            wanted(status).then(|| SeatView::of(number, &place, status))
        });
        Self {
            concert_id: schedule.concert_id.0,
            schedule_id: schedule.id.0,
            date: Day(schedule.date),
            version: map.version(),
            seats: seats.collect(),
        }
    }
}

/// `GET /v1/concerts/{concert_id}/dates/{date}/seats`
pub(crate) async fn list(call: Call) -> Outcome {
    let booker = call.booker(Rule::BookingRead).await?;
    let only_available = call.flag("available")?;
    let inside = admitted(&call, &booker).await?;
    let concert = ConcertId::from_client(&call.path("concert_id"));
    let date = DateSelector::from_client(&call.path("date"));
    let schedule = call
        .read(|api| async move { api.catalog.find(concert, date).await })
        .await??;
    if inside.token.schedule_id != schedule.id {
        return Err(HoldRefusal::TokenScopeMismatch.into());
    }
    if !schedule.is_open_for_booking(inside.as_of) {
        return Err(HoldRefusal::BookingClosed.into());
    }
    let known = IfNoneMatch::parse(call.request()).unwrap_or(IfNoneMatch::Items(Vec::new()));
    let rendered = call.read(move |api| async move {
        let map = api.storage.seating.seats(schedule.id).await?;
        let tag = tag(&map, only_available);
        let body = if is_known(&known, &tag) {
            None
        } else {
            let view = SeatMapView::of(&schedule, &map, only_available);
            Some(serde_json::to_vec(&view).map_err(|error| StoreError::Internal(error.to_string()))?)
        };
        Ok((tag, body))
    });
    let (tag, body) = rendered.await?;
    let mut answer = if body.is_some() {
        HttpResponse::Ok()
    } else {
        HttpResponse::NotModified()
    };
    answer
        .insert_header(ETag(tag))
        .insert_header(CacheControl(vec![CacheDirective::Private, CacheDirective::NoCache]));
    Ok(match body {
        Some(body) => answer.content_type(ContentType::json()).body(body),
        None => answer.finish(),
    })
}

/// Maps with the same tag show the same. It is weak because compression changes the bytes.
fn tag(map: &SeatMap, only_available: bool) -> EntityTag {
    let shown = if only_available { "available" } else { "all" };
    EntityTag::new_weak(format!("{}-{shown}", map.version()))
}

fn is_known(known: &IfNoneMatch, tag: &EntityTag) -> bool {
    match known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(tag)),
    }
}
