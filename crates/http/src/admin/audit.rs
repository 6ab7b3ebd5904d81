//! Whether what must never be false is true.

use crate::{
    endpoint::{Outcome, json},
    extract::Call,
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    audit::{self, Check, Report},
    identity::Scope,
};
use serde::Serialize;
use utoipa::ToSchema;

/// The result of an audit.
#[derive(Serialize, ToSchema)]
#[schema(as = Audit)]
pub(crate) struct AuditView {
    /// Whether nothing is violated.
    ok: bool,
    checks: Vec<CheckView>,
}

/// One invariant.
#[derive(Serialize, ToSchema)]
#[schema(as = Check)]
pub(crate) struct CheckView {
    invariant: &'static str,
    /// What it says.
    statement: &'static str,
    /// How often it is violated.
    violations: u64,
    /// The first few violations, in words.
    sample: Vec<String>,
}

impl From<Report> for AuditView {
    fn from(report: Report) -> Self {
        Self {
            ok: report.is_ok(),
            checks: report.checks.into_iter().map(CheckView::from).collect(),
        }
    }
}

impl From<Check> for CheckView {
    fn from(check: Check) -> Self {
        Self {
            invariant: check.invariant.name(),
            statement: check.invariant.statement(),
            violations: check.violations,
            sample: check.sample,
        }
    }
}

/// `GET /v1/admin/audit`
pub(crate) async fn run(call: Call) -> Outcome {
    call.operator(Scope::AuditRead).await?;
    let audit = |api: std::sync::Arc<crate::Api>| async move { audit::service::audit(&*api.storage.books).await };
    let report = call.desk.read_all(audit).await?;
    call.api().metrics.audited(&report);
    json(StatusCode::OK, &AuditView::from(report))
}
