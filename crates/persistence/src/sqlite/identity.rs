//! Reading users; keeping operator keys.

use super::{
    Sqlite,
    rows::{OperatorKeyRow, UserRow},
    schema::{operator_keys, users},
    statement::run,
    types::{Hash, Id},
};
use async_trait::async_trait;
use diesel::{prelude::*, sqlite::SqliteConnection};
use frontrow_domain::{
    id::{OperatorKeyId, UserId},
    identity::{OperatorKey, User, port::Identities},
    outcome::StoreError,
};

#[async_trait]
impl Identities for Sqlite {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let work = self.readers.run(move |conn| {
            let found = users::table.find(Id(id.0)).select(UserRow::as_select());
            Ok(found.get_result(conn).optional()?.map(Into::into))
        });
        work.await
    }

    async fn operator_key(&self, hash: [u8; 32]) -> Result<Option<OperatorKey>, StoreError> {
        let work = self.readers.run(move |conn| {
            let found = operator_keys::table.filter(operator_keys::hash.eq(Hash(hash)));
            let found = found.select(OperatorKeyRow::as_select()).get_result(conn).optional()?;
            found.map(|row: OperatorKeyRow| row.key()).transpose()
        });
        work.await
    }

    async fn add_operator_key(&self, key: OperatorKey) -> Result<(), StoreError> {
        let work = self.writer.run(move |conn| {
            let row = OperatorKeyRow::from(&key);
            diesel::insert_into(operator_keys::table).values(row).execute(conn)?;
            Ok(())
        });
        work.await
    }

    async fn operator_keys(&self) -> Result<Vec<OperatorKey>, StoreError> {
        let work = self.readers.run(|conn| {
            let found = operator_keys::table
                .order((operator_keys::created_at, operator_keys::key_id))
                .select(OperatorKeyRow::as_select())
                .load(conn)?;
            found.into_iter().map(OperatorKeyRow::key).collect()
        });
        work.await
    }

    async fn revoke_operator_key(&self, id: OperatorKeyId) -> Result<bool, StoreError> {
        let clock = self.clock.clone();
        let work = self.writer.run(move |conn: &mut SqliteConnection| {
            let sql = "UPDATE operator_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE key_id = ?";
            Ok(run(conn, sql, [clock.now().into(), id.0.into()])? > 0)
        });
        work.await
    }
}
