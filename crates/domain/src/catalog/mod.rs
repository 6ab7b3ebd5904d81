//! What is on sale: concerts, their performances, and how their seats lie.

mod layout;
pub mod port;
pub mod service;

pub use layout::{SeatBlock, SeatLayout, SeatPlace};

use crate::{
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{ConcertId, ScheduleId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
    queue::{Gate, GateSettings, Line},
};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// What is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concert {
    /// Identifies the concert.
    pub id: ConcertId,
    /// 1 to 200 characters.
    pub title: String,
    /// 1 to 200 characters.
    pub venue: String,
    /// When it was put on the list.
    pub created_at: Timestamp,
}

/// One performance of a concert. It never changes once created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Identifies the performance and its gate.
    pub id: ScheduleId,
    /// What is performed.
    pub concert_id: ConcertId,
    /// The day at the venue.
    pub date: Date,
    /// When it starts.
    pub starts_at: Timestamp,
    /// From when on fans are let in.
    pub booking_opens_at: Timestamp,
    /// From when on nobody is let in and no seat can be held.
    pub booking_closes_at: Timestamp,
    /// How the seats lie and what they cost.
    pub layout: SeatLayout,
    /// When it was put on sale.
    pub created_at: Timestamp,
}

impl Schedule {
    /// Whether seats can be looked at and held.
    #[must_use]
    pub fn is_open_for_booking(&self, now: Timestamp) -> bool {
        self.booking_opens_at <= now && now < self.booking_closes_at
    }
}

/// A concert with its performances, in the order they start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// The concert.
    pub concert: Concert,
    /// Its performances by `starts_at`.
    pub schedules: Vec<std::sync::Arc<Schedule>>,
}

/// The moment in UTC; `None` when that lies outside the years 0 to 9999, which RFC 3339 cannot tell.
fn in_utc(at: OffsetDateTime) -> Option<Timestamp> {
    let utc = at.checked_to_offset(UtcOffset::UTC)?;
    (utc.year() >= 0).then_some(utc)
}

/// A `date` as a client gave it (SPEC §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateSelector {
    /// A day at the venue.
    On(Date),
    /// The exact start.
    At(Timestamp),
    /// A text that is no date, and so no date on which anything plays.
    Unknown,
}

impl DateSelector {
    /// Reads `YYYY-MM-DD` or an RFC 3339 date-time.
    #[must_use]
    pub fn from_client(text: &str) -> Self {
        let day = time::macros::format_description!("[year]-[month]-[day]");
        // The parser would take a sign in front of the year.
        let plain = text.starts_with(|first: char| first.is_ascii_digit());
        if !plain {
            return Self::Unknown;
        }
        if let Ok(date) = Date::parse(text, &day) {
            return Self::On(date);
        }
        match OffsetDateTime::parse(text, &Rfc3339) {
            Ok(at) => in_utc(at).map_or(Self::Unknown, Self::At),
            Err(_) => Self::Unknown,
        }
    }

    fn matches(self, schedule: &Schedule) -> bool {
        match self {
            Self::On(date) => schedule.date == date,
            Self::At(at) => schedule.starts_at == at,
            Self::Unknown => false,
        }
    }
}

/// Why a concert and a date name no performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetRefusal {
    /// There is no such concert.
    #[error("there is no such concert")]
    InvalidConcert,
    /// The concert does not play then.
    #[error("the concert does not play then")]
    InvalidDate,
    /// The concert plays more than once that day.
    #[error("the concert plays more than once that day; name the exact start")]
    AmbiguousDate,
}

/// Finds the performance that a concert and a date name.
///
/// # Errors
/// See [`TargetRefusal`].
pub fn find(programme: Option<&Programme>, date: DateSelector) -> Result<std::sync::Arc<Schedule>, TargetRefusal> {
    let programme = programme.ok_or(TargetRefusal::InvalidConcert)?;
    let mut matching = programme.schedules.iter().filter(|schedule| date.matches(schedule));
    match (matching.next(), matching.next()) {
        (None, _) => Err(TargetRefusal::InvalidDate),
        (Some(one), None) => Ok(one.clone()),
        (Some(_), Some(_)) => Err(TargetRefusal::AmbiguousDate),
    }
}

/// A field that a rule does not accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidField {
    /// The field's path in the body.
    pub field: &'static str,
    /// What it must be.
    pub reason: &'static str,
}

/// Refuses a text that is not 1 to 200 characters long.
fn check_text(field: &'static str, text: &str) -> Result<(), InvalidField> {
    let length = text.trim().chars().count();
    if (1..=200).contains(&length) {
        return Ok(());
    }
    Err(InvalidField {
        field,
        reason: "must have 1 to 200 characters",
    })
}

/// Puts a concert on the list (`POST /v1/admin/concerts`).
#[derive(Debug, Clone)]
pub struct CreateConcert {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// The id the concert will have.
    pub concert_id: ConcertId,
    /// 1 to 200 characters.
    pub title: String,
    /// 1 to 200 characters.
    pub venue: String,
}

