//! What happens to every request, whatever it asks for: it gets an id, is counted and logged, is
//! turned away when there is too much to do, and its answer carries the headers all answers have.

use crate::{
    api::{InFlight, Worker},
    code::Code,
    endpoint::MatchedPath,
    problem::Problem,
};
use actix_web::{
    Error, HttpMessage as _,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use frontrow_domain::idempotency::RequestKey;
use std::{fmt, rc::Rc, time::Instant};
use uuid::Uuid;

/// The header in which every answer names its request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Finds a request in the logs. Always our own: a caller's id could be anything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestId(Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Wraps everything else.
pub(crate) async fn edge<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let started = Instant::now();
    let id = RequestId(Uuid::now_v7());
    request.extensions_mut().insert(id);
    let Some(worker) = request.app_data::<Rc<Worker>>().cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let mut answer = match admit(&worker, &request) {
        Ok(in_flight) => {
            let answer = next.call(request).await?.map_into_boxed_body();
            drop(in_flight);
            answer
        }
        Err(overloaded) => {
            let answer = overloaded.answer(request.request());
            request.into_response(answer)
        }
    };
    if let Ok(id) = HeaderValue::from_str(id.0.hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    add_safe_defaults(answer.headers_mut());
    if worker.api.is_draining() {
        // The client's next request is better sent to another instance.
        answer
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    report(&worker, id, &answer, started);
    Ok(answer)
}

/// Health and metrics are answered however much there is to do: they tell that there is.
fn admit(worker: &Rc<Worker>, request: &ServiceRequest) -> Result<Option<InFlight>, Problem> {
    let path = request.path();
    if path.starts_with("/health/") || path == "/metrics" {
        return Ok(None);
    }
    let admitted = worker.admit_request();
    admitted
        .map(Some)
        .ok_or_else(|| Problem::new(Code::Overloaded, "there is more to do than can be done soon"))
}

/// Answers are private and not to be guessed at, unless they say otherwise themselves.
fn add_safe_defaults(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

/// One line in the log and one count for each answer. Neither says more of a request than its
/// method and route: paths and headers may carry what belongs to the caller.
fn report(worker: &Worker, id: RequestId, answer: &ServiceResponse, started: Instant) {
    let request = answer.request();
    let method = request.method();
    let matched = request.extensions().get::<MatchedPath>().copied();
    let route = matched.map_or("unmatched", |matched| matched.0);
    let status = answer.status().as_u16();
    let code = answer
        .response()
        .extensions()
        .get::<Code>()
        .map_or("ok", |code| code.as_str());
    let took = started.elapsed();
    worker.counts.answered(method, route, status, code, took);
    let key = answer.response().extensions().get::<RequestKey>().map(|key| key.0);
    let theirs = request
        .headers()
        .get(REQUEST_ID)
        .and_then(|theirs| theirs.to_str().ok());
    tracing::info!(
        target: "frontrow::access",
        request_id = %id,
        request_key = key.map(tracing::field::display),
        caller_request_id = theirs.map(|theirs| theirs.chars().take(64).collect::<String>()),
        method = method.as_str(),
        route,
        status,
        code,
        micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
}
