//! `Idempotency-Key`: scoped to caller and route (SPEC §2).

use super::{Booker, Call, Caller, Received, body::first_half};
use crate::problem::Problem;
use actix_web::http::header::HeaderName;
use frontrow_domain::idempotency::{RecordId, Request, RequestKey};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// The header with the caller's own name for a request.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a key may be.
const MOST_CHARACTERS: usize = 255;

/// Whose keys are told apart.
#[derive(Clone, Copy)]
pub(crate) struct KeyOwner {
    kind: &'static str,
    id: Uuid,
    /// With which place in line, where that matters.
    place: Uuid,
    /// The sharding key of the record.
    scope: Uuid,
}

impl From<&Caller> for KeyOwner {
    fn from(caller: &Caller) -> Self {
        let (kind, id) = match caller {
            Caller::Fan(user) => ("user", user.0),
            Caller::Operator(key, _) => ("operator", key.0),
        };
        Self {
            kind,
            id,
            place: Uuid::nil(),
            scope: id,
        }
    }
}

/// The records of booking calls live with the schedule. An operator who acts for a fan books as
/// that fan.
impl From<&Booker> for KeyOwner {
    fn from(booker: &Booker) -> Self {
        Self {
            kind: "booker",
            id: booker.user().unwrap_or(booker.token.user_id).0,
            place: booker.token.id.0,
            scope: booker.token.schedule_id.0,
        }
    }
}

impl Call {
    /// What the call's `Idempotency-Key` comes to, if it has one.
    pub(crate) fn keyed<B>(
        &self,
        owner: impl Into<KeyOwner>,
        received: &Received<B>,
    ) -> Result<Option<Request>, Problem> {
        let mut sent = self.request.headers().get_all(IDEMPOTENCY_KEY);
        let Some(first) = sent.next() else {
            return Ok(None);
        };
        let key = first.as_bytes();
        let characters = std::str::from_utf8(key).map_or(key.len(), |text| text.chars().count());
        if sent.next().is_some() || !(1..=MOST_CHARACTERS).contains(&characters) {
            let reason = "must be one key of 1 to 255 characters";
            return Err(Problem::invalid("Idempotency-Key", reason));
        }
        let owner = owner.into();
        let mut hash = Sha256::new();
        let (method, path) = (self.request.method().as_str(), self.request.path());
        let parts = [owner.kind.as_bytes(), method.as_bytes(), path.as_bytes(), key];
        hash.update(owner.id.as_bytes());
        hash.update(owner.place.as_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Ok(Some(Request {
            id: RecordId {
                scope: owner.scope,
                key: RequestKey(first_half(hash.finalize().into())),
            },
            fingerprint: received.fingerprint,
        }))
    }
}
