//! Reading users; keeping operator keys.

use super::{
    Postgres,
    rows::UserRow,
    schema::{operator_keys, users},
    sql::sql,
    store::text,
};
use crate::codec::damaged;
use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper, sql_types::Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    clock::Timestamp,
    id::{OperatorKeyId, UserId},
    identity::{OperatorKey, User, port::Identities},
    outcome::StoreError,
};
use uuid::Uuid;

/// Revoking twice keeps the first moment.
const REVOKE: &str = "
    UPDATE operator_keys SET revoked_at = coalesce(revoked_at, clock_timestamp()) WHERE key_id = $1";

#[derive(Queryable, Selectable)]
#[diesel(table_name = operator_keys)]
struct KeyRow {
    key_id: Uuid,
    name: String,
    hash: Vec<u8>,
    scopes: Vec<String>,
    created_at: Timestamp,
    revoked_at: Option<Timestamp>,
}

impl TryFrom<KeyRow> for OperatorKey {
    type Error = StoreError;

    fn try_from(row: KeyRow) -> Result<Self, StoreError> {
        let scopes = row.scopes.iter().map(|scope| scope.parse());
        Ok(OperatorKey {
            id: OperatorKeyId(row.key_id),
            name: row.name,
            hash: row.hash.try_into().map_err(|_| damaged("operator key"))?,
            scopes: scopes.collect::<Result<_, _>>().map_err(|_| damaged("operator key"))?,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        })
    }
}

#[async_trait]
impl Identities for Postgres {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.query(move |_, lease| {
            Box::pin(async move {
                let row: Option<UserRow> = users::table
                    .filter(users::user_id.eq(id.0))
                    .select(UserRow::as_select())
                    .first(&mut lease.connection()?)
                    .await
                    .optional()?;
                Ok(row.map(User::from))
            })
        })
        .await
    }

    async fn operator_key(&self, hash: [u8; 32]) -> Result<Option<OperatorKey>, StoreError> {
        self.query(move |_, lease| {
            Box::pin(async move {
                let row: Option<KeyRow> = operator_keys::table
                    .filter(operator_keys::hash.eq(hash.as_slice()))
                    .select(KeyRow::as_select())
                    .first(&mut lease.connection()?)
                    .await
                    .optional()?;
                Ok(row.map(OperatorKey::try_from).transpose()?)
            })
        })
        .await
    }

    async fn add_operator_key(&self, key: OperatorKey) -> Result<(), StoreError> {
        let name = text(&key.name)?;
        self.query(move |_, lease| {
            let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            let add = diesel::insert_into(operator_keys::table)
                .values((
                    operator_keys::key_id.eq(key.id.0),
                    operator_keys::name.eq(name.clone()),
                    operator_keys::hash.eq(key.hash.to_vec()),
                    operator_keys::scopes.eq(scopes),
                    operator_keys::created_at.eq(key.created_at),
                    operator_keys::revoked_at.eq(key.revoked_at),
                ))
                // After a broken connection the same key may be there already.
                .on_conflict(operator_keys::key_id)
                .do_nothing();
            Box::pin(async move {
                add.execute(&mut lease.connection()?).await?;
                Ok(())
            })
        })
        .await
    }

    async fn operator_keys(&self) -> Result<Vec<OperatorKey>, StoreError> {
        self.query(|_, lease| {
            Box::pin(async move {
                let rows: Vec<KeyRow> = operator_keys::table
                    .order((operator_keys::created_at, operator_keys::key_id))
                    .select(KeyRow::as_select())
                    .load(&mut lease.connection()?)
                    .await?;
                Ok(rows.into_iter().map(OperatorKey::try_from).collect::<Result<_, _>>()?)
            })
        })
        .await
    }

    async fn revoke_operator_key(&self, id: OperatorKeyId) -> Result<bool, StoreError> {
        self.query(move |_, lease| {
            Box::pin(async move {
                let revoke = sql(REVOKE).bind::<SqlUuid, _>(id.0);
                Ok(revoke.execute(&mut lease.connection()?).await? > 0)
            })
        })
        .await
    }
}
