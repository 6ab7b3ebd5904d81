//! The lease that instances share: one row, and the server's clock.

use super::{Postgres, sql::sql};
use crate::codec::{count_from_db, count_to_db};
use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    clock::Timestamp,
    id::InstanceId,
    leadership::{Lease, port::Leadership},
    outcome::StoreError,
};
use uuid::Uuid;

/// The clock is read after the snapshot of the row.
const LEASE: &str = "SELECT holder, epoch, until, clock_timestamp() AS at FROM leadership WHERE one";

const REPLACE: &str = "
    UPDATE leadership SET holder = $1, epoch = $2, until = $3
    WHERE one AND holder IS NOT DISTINCT FROM $4 AND epoch = $5 AND until = $6";

#[derive(QueryableByName)]
struct LeaseRow {
    #[diesel(sql_type = Nullable<SqlUuid>)]
    holder: Option<Uuid>,
    #[diesel(sql_type = BigInt)]
    epoch: i64,
    #[diesel(sql_type = Timestamptz)]
    until: Timestamp,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

#[async_trait]
impl Leadership for Postgres {
    async fn lease(&self) -> Result<(Lease, Timestamp), StoreError> {
        self.query(|_, lease| {
            Box::pin(async move {
                let row: LeaseRow = sql(LEASE).get_result(&mut lease.connection()?).await?;
                let lease = Lease {
                    holder: row.holder.map(InstanceId),
                    epoch: count_from_db(row.epoch)?,
                    until: row.until,
                };
                Ok((lease, row.at))
            })
        })
        .await
    }

    /// Repeated after a broken connection it may miss that it has succeeded: whoever asks for the
    /// lease the next time finds out.
    async fn replace_lease(&self, seen: Lease, next: Lease) -> Result<bool, StoreError> {
        let (before, after) = (count_to_db(seen.epoch)?, count_to_db(next.epoch)?);
        self.query(move |_, lease| {
            let replace = sql(REPLACE)
                .bind::<Nullable<SqlUuid>, _>(next.holder.map(|holder| holder.0))
                .bind::<BigInt, _>(after)
                .bind::<Timestamptz, _>(next.until)
                .bind::<Nullable<SqlUuid>, _>(seen.holder.map(|holder| holder.0))
                .bind::<BigInt, _>(before)
                .bind::<Timestamptz, _>(seen.until);
            Box::pin(async move { Ok(replace.execute(&mut lease.connection()?).await? == 1) })
        })
        .await
    }
}
