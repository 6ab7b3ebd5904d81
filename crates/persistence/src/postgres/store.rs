//! Storing what a batch changed: one statement a table (and schedule), all of them in one round
//! trip. The rows that are changed are locked, so each statement finds all of its rows or fails;
//! but for records, which nothing locks.

use super::{
    error::Failure,
    records,
    sql::{Sql, Step, in_order},
    store_catalog, store_money, store_seating,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use frontrow_domain::{decision::WorkingSet, id::ScheduleId, outcome::StoreError};
use std::collections::BTreeMap;

/// How many rows a statement wrote, and how many it had to.
pub(super) struct Written {
    what: &'static str,
    expected: usize,
    actual: usize,
    contended: bool,
}

/// A statement that has to write this many rows.
pub(super) struct Write {
    pub(super) what: &'static str,
    pub(super) statement: Sql,
    pub(super) rows: usize,
    /// Whether it may write fewer rows, because another transaction came first. That has to be
    /// looked at before the commit.
    pub(super) contended: bool,
}

impl Write {
    /// Writes rows that are locked or have ids of their own.
    pub(super) fn of(what: &'static str, statement: Sql, rows: usize) -> Self {
        Self {
            what,
            statement,
            rows,
            contended: false,
        }
    }

    pub(super) fn step(self, mut conn: &AsyncPgConnection) -> Step<'_, Written> {
        Box::pin(async move {
            let actual = self.statement.execute(&mut conn).await?;
            Ok(Written {
                what: self.what,
                expected: self.rows,
                actual,
                contended: self.contended,
            })
        })
    }
}

/// All changes of a working set.
pub(super) fn writes_of(loaded: &records::Versions, rows: &WorkingSet) -> Result<Vec<Write>, StoreError> {
    let mut writes = store_catalog::writes(rows)?;
    writes.extend(store_seating::writes(rows)?);
    writes.extend(store_money::writes(rows)?);
    // Last, because it is here that another transaction may have come first.
    writes.extend(records::writes(loaded, rows)?);
    Ok(writes)
}

/// Sends statements in one round trip; each has to write all of its rows.
pub(super) async fn run(conn: &AsyncPgConnection, writes: Vec<Write>) -> Result<(), Failure> {
    let steps = writes.into_iter().map(|write| write.step(conn)).collect();
    let written = in_order(steps).await?;
    written.into_iter().try_for_each(Written::check)
}

impl Written {
    /// Whether every row was written that had to be.
    pub(super) fn check(self) -> Result<(), Failure> {
        let Self {
            what,
            expected,
            actual,
            contended,
        } = self;
        if actual == expected {
            return Ok(());
        }
        let why = format!("{actual} of {expected} {what} written");
        Err(if contended {
            Failure::raced(why)
        } else {
            Failure::defect(why)
        })
    }
}

/// Rows by the schedule they belong to.
pub(super) fn by_schedule<'r, R>(
    rows: impl Iterator<Item = &'r R>,
    schedule: impl Fn(&R) -> ScheduleId,
) -> BTreeMap<ScheduleId, Vec<&'r R>> {
    let mut groups: BTreeMap<ScheduleId, Vec<&R>> = BTreeMap::new();
    for row in rows {
        groups.entry(schedule(row)).or_default().push(row);
    }
    groups
}

/// One column of many rows.
pub(super) fn column<R, T>(rows: &[&R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| value(row)).collect()
}

/// One column of many rows, of values that may not fit.
pub(super) fn checked<R, T>(rows: &[&R], value: impl Fn(&R) -> Result<T, StoreError>) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| value(row)).collect()
}

/// A text for a column. PostgreSQL cannot keep the character NUL; one command that brings it must
/// not look like a database that is away.
pub(super) fn text(value: &str) -> Result<String, StoreError> {
    if value.contains('\0') {
        return Err(StoreError::Internal("a text with the character NUL".to_owned()));
    }
    Ok(value.to_owned())
}
