//! Fans and their access tokens.

use crate::{
    api::Api,
    credentials::AccessToken,
    endpoint::{Outcome, json},
    extract::{Body, Call, Caller, Fields},
    limits::Rule,
    problem::Problem,
    wire::Instant,
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    id::UserId,
    identity::{ActingRefusal, GrantAccess, RegisterUser, Scope},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Who wants to sign up.
#[derive(ToSchema)]
pub(crate) struct SignUp {
    /// What the fan is called.
    #[schema(min_length = 1, max_length = 100, pattern = r"^[^\x00]*[^\s\x00][^\x00]*$")]
    name: String,
}

impl Body for SignUp {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        let name = fields.short_text("name", 100)?;
        Ok(Self { name })
    }
}

/// A fan who has just signed up.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignedUp {
    user_id: Uuid,
    name: String,
    /// Says who is calling: `Authorization: Bearer …`.
    access_token: String,
    access_token_expires_at: Instant,
}

/// A new access token.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccessGranted {
    user_id: Uuid,
    /// Says who is calling: `Authorization: Bearer …`.
    access_token: String,
    access_token_expires_at: Instant,
}

/// `POST /v1/users`
pub(crate) async fn sign_up(mut call: Call) -> Outcome {
    let open = call.api().settings.open_sign_up;
    let caller = if open && call.is_anonymous() {
        None
    } else {
        Some(call.caller().await?)
    };
    let is_operator = caller.as_ref().is_some_and(|caller| caller.has(Scope::UsersWrite));
    if !is_operator {
        if let Some(caller) = caller.as_ref().filter(|_| !open) {
            caller.require(Scope::UsersWrite)?;
        }
        call.limit_address(Rule::SignUp)?;
    }
    let received = call.body::<SignUp>().await?;
    let request = caller
        .as_ref()
        .map(|caller| call.keyed(caller, &received))
        .transpose()?;
    let command = RegisterUser {
        request: request.flatten(),
        user_id: UserId::mint(),
        name: received.body.name,
    };
    let user = call.desk.decide(command).await??;
    let (access_token, access_token_expires_at) = issue(call.api(), user.id);
    json(
        StatusCode::CREATED,
        &SignedUp {
            user_id: user.id.0,
            name: user.name,
            access_token,
            access_token_expires_at,
        },
    )
}

/// `POST /v1/users/{user_id}/access-tokens`
pub(crate) async fn grant_access(mut call: Call) -> Outcome {
    let caller = call.caller().await?;
    let user_id = UserId::from_client(&call.path("user_id"));
    match &caller {
        Caller::Fan(own) => call.limit_user(Rule::TokenIssue, *own)?,
        Caller::Operator(..) => caller.require(Scope::UsersWrite)?,
    }
    let received = call.no_body().await?;
    let request = call.keyed(&caller, &received)?;
    if matches!(caller, Caller::Fan(own) if own != user_id) {
        return Err(ActingRefusal::UserMismatch.into());
    }
    let command = GrantAccess { request, user_id };
    let user_id = call.desk.decide(command).await??;
    let (access_token, access_token_expires_at) = issue(call.api(), user_id);
    json(
        StatusCode::CREATED,
        &AccessGranted {
            user_id: user_id.0,
            access_token,
            access_token_expires_at,
        },
    )
}

fn issue(api: &Api, user: UserId) -> (String, Instant) {
    let token = AccessToken::issue(user, api.clock.now(), api.settings.access_token_life);
    (api.signer.access_token(&token), Instant(token.expires_at))
}
