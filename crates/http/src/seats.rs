//! The seat map.

use crate::{
    api::Api,
    dates::admitted,
    endpoint::Outcome,
    extract::{Booker, Call},
    fresh::NotBefore,
    limits::Rule,
    problem::Problem,
    wire::{Amount, Day, words},
};
use actix_web::{
    HttpResponse,
    http::header::{
        self, AcceptEncoding, ContentEncoding, ContentType, Encoding, EntityTag, Header as _, HeaderValue, IfNoneMatch,
        TryIntoHeaderValue as _,
    },
    web::Bytes,
};
use flate2::{Compression, write::GzEncoder};
use frontrow_domain::{
    catalog::{DateSelector, Schedule, SeatPlace},
    id::{ConcertId, ScheduleId},
    outcome::StoreError,
    queue::TokenStatus,
    seating::{HoldRefusal, SeatMap, SeatStatus},
};
use serde::Serialize;
use std::{
    fmt::Display,
    io::{self, Write as _},
    sync::Arc,
};
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

/// Which of a performance's maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    schedule: ScheduleId,
    only_available: bool,
    zipped: bool,
}

/// A map as it is sent.
pub(crate) struct Rendered {
    version: u64,
    tag: EntityTag,
    /// The tag as a header.
    etag: HeaderValue,
    body: Bytes,
}

/// `GET /v1/concerts/{concert_id}/dates/{date}/seats`
pub(crate) async fn list(call: Call) -> Outcome {
    let booker = call.booker(Rule::BookingRead).await?;
    let only_available = call.flag("available")?;
    let (_, schedule) = wanted(&call, &booker).await?;
    let shape = Shape {
        schedule: schedule.id,
        only_available,
        zipped: wants_gzip(&call),
    };
    let not_before = call.api().writes.not_before(booker.token.id);
    let map = match call.api().seat_maps.at_hand(shape, not_before) {
        Some(map) => {
            renew_in_time(call.api(), &schedule, shape);
            map
        }
        None => {
            let ask = move |api: Arc<Api>| async move {
                let ask = async |known| render(&api, schedule, shape, known).await;
                api.seat_maps.get(shape, not_before, ask).await
            };
            call.desk.read(ask).await?
        }
    };
    Ok(answer(&call, shape, &map))
}

/// The performance whose seats somebody wants to see who is inside there.
pub(crate) async fn wanted(call: &Call, booker: &Booker) -> Result<(TokenStatus, Arc<Schedule>), Problem> {
    let inside = admitted(call, booker).await?;
    let concert = ConcertId::from_client(&call.path("concert_id"));
    let date = DateSelector::from_client(&call.path("date"));
    let schedule = call.desk.performance(concert, date).await??;
    if inside.token.schedule_id != schedule.id {
        return Err(HoldRefusal::TokenScopeMismatch.into());
    }
    if !schedule.is_open_for_booking(inside.as_of) {
        return Err(HoldRefusal::BookingClosed.into());
    }
    Ok((inside, schedule))
}

/// Whoever finds a map that is getting old has it read anew, without waiting for that.
fn renew_in_time(api: &Arc<Api>, schedule: &Arc<Schedule>, shape: Shape) {
    if let Some(renewal) = api.seat_maps.renewal(shape) {
        let (api, schedule) = (api.clone(), schedule.clone());
        let runtime = api.runtime.clone();
        runtime.spawn(async move {
            let ask = async |known| render(&api, schedule, shape, known).await;
            renewal.with(ask).await;
        });
    }
}

fn answer(call: &Call, shape: Shape, map: &Rendered) -> HttpResponse {
    let known = is_known(call, map);
    let mut answer = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    answer
        .insert_header((header::ETAG, map.etag.clone()))
        .insert_header((header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")))
        .insert_header((header::VARY, HeaderValue::from_static("accept-encoding")));
    if known {
        return answer.finish();
    }
    if shape.zipped {
        answer.insert_header(ContentEncoding::Gzip);
    }
    answer.content_type(ContentType::json()).body(map.body.clone())
}

/// The seats of a performance. Where they were read before, only those are read again that have changed.
pub(crate) async fn current(
    api: &Api,
    schedule: ScheduleId,
    not_before: NotBefore,
) -> Result<Arc<SeatMap>, StoreError> {
    let seating = &api.storage.seating;
    let read = async |known: Option<Arc<SeatMap>>| match known {
        None => Ok(Arc::new(seating.seats(schedule).await?)),
        Some(known) => caught_up(api, schedule, known).await,
    };
    api.seats.get(schedule, not_before, read).await
}

/// A map that was read before, brought up to date.
pub(crate) async fn caught_up(
    api: &Api,
    schedule: ScheduleId,
    known: Arc<SeatMap>,
) -> Result<Arc<SeatMap>, StoreError> {
    let changes = api.storage.seating.changes(schedule, known.sums()).await?;
    // What shows the same need not be copied.
    if changes.seats.is_empty() {
        return Ok(known);
    }
    Ok(Arc::new(SeatMap::clone(&known).with(changes)))
}

/// Reads a map and writes it down: once for all who ask within a moment, and only if it has changed,
/// because for a large house that is a lot of work, and most of all the compression.
async fn render(
    api: &Api,
    schedule: Arc<Schedule>,
    shape: Shape,
    known: Option<Arc<Rendered>>,
) -> Result<Arc<Rendered>, StoreError> {
    let map = current(api, schedule.id, NotBefore::now()).await?;
    let version = map.version();
    if let Some(known) = known.filter(|known| known.version == version) {
        return Ok(known);
    }
    let write = move || -> io::Result<Rendered> {
        let view = SeatMapView::of(&schedule, &map, shape.only_available);
        let mut body = serde_json::to_vec(&view)?;
        if shape.zipped {
            let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
            zip.write_all(&body)?;
            body = zip.finish()?;
        }
        let tag = tag(view.version, shape.only_available);
        Ok(Rendered {
            version: view.version,
            etag: tag.clone().try_into_value().map_err(io::Error::other)?,
            tag,
            body: body.into(),
        })
    };
    let written = api.runtime.spawn_blocking(write).await;
    let defect = |error: &dyn Display| StoreError::Internal(format!("a seat map was not written: {error}"));
    let rendered = written.map_err(|error| defect(&error))?;
    Ok(Arc::new(rendered.map_err(|error| defect(&error))?))
}

/// Whether gzip suits the client better than plain text.
fn wants_gzip(call: &Call) -> bool {
    let ours = [Encoding::gzip(), Encoding::identity()];
    let accepted = AcceptEncoding::parse(call.request()).ok();
    accepted.and_then(|accepted| accepted.negotiate(ours.iter())) == Some(Encoding::gzip())
}

/// Maps with the same tag show the same. It is weak because compression changes the bytes.
fn tag(version: u64, only_available: bool) -> EntityTag {
    let shown = if only_available { "available" } else { "all" };
    EntityTag::new_weak(format!("{version}-{shown}"))
}

fn is_known(call: &Call, map: &Rendered) -> bool {
    if call.request().headers().get(header::IF_NONE_MATCH) == Some(&map.etag) {
        return true;
    }
    match IfNoneMatch::parse(call.request()) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&map.tag)),
        Err(_) => false,
    }
}
