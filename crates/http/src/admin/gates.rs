//! How fans are let in, while they are let in.

use crate::{
    code::Code,
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields},
    problem::Problem,
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    id::ScheduleId,
    identity::Scope,
    queue::{GatePatch, GateSettings},
};
use serde::Serialize;
use utoipa::ToSchema;

/// How a gate lets fans in.
#[derive(Serialize, ToSchema)]
#[schema(as = Gate)]
pub(crate) struct GateView {
    /// How many fans may be inside at once.
    max_active: u32,
    /// How many fans are let in a minute at the most, spread over the minute.
    admissions_per_minute: u32,
    /// How long a fan may be inside, counted from the first call.
    session_seconds: u32,
    /// Whether nobody is let in for now.
    paused: bool,
}

impl From<GateSettings> for GateView {
    fn from(settings: GateSettings) -> Self {
        Self {
            max_active: settings.max_active,
            admissions_per_minute: settings.admissions_per_minute,
            session_seconds: settings.session_seconds,
            paused: settings.paused,
        }
    }
}

/// What is to be different at a gate; what is not there stays as it is.
#[derive(Default, ToSchema)]
pub(crate) struct GateChange {
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_active: Option<u32>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    admissions_per_minute: Option<u32>,
    #[schema(minimum = 1, maximum = 86_400)]
    session_seconds: Option<u32>,
    paused: Option<bool>,
}

impl Body for GateChange {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            max_active: fields.optional_count("max_active")?,
            admissions_per_minute: fields.optional_count("admissions_per_minute")?,
            session_seconds: fields.optional_count("session_seconds")?,
            paused: fields.optional_flag("paused")?,
        })
    }
}

impl GateChange {
    pub(crate) fn patch(&self) -> GatePatch {
        GatePatch {
            max_active: self.max_active,
            admissions_per_minute: self.admissions_per_minute,
            session_seconds: self.session_seconds,
            paused: self.paused,
        }
    }
}

/// `GET /v1/admin/schedules/{schedule_id}/gate`
pub(crate) async fn show(call: Call) -> Outcome {
    call.operator(Scope::QueueWrite).await?;
    let schedule = ScheduleId::from_client(&call.path("schedule_id"));
    let gate = call
        .desk
        .read(|api| async move { api.storage.queue.gate(schedule).await })
        .await?;
    let gate = gate.ok_or_else(no_such_schedule)?;
    json(StatusCode::OK, &GateView::from(gate.settings))
}

/// `PATCH /v1/admin/schedules/{schedule_id}/gate`
pub(crate) async fn change(mut call: Call) -> Outcome {
    call.operator(Scope::QueueWrite).await?;
    let patch = call.body::<GateChange>().await?.body.patch();
    let schedule = ScheduleId::from_client(&call.path("schedule_id"));
    let gate = call
        .desk
        .write(|api| async move { api.storage.queue.patch_gate(schedule, patch).await })
        .await?;
    let gate = gate.ok_or_else(no_such_schedule)?.map_err(|invalid| {
        // Here the gate is the body itself.
        Problem::invalid(invalid.field.trim_start_matches("gate."), invalid.reason)
    })?;
    json(StatusCode::OK, &GateView::from(gate.settings))
}

pub(crate) fn no_such_schedule() -> Problem {
    Problem::new(Code::InvalidSchedule, "there is no such schedule")
}
