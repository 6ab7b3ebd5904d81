//! Whether the service lives, whether it is ready, and what it counts.

use crate::{
    api::Api,
    code::Code,
    endpoint::{Outcome, json},
    extract::Call,
    metrics,
    problem::Problem,
};
use actix_web::{HttpResponse, http::StatusCode};
use frontrow_domain::outcome::StoreError;
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use utoipa::ToSchema;

/// How long storage may take to show that it answers.
const PING_PATIENCE: Duration = Duration::from_secs(1);

/// What a probe wants to hear.
#[derive(Serialize, ToSchema)]
pub(crate) struct Health {
    /// Always `ok`.
    status: &'static str,
}

const OK: Health = Health { status: "ok" };

/// The process lives.
pub(crate) async fn live(_call: Call) -> Outcome {
    json(StatusCode::OK, &OK)
}

/// New callers are welcome: storage answers, and the process is not about to stop.
pub(crate) async fn ready(call: Call) -> Outcome {
    let not_ready = |detail| Err(Problem::new(Code::StorageUnavailable, detail));
    if call.api().is_draining() {
        return not_ready("the service is shutting down");
    }
    let late = StoreError::Unavailable("no answer in time".to_owned());
    let ping = |api: Arc<Api>| async move { api.storage.books.ping().await };
    if call.api().run(PING_PATIENCE, late, ping).await.is_err() {
        return not_ready("the storage does not answer");
    }
    json(StatusCode::OK, &OK)
}

/// The metrics in the `OpenMetrics` text format.
pub(crate) async fn metrics(call: Call) -> Outcome {
    let rendered = metrics::render(&call.api().registry)
        .map_err(|_| Problem::new(Code::Internal, "the metrics could not be rendered"))?;
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(HttpResponse::Ok().content_type(openmetrics).body(rendered))
}
