//! Health, metrics and the document itself.

use super::operation::Operation;
use crate::{code::Code, health::Health};
use serde_json::json;

pub(crate) fn live() -> Operation {
    Operation::new("live", "service", "Whether the process lives")
        .without_storage()
        .answer::<Health>(200, "It lives", json!({"status": "ok"}))
}

pub(crate) fn ready() -> Operation {
    Operation::new("ready", "service", "Whether new callers are welcome")
        .without_storage()
        .answer::<Health>(200, "They are", json!({"status": "ok"}))
        .codes(&[Code::StorageUnavailable])
}

pub(crate) fn metrics() -> Operation {
    Operation::new("metrics", "service", "Metrics for Prometheus")
        .without_storage()
        .plain_answer(
            200,
            "The metrics in the OpenMetrics text format",
            "application/openmetrics-text",
        )
}

pub(crate) fn document() -> Operation {
    Operation::new("openapi", "service", "This document")
        .without_storage()
        .plain_answer(200, "An OpenAPI 3.1 document", "application/json")
        .codes(&[Code::Overloaded])
}

pub(crate) fn docs() -> Operation {
    Operation::new("docs", "service", "This document to browse")
        .without_storage()
        .plain_answer(308, "The page is at `/docs/`", "")
        .codes(&[Code::Overloaded])
}

pub(crate) fn docs_page() -> Operation {
    Operation::new("docsPage", "service", "The page of the documentation")
        .without_storage()
        .plain_answer(200, "The page", "text/html")
        .codes(&[Code::Overloaded])
}

pub(crate) fn docs_file() -> Operation {
    Operation::new("docsFile", "service", "A file of the documentation page")
        .without_storage()
        .plain_answer(200, "The file", "*/*")
        .codes(&[Code::NotFound, Code::Overloaded])
}
