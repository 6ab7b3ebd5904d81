//! Who calls: fans, operators' keys, and the records of their keyed requests.

use crate::{
    codec::{ProgressColumns, damaged},
    sqlite::{
        error::SqlError,
        schema::{idempotency_records, operator_keys, users},
        types::{Hash, Id, Moment},
    },
};
use diesel::prelude::*;
use frontrow_domain::{
    id::{OperatorKeyId, UserId},
    idempotency::{Fingerprint, Record, RecordId, RequestKey},
    identity::{OperatorKey, User},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct UserRow {
    user_id: Id,
    name: String,
    created_at: Moment,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: UserId(row.user_id.0),
            name: row.name,
            created_at: row.created_at.0,
        }
    }
}

impl From<&User> for UserRow {
    fn from(user: &User) -> Self {
        Self {
            user_id: Id(user.id.0),
            name: user.name.clone(),
            created_at: Moment(user.created_at),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = idempotency_records, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct RecordRow {
    scope: Id,
    request_key: Id,
    fingerprint: Id,
    outcome: Option<String>,
    reference: Option<Id>,
    attempts: Option<i32>,
    lease_until: Option<Moment>,
    expires_at: Moment,
}

impl RecordRow {
    pub(in crate::sqlite) fn record(self) -> Result<Record, SqlError> {
        let columns = ProgressColumns {
            outcome: self.outcome,
            reference: self.reference.map(|id| id.0),
            attempts: self.attempts,
            lease_until: self.lease_until.map(|at| at.0),
        };
        Ok(Record {
            id: RecordId {
                scope: self.scope.0,
                key: RequestKey(self.request_key.0),
            },
            fingerprint: Fingerprint(self.fingerprint.0),
            progress: columns.progress()?,
            expires_at: self.expires_at.0,
        })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = operator_keys, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct OperatorKeyRow {
    key_id: Id,
    name: String,
    hash: Hash,
    scopes: String,
    created_at: Moment,
    revoked_at: Option<Moment>,
}

impl OperatorKeyRow {
    pub(in crate::sqlite) fn key(self) -> Result<OperatorKey, SqlError> {
        let names: Vec<String> = serde_json::from_str(&self.scopes).map_err(|_| damaged("operator key"))?;
        let scopes: Result<_, _> = names.iter().map(|name| name.parse()).collect();
        Ok(OperatorKey {
            id: OperatorKeyId(self.key_id.0),
            name: self.name,
            hash: self.hash.0,
            scopes: scopes.map_err(|_| damaged("operator key"))?,
            created_at: self.created_at.0,
            revoked_at: self.revoked_at.map(|at| at.0),
        })
    }
}

impl From<&OperatorKey> for OperatorKeyRow {
    fn from(key: &OperatorKey) -> Self {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        Self {
            key_id: Id(key.id.0),
            name: key.name.clone(),
            hash: Hash(key.hash),
            scopes: serde_json::Value::from(scopes).to_string(),
            created_at: Moment(key.created_at),
            revoked_at: key.revoked_at.map(Moment),
        }
    }
}
