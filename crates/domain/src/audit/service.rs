//! The audit over everything.

use super::{Findings, Report, check_schedule, check_users, port::Books};
use crate::outcome::StoreError;

/// How many users are read at a time.
const USERS_AT_A_TIME: u32 = 1_000;

/// Checks every invariant on live data.
///
/// # Errors
/// When storage cannot hand over its books.
pub async fn audit(books: &dyn Books) -> Result<Report, StoreError> {
    let mut findings = Findings::default();
    for schedule in books.schedules().await? {
        if let Some(schedule) = books.schedule_books(schedule).await? {
            findings.merge(check_schedule(&schedule));
        }
    }
    let mut after = None;
    loop {
        let users = books.user_books(after, USERS_AT_A_TIME).await?;
        let Some(last) = users.last() else { break };
        after = Some(last.user_id);
        findings.merge(check_users(&users));
    }
    Ok(findings.report())
}
