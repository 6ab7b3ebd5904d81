//! Fans and their access tokens.

use super::{credential::Credential, operation::Operation};
use crate::{
    code::Code,
    users::{AccessGranted, SignUp, SignedUp},
};
use frontrow_domain::identity::Scope;
use serde_json::json;

pub(crate) fn sign_up() -> Operation {
    Operation::new("signUp", "accounts", "Sign a fan up")
        .credential(Credential::SignUp)
        .body::<SignUp>(json!({"name": "Mina"}))
        .answer::<SignedUp>(
            201,
            "The fan, with an access token",
            json!({
                "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
                "name": "Mina",
                "access_token": "fra_AQGapMJ9EHzDmlQ_b2zwoAE…",
                "access_token_expires_at": "2026-12-31T10:00:00.000Z",
            }),
        )
}

pub(crate) fn grant_access() -> Operation {
    Operation::new("grantAccessToken", "accounts", "Give a fan a new access token")
        .description("Access tokens given earlier stay valid until they expire.")
        .credential(Credential::Fan(Scope::UsersWrite))
        .codes(&[Code::UserMismatch, Code::InvalidUser])
        .codes(&[
            Code::MalformedRequest,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
        ])
        .answer::<AccessGranted>(
            201,
            "The access token",
            json!({
                "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
                "access_token": "fra_AQGapMJ9EHzDmlQ_b2zwoAE…",
                "access_token_expires_at": "2026-12-31T10:00:00.000Z",
            }),
        )
}
