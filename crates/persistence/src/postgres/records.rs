//! Writing idempotency records. Nothing locks them, so here it shows whether another transaction
//! answered the same key meanwhile; if so, the batch is decided anew.

use super::{
    sql::{Sql, sql},
    store::{Write, checked, column},
};
use crate::codec::ProgressColumns;
use diesel::sql_types::{Array, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use frontrow_domain::{
    clock::Timestamp,
    decision::WorkingSet,
    idempotency::{Progress, Record, RecordId},
    outcome::StoreError,
};
use std::collections::BTreeMap;

/// A record that was believed absent is added, and only then: one that is there fails it.
const ADD: &str = "
    INSERT INTO idempotency_records (scope, request_key, fingerprint, outcome, reference, attempts, lease_until,
        expires_at)
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)";

/// One that is still as it was read is locked, and then written over. It is looked up by its key,
/// whatever the planner may think of the table.
const CHANGE: &str = "
    INSERT INTO idempotency_records (scope, request_key, fingerprint, outcome, reference, attempts, lease_until,
        expires_at)
    SELECT new.scope, new.request_key, new.fingerprint, new.outcome, new.reference, new.attempts, new.lease_until,
        new.expires_at
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        AS new (scope, request_key, fingerprint, outcome, reference, attempts, lease_until, expires_at,
            old_lease_until, old_expires_at)
    CROSS JOIN LATERAL (
        SELECT FROM idempotency_records one
        WHERE one.scope = new.scope AND one.request_key = new.request_key
            AND one.expires_at = new.old_expires_at AND one.lease_until IS NOT DISTINCT FROM new.old_lease_until
        FOR UPDATE) AS same
    ON CONFLICT (scope, request_key) DO UPDATE
    SET fingerprint = excluded.fingerprint, outcome = excluded.outcome, reference = excluded.reference,
        attempts = excluded.attempts, lease_until = excluded.lease_until, expires_at = excluded.expires_at";

const REMOVE: &str = "
    DELETE FROM idempotency_records WHERE ctid = ANY(ARRAY(
        SELECT same.place
        FROM unnest($1, $2, $3, $4) AS old (scope, request_key, lease_until, expires_at)
        CROSS JOIN LATERAL (
            SELECT one.ctid AS place FROM idempotency_records one
            WHERE one.scope = old.scope AND one.request_key = old.request_key
                AND one.expires_at = old.expires_at AND one.lease_until IS NOT DISTINCT FROM old.lease_until
            FOR UPDATE) AS same))";

/// What tells a version of a record from the next: every change sets one of the two anew.
#[derive(Clone, Copy)]
struct Version {
    lease_until: Option<Timestamp>,
    expires_at: Timestamp,
}

/// The versions of the records that were loaded.
pub(super) struct Versions(BTreeMap<RecordId, Version>);

impl Versions {
    /// Of a working set that was just loaded.
    pub(super) fn of(rows: &WorkingSet) -> Self {
        let version = |record: &Record| {
            let lease_until = match &record.progress {
                Progress::Pending { lease_until, .. } => Some(*lease_until),
                Progress::Done(_) => None,
            };
            let expires_at = record.expires_at;
            (
                record.id,
                Version {
                    lease_until,
                    expires_at,
                },
            )
        };
        Self(rows.records.values().map(version).collect())
    }

    fn get(&self, id: &RecordId) -> Result<Version, StoreError> {
        let unknown = || StoreError::Internal("a record was changed that was not loaded".to_owned());
        self.0.get(id).copied().ok_or_else(unknown)
    }
}

pub(super) fn writes(loaded: &Versions, rows: &WorkingSet) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    let mut push = |statement, count, contended| {
        writes.push(Write {
            what: "idempotency records",
            statement,
            rows: count,
            contended,
        });
    };
    let removed: Vec<&RecordId> = rows.records.removed().collect();
    if !removed.is_empty() {
        let versions = checked(&removed, |id| loaded.get(id))?;
        push(remove(&removed, &versions), removed.len(), true);
    }
    let changed: Vec<&Record> = rows.records.changed().map(|(_, record)| record).collect();
    if !changed.is_empty() {
        let versions = checked(&changed, |record| loaded.get(&record.id))?;
        let change = bind_records(CHANGE, &changed)?
            .bind::<Array<Nullable<Timestamptz>>, _>(lease_ends(&versions))
            .bind::<Array<Timestamptz>, _>(ends(&versions));
        push(change, changed.len(), true);
    }
    let added: Vec<&Record> = rows.records.inserted().map(|(_, record)| record).collect();
    if !added.is_empty() {
        push(bind_records(ADD, &added)?, added.len(), false);
    }
    Ok(writes)
}

fn remove(ids: &[&RecordId], versions: &[Version]) -> Sql {
    sql(REMOVE)
        .bind::<Array<SqlUuid>, _>(column(ids, |id| id.scope))
        .bind::<Array<SqlUuid>, _>(column(ids, |id| id.key.0))
        .bind::<Array<Nullable<Timestamptz>>, _>(lease_ends(versions))
        .bind::<Array<Timestamptz>, _>(ends(versions))
}

fn bind_records(text: &'static str, records: &[&Record]) -> Result<Sql, StoreError> {
    let progress = checked(records, |record| ProgressColumns::of(&record.progress))?;
    let progress: Vec<&ProgressColumns> = progress.iter().collect();
    Ok(sql(text)
        .bind::<Array<SqlUuid>, _>(column(records, |record| record.id.scope))
        .bind::<Array<SqlUuid>, _>(column(records, |record| record.id.key.0))
        .bind::<Array<SqlUuid>, _>(column(records, |record| record.fingerprint.0))
        .bind::<Array<Nullable<Text>>, _>(column(&progress, |columns| columns.outcome.clone()))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(&progress, |columns| columns.reference))
        .bind::<Array<Nullable<Integer>>, _>(column(&progress, |columns| columns.attempts))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(&progress, |columns| columns.lease_until))
        .bind::<Array<Timestamptz>, _>(column(records, |record| record.expires_at)))
}

fn lease_ends(versions: &[Version]) -> Vec<Option<Timestamp>> {
    versions.iter().map(|version| version.lease_until).collect()
}

fn ends(versions: &[Version]) -> Vec<Timestamp> {
    versions.iter().map(|version| version.expires_at).collect()
}
