//! Putting performances on sale.

use super::gates::{GateChange, GateView};
use crate::{
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields, MOST_LAYOUT_BYTES},
    problem::Problem,
    wire::{Day, Instant, price_in},
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    catalog::{CatalogRefusal, CreateSchedule, ScheduleCreated, SeatBlock, SeatLayout},
    id::{ConcertId, ScheduleId},
    identity::Scope,
    money::{Currency, Money},
    queue::GateSettings,
};
use serde::Serialize;
use serde_json::value::RawValue;
use time::OffsetDateTime;
use utoipa::{
    PartialSchema as _, ToSchema,
    openapi::{ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type},
};
use uuid::Uuid;

/// The most that a seat may cost, in whole units of the currency.
const MOST_PRICE: &str = "1000000000";

/// What is to be performed, and how it is sold.
#[derive(ToSchema)]
pub(crate) struct NewSchedule {
    /// The offset is the venue's and decides the `date`.
    #[schema(value_type = String, format = DateTime)]
    starts_at: OffsetDateTime,
    /// From when on fans are let in; may lie in the past.
    #[schema(value_type = String, format = DateTime)]
    booking_opens_at: OffsetDateTime,
    /// From when on no seat can be held; not after `starts_at`.
    #[schema(value_type = String, format = DateTime)]
    booking_closes_at: OffsetDateTime,
    seats: NewSeats,
    /// What is not named has its default.
    #[schema(schema_with = gate_or_null, required = false)]
    gate: Option<GateChange>,
}

fn gate_or_null() -> Schema {
    let gate = OneOfBuilder::new()
        .item(Ref::from_schema_name(GateChange::name()))
        .item(ObjectBuilder::new().schema_type(Type::Null));
    Schema::OneOf(gate.build())
}

/// The seats of a performance, at most 100,000: numbered from 1, or by section.
pub(crate) enum NewSeats {
    Numbered(NumberedSeats),
    Sections(SeatSections),
}

impl utoipa::PartialSchema for NewSeats {
    fn schema() -> RefOr<Schema> {
        let either = OneOfBuilder::new()
            .item(Ref::from_schema_name(NumberedSeats::name()))
            .item(Ref::from_schema_name(SeatSections::name()));
        let either = either.description(Some("At most 100,000 seats: numbered from 1, or by section"));
        Schema::OneOf(either.build()).into()
    }
}

impl ToSchema for NewSeats {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NumberedSeats::name().into(), NumberedSeats::schema()));
        NumberedSeats::schemas(schemas);
        schemas.push((SeatSections::name().into(), SeatSections::schema()));
        SeatSections::schemas(schemas);
    }
}

/// Seats 1 to `count` at one price.
#[derive(ToSchema)]
pub(crate) struct NumberedSeats {
    #[schema(minimum = 1, maximum = 100_000)]
    count: u32,
    #[schema(schema_with = price_in)]
    price: Box<RawValue>,
}

/// Sections with rows of seats, numbered through.
#[derive(ToSchema)]
pub(crate) struct SeatSections {
    #[schema(min_items = 1)]
    sections: Vec<NewSection>,
}

/// Rows of seats at one price.
#[derive(ToSchema)]
pub(crate) struct NewSection {
    #[schema(min_length = 1, max_length = 50, pattern = r"^[^\x00]*[^\s\x00][^\x00]*$")]
    name: String,
    #[schema(minimum = 1, maximum = 100_000)]
    rows: u32,
    #[schema(minimum = 1, maximum = 100_000)]
    seats_per_row: u32,
    #[schema(schema_with = price_in)]
    price: Box<RawValue>,
}

impl Body for NewSchedule {
    const MOST_BYTES: usize = MOST_LAYOUT_BYTES;

    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            starts_at: fields.instant("starts_at")?,
            booking_opens_at: fields.instant("booking_opens_at")?,
            booking_closes_at: fields.instant("booking_closes_at")?,
            seats: read_seats(fields.object("seats")?)?,
            gate: read_gate(fields)?,
        })
    }
}

fn read_gate(fields: &mut Fields<'_>) -> Result<Option<GateChange>, Problem> {
    let Some(mut gate) = fields.optional_object("gate")? else {
        return Ok(None);
    };
    let change = GateChange::read(&mut gate)?;
    gate.end()?;
    Ok(Some(change))
}

