//! Putting concerts on the list.

use crate::{
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields},
    problem::Problem,
};
use actix_web::http::StatusCode;
use frontrow_domain::{catalog::CreateConcert, id::ConcertId, identity::Scope};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is to be sold.
#[derive(ToSchema)]
pub(crate) struct NewConcert {
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00]*[^\s\x00][^\x00]*$")]
    title: String,
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00]*[^\s\x00][^\x00]*$")]
    venue: String,
}

impl Body for NewConcert {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            title: fields.short_text("title", 200)?,
            venue: fields.short_text("venue", 200)?,
        })
    }
}

/// A concert without performances yet.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConcertCreated {
    concert_id: Uuid,
    title: String,
    venue: String,
}

/// `POST /v1/admin/concerts`
pub(crate) async fn create(mut call: Call) -> Outcome {
    let caller = call.operator(Scope::CatalogWrite).await?;
    let received = call.body::<NewConcert>().await?;
    let command = CreateConcert {
        request: call.keyed(&caller, &received)?,
        concert_id: ConcertId::mint(),
        title: received.body.title,
        venue: received.body.venue,
    };
    let concert = call.desk.decide(command).await??;
    json(
        StatusCode::CREATED,
        &ConcertCreated {
            concert_id: concert.id.0,
            title: concert.title,
            venue: concert.venue,
        },
    )
}
