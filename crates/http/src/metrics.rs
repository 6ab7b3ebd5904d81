//! What the HTTP side counts.

use crate::streams::StreamMetrics;
use actix_web::http::Method;
use frontrow_domain::audit::Report;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use std::{cell::RefCell, collections::HashMap, time::Duration};

/// The metrics of the HTTP side. Clones count into the same numbers.
#[derive(Clone)]
pub struct HttpMetrics {
    requests: Family<Answered, Counter>,
    seconds: Family<Route, Histogram>,
    pub(crate) in_flight: Gauge,
    violations: Family<Violated, Gauge>,
    pub(crate) streams: StreamMetrics,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: &'static str,
    status: u16,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    method: &'static str,
    route: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Violated {
    invariant: &'static str,
}

impl HttpMetrics {
    /// New metrics, shown by whatever renders `registry`.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_5, 2.0, 15))),
            in_flight: Gauge::default(),
            violations: Family::default(),
            streams: StreamMetrics::register(registry),
        };
        registry.register(
            "frontrow_http_requests",
            "Requests answered, by route, status and code",
            metrics.requests.clone(),
        );
        registry.register(
            "frontrow_http_request_seconds",
            "How long requests took",
            metrics.seconds.clone(),
        );
        registry.register(
            "frontrow_http_requests_in_flight",
            "Requests being worked on",
            metrics.in_flight.clone(),
        );
        registry.register(
            "frontrow_invariant_violations",
            "What the last audit found, by invariant",
            metrics.violations.clone(),
        );
        metrics
    }

    /// Shows what an audit found.
    pub fn audited(&self, report: &Report) {
        for check in &report.checks {
            let invariant = check.invariant.name();
            let violations = i64::try_from(check.violations).unwrap_or(i64::MAX);
            self.violations.get_or_create(&Violated { invariant }).set(violations);
        }
    }
}

/// The metrics that one worker counts answers into. It finds each of them once, because that takes
/// locks that all workers share.
pub(crate) struct Counts {
    metrics: HttpMetrics,
    found: RefCell<HashMap<Answered, (Counter, Histogram)>>,
}

impl Counts {
    pub(crate) fn of(metrics: HttpMetrics) -> Self {
        let found = RefCell::default();
        Self { metrics, found }
    }

    /// Counts one answer.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &'static str,
        status: u16,
        code: &'static str,
        took: Duration,
    ) {
        let method = method_label(method);
        let answered = Answered {
            method,
            route,
            status,
            code,
        };
        let mut found = self.found.borrow_mut();
        let (requests, seconds) = found.entry(answered).or_insert_with_key(|answered| {
            let requests = self.metrics.requests.get_or_create(answered);
            let seconds = self.metrics.seconds.get_or_create(&Route { method, route });
            (requests.clone(), seconds.clone())
        });
        requests.inc();
        seconds.observe(took.as_secs_f64());
    }
}

/// Callers can make methods up, but not labels.
fn method_label(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let found = known.into_iter().find(|known| *known == method.as_str());
    found.unwrap_or("other")
}

/// The registry as text.
pub(crate) fn render(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut rendered = String::new();
    text::encode(&mut rendered, registry)?;
    Ok(rendered)
}