fn read_seats(mut seats: Fields<'_>) -> Result<NewSeats, Problem> {
    let Some(sections) = seats.raw("sections") else {
        let numbered = NumberedSeats {
            count: seats.count("count")?,
            price: seats.required("price")?.to_owned(),
        };
        seats.end()?;
        return Ok(NewSeats::Numbered(numbered));
    };
    let list: Vec<&RawValue> =
        serde_json::from_str(sections.get()).map_err(|_| seats.invalid("sections", "must be a list"))?;
    let read = |(index, section)| read_section(&format!("seats.sections[{index}]"), section);
    let sections = list.into_iter().enumerate().map(read).collect::<Result<_, _>>()?;
    seats.end()?;
    Ok(NewSeats::Sections(SeatSections { sections }))
}

fn read_section(at: &str, section: &RawValue) -> Result<NewSection, Problem> {
    let mut section = Fields::of(at, section)?;
    let read = NewSection {
        name: section.short_text("name", 50)?,
        rows: section.count("rows")?,
        seats_per_row: section.count("seats_per_row")?,
        price: section.required("price")?.to_owned(),
    };
    section.end()?;
    Ok(read)
}

impl NewSeats {
    fn layout(self, currency: Currency) -> Result<SeatLayout, Problem> {
        let most = currency.parse_json_number(MOST_PRICE);
        let price = |at: &str, literal: &RawValue| -> Result<Money, Problem> {
            let price = currency
                .parse_json_number(literal.get())
                .filter(|price| Some(*price) <= most);
            price.ok_or_else(|| {
                let reason = format!("must be an amount of the deployment's currency, up to {MOST_PRICE}");
                Problem::invalid(at, &reason)
            })
        };
        match self {
            Self::Numbered(seats) => Ok(SeatLayout::numbered(seats.count, price("seats.price", &seats.price)?)),
            Self::Sections(SeatSections { sections }) => {
                let block = |(index, section): (usize, NewSection)| {
                    Ok(SeatBlock {
                        price: price(&format!("seats.sections[{index}].price"), &section.price)?,
                        section: Some(section.name),
                        rows: section.rows,
                        seats_per_row: section.seats_per_row,
                    })
                };
                sections
                    .into_iter()
                    .enumerate()
                    .map(block)
                    .collect::<Result<_, _>>()
                    .map(SeatLayout)
            }
        }
    }
}

/// A performance that is on sale now.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduleCreated)]
pub(crate) struct ScheduleCreatedView {
    schedule_id: Uuid,
    concert_id: Uuid,
    date: Day,
    starts_at: Instant,
    booking_opens_at: Instant,
    booking_closes_at: Instant,
    seats_total: u32,
    currency: String,
    gate: GateView,
}

impl ScheduleCreatedView {
    fn of(created: &ScheduleCreated, currency: Currency) -> Self {
        let schedule = &created.schedule;
        Self {
            schedule_id: schedule.id.0,
            concert_id: schedule.concert_id.0,
            date: Day(schedule.date),
            starts_at: Instant(schedule.starts_at),
            booking_opens_at: Instant(schedule.booking_opens_at),
            booking_closes_at: Instant(schedule.booking_closes_at),
            seats_total: schedule.layout.len(),
            currency: currency.code().to_owned(),
            gate: created.gate.into(),
        }
    }
}

/// `POST /v1/admin/concerts/{concert_id}/schedules`
pub(crate) async fn create(mut call: Call) -> Outcome {
    let caller = call.operator(Scope::CatalogWrite).await?;
    let received = call.body::<NewSchedule>().await?;
    let request = call.keyed(&caller, &received)?;
    let currency = call.api().policy.currency;
    let concert_id = ConcertId::from_client(&call.path("concert_id"));
    let new = received.body;
    let gate = new.gate.unwrap_or_default();
    let command = CreateSchedule {
        request,
        schedule_id: ScheduleId::mint(),
        concert_id,
        starts_at: new.starts_at,
        booking_opens_at: new.booking_opens_at,
        booking_closes_at: new.booking_closes_at,
        layout: new.seats.layout(currency)?,
        gate: gate
            .patch()
            .apply(GateSettings::default())
            .map_err(CatalogRefusal::from)?,
    };
    let created = call.desk.decide(command).await??;
    call.api().catalog.forget(concert_id);
    json(StatusCode::CREATED, &ScheduleCreatedView::of(&created, currency))
}
