//! Errors as clients see them: RFC 9457 `application/problem+json`.

use crate::{code::Code, edge::RequestId};
use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};
use frontrow_domain::idempotency::{Request, RequestKey};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Why a call got no success.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: String,
    retry_after: Option<Duration>,
    seat_numbers: Option<Vec<i64>>,
    allow: Option<Box<str>>,
    repeats: Option<RequestKey>,
    cause: Option<Box<str>>,
}

impl Problem {
    /// A problem with what the caller should know about it; nothing internal belongs there.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let retry_after = code.may_pass().then_some(Duration::from_secs(1));
        Self {
            code,
            detail: detail.into(),
            retry_after,
            seat_numbers: None,
            allow: None,
            repeats: None,
            cause: None,
        }
    }

    /// Says when it makes sense to try again.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self
        }
    }

    /// Names the seats it is about.
    pub(crate) fn about_seats(self, seat_numbers: Vec<i64>) -> Self {
        Self {
            seat_numbers: Some(seat_numbers),
            ..self
        }
    }

    /// The answer to a keyed request that gets the same bytes each time: what names the request is
    /// its key then.
    pub(crate) fn repeating(self, request: Option<Request>) -> Self {
        Self {
            repeats: request.map(|request| request.id.key),
            ..self
        }
    }

    /// What only the log is told, under the request's id.
    pub(crate) fn caused_by(self, cause: impl Into<Box<str>>) -> Self {
        Self {
            cause: Some(cause.into()),
            ..self
        }
    }

    /// Says which methods there are.
    pub(crate) fn allowing(self, methods: &str) -> Self {
        Self {
            allow: Some(methods.into()),
            ..self
        }
    }

    /// Something that must not happen did.
    pub(crate) fn defect(reason: impl Into<Box<str>>) -> Self {
        let detail = "the request could not be answered; it is logged under its request_id";
        Self::new(Code::Internal, detail).caused_by(reason)
    }

    /// A credential is missing or no good; which one is not a secret, why is.
    pub(crate) fn invalid_token(which: &str) -> Self {
        Self::new(Code::InvalidToken, format!("{which} is missing or not valid"))
    }

    /// A part of the request is not what it must be.
    pub(crate) fn invalid(field: &str, reason: &str) -> Self {
        Self::new(Code::ValidationFailed, format!("{field}: {reason}"))
    }

    /// The answer to a request.
    pub(crate) fn answer(self, request: &HttpRequest) -> HttpResponse {
        let own = request.extensions().get::<RequestId>().map(ToString::to_string);
        self.log(own.as_deref().unwrap_or_default());
        let repeats = self.repeats;
        let request_id = repeats.map(|key| key.0.to_string()).or(own);
        let mut answer = self.answer_at(request.path(), request_id.unwrap_or_default());
        if let Some(key) = repeats {
            answer.extensions_mut().insert(key);
        }
        answer
    }

    fn log(&self, request_id: &str) {
        let Some(reason) = &self.cause else { return };
        let code = self.code.as_str();
        if self.code == Code::Internal {
            tracing::error!(request_id, code, reason, "a defect");
        } else {
            tracing::warn!(request_id, code, reason, "storage brought no answer");
        }
    }

    fn answer_at(self, path: &str, request_id: String) -> HttpResponse {
        let code = self.code;
        let wait = self.retry_after.map(whole_seconds);
        let body = ProblemBody {
            type_uri: code.type_uri(),
            title: code.title(),
            status: code.status().as_u16(),
            detail: self.detail,
            instance: path.to_owned(),
            code: code.as_str(),
            request_id,
            retry_after_seconds: wait,
            seat_numbers: self.seat_numbers,
        };
        let mut answer = HttpResponse::build(code.status()).json(&body);
        let headers = answer.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        if code == Code::InvalidToken {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(allow) = self.allow.and_then(|allow| HeaderValue::from_str(&allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        answer.extensions_mut().insert(code);
        answer
    }
}

/// `Retry-After` counts whole seconds, and never says at once.
fn whole_seconds(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The body of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Names the kind of problem; stable.
    #[serde(rename = "type")]
    type_uri: &'static str,
    /// The kind of problem in words; the same every time.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// The path that was called.
    instance: String,
    /// The kind of problem as a word to program against.
    code: &'static str,
    /// Finds this request in the service's logs; also in the header `x-request-id`.
    request_id: String,
    /// When it makes sense to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 1)]
    retry_after_seconds: Option<u64>,
    /// The seats that are taken or do not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    seat_numbers: Option<Vec<i64>>,
}