/// Why a concert or schedule was not created.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// A field is not acceptable.
    #[error(transparent)]
    Invalid(#[from] InvalidField),
    /// There is no such concert.
    #[error("there is no such concert")]
    InvalidConcert,
    /// The concert already has a performance that starts then.
    #[error("the concert already has a performance that starts then")]
    ScheduleExists,
}

impl Decide for CreateConcert {
    type Verdict = Result<Concert, CatalogRefusal>;

    fn shard(&self) -> uuid::Uuid {
        self.concert_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(self.request.as_ref());
        needs.concerts.insert(self.concert_id);
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match rows.screen(self.request.as_ref(), now)? {
            Screened::Done(Recorded::Concert(concert)) => return Ok(concert),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        if let Some(made_before) = rows.concerts.get(&self.concert_id) {
            return Ok(made_before.clone());
        }
        check_text("title", &self.title)?;
        check_text("venue", &self.venue)?;
        let concert = Concert {
            id: self.concert_id,
            title: self.title.trim().to_owned(),
            venue: self.venue.trim().to_owned(),
            created_at: now,
        };
        rows.concerts.insert(concert.id, concert.clone());
        rows.remember(self.request.as_ref(), Recorded::Concert(concert.clone()), now);
        Ok(concert)
    }
}

/// Puts a performance on sale (`POST /v1/admin/concerts/{concert_id}/schedules`).
#[derive(Debug, Clone)]
pub struct CreateSchedule {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// The id the performance will have.
    pub schedule_id: ScheduleId,
    /// What is performed.
    pub concert_id: ConcertId,
    /// When it starts; the offset is the venue's and decides the `date`.
    pub starts_at: OffsetDateTime,
    /// From when on fans are let in; may lie in the past.
    pub booking_opens_at: OffsetDateTime,
    /// From when on no seat can be held; not after `starts_at`.
    pub booking_closes_at: OffsetDateTime,
    /// How the seats lie.
    pub layout: SeatLayout,
    /// How fans are let in.
    pub gate: GateSettings,
}

/// A performance as it was put on sale.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleCreated {
    /// The performance.
    pub schedule: Schedule,
    /// Its gate's settings.
    pub gate: GateSettings,
}

impl CreateSchedule {
    fn check(&self) -> Result<(), InvalidField> {
        for (field, at) in [
            ("starts_at", self.starts_at),
            ("booking_opens_at", self.booking_opens_at),
            ("booking_closes_at", self.booking_closes_at),
        ] {
            if in_utc(at).is_none() {
                let reason = "must lie in the years 0 to 9999 of UTC";
                return Err(InvalidField { field, reason });
            }
        }
        if self.booking_closes_at > self.starts_at {
            let reason = "must not be after starts_at";
            return Err(InvalidField {
                field: "booking_closes_at",
                reason,
            });
        }
        if self.booking_opens_at >= self.booking_closes_at {
            let reason = "must be before booking_closes_at";
            return Err(InvalidField {
                field: "booking_opens_at",
                reason,
            });
        }
        self.layout.check()?;
        self.gate.check()
    }
}

impl Decide for CreateSchedule {
    type Verdict = Result<ScheduleCreated, CatalogRefusal>;

    fn shard(&self) -> uuid::Uuid {
        self.concert_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(self.request.as_ref());
        needs.concerts.insert(self.concert_id);
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match rows.screen(self.request.as_ref(), now)? {
            Screened::Done(Recorded::Schedule(created)) => return Ok(*created),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        if let Some(made_before) = rows.schedules.get(&self.schedule_id) {
            return Ok(ScheduleCreated {
                schedule: made_before.clone(),
                gate: self.gate,
            });
        }
        self.check()?;
        if rows.concerts.get(&self.concert_id).is_none() {
            return Err(CatalogRefusal::InvalidConcert);
        }
        let utc = |at: OffsetDateTime| crate::clock::to_micros(at.to_offset(UtcOffset::UTC));
        let starts_at = utc(self.starts_at);
        let twice = |other: &Schedule| other.concert_id == self.concert_id && other.starts_at == starts_at;
        if rows.schedules.values().any(twice) {
            return Err(CatalogRefusal::ScheduleExists);
        }
        let schedule = Schedule {
            id: self.schedule_id,
            concert_id: self.concert_id,
            date: self.starts_at.date(),
            starts_at,
            booking_opens_at: utc(self.booking_opens_at),
            booking_closes_at: utc(self.booking_closes_at),
            layout: self.layout.clone(),
            created_at: now,
        };
        let gate = Gate::new(schedule.id, self.gate);
        rows.lines.insert(schedule.id, Line::new(&schedule, gate));
        rows.schedules.insert(schedule.id, schedule.clone());
        let created = ScheduleCreated {
            schedule,
            gate: self.gate,
        };
        let recorded = Recorded::Schedule(Box::new(created.clone()));
        rows.remember(self.request.as_ref(), recorded, now);
        Ok(created)
    }
}
