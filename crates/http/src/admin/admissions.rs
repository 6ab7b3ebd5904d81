//! Fans whom an operator lets in out of turn.

use super::gates::no_such_schedule;
use crate::{
    code::Code,
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields},
    problem::Problem,
    queue::{TokenView, forecast},
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    id::{ScheduleId, UserId},
    identity::Scope,
    queue::{LetThrough, NamedFan},
};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whom to let in: exactly one of the two.
#[derive(ToSchema)]
pub(crate) struct Admission {
    /// The fan.
    #[schema(format = Uuid)]
    user_id: Option<String>,
    /// The fan's place in line.
    queue_token: Option<String>,
}

impl Body for Admission {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        let admission = Self {
            user_id: fields.optional_name_of("user_id")?,
            queue_token: fields.optional_name_of("queue_token")?,
        };
        match (&admission.user_id, &admission.queue_token) {
            (Some(_), None) | (None, Some(_)) => Ok(admission),
            (Some(_), Some(_)) => Err(fields.invalid("queue_token", "must not be there beside user_id")),
            (None, None) => Err(fields.invalid("user_id", "is missing, and so is queue_token")),
        }
    }
}

impl Admission {
    fn named(&self, call: &Call) -> Result<NamedFan, Problem> {
        if let Some(user) = &self.user_id {
            return Ok(NamedFan::User(UserId::from_client(user)));
        }
        // A text that is no queue token names none.
        let ticket = self.queue_token.as_deref();
        let ticket = ticket.and_then(|text| call.api().signer.read_queue_token(text));
        let ticket = ticket.ok_or_else(|| Problem::new(Code::NotFound, "there is no such queue token"))?;
        Ok(NamedFan::Token(ticket.token))
    }
}

/// `POST /v1/admin/schedules/{schedule_id}/admissions`
pub(crate) async fn create(mut call: Call) -> Outcome {
    let caller = call.operator(Scope::QueueWrite).await?;
    let received = call.body::<Admission>().await?;
    let request = call.keyed(&caller, &received)?;
    let id = ScheduleId::from_client(&call.path("schedule_id"));
    let schedule = call
        .desk
        .read(|api| async move { api.storage.catalog.schedule(id).await });
    let schedule = Arc::new(schedule.await?.ok_or_else(no_such_schedule)?);
    let command = LetThrough {
        request,
        wish: Uuid::now_v7(),
        fan: received.body.named(&call)?,
        outlook: forecast(&call.desk, id).await.outlook,
        schedule,
    };
    let let_in = call.desk.decide(command).await??;
    let answer = if let_in.fresh {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    json(answer, &TokenView::of(&let_in.status, None, None))
}
