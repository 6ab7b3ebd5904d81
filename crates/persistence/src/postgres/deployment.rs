//! What all instances of a deployment have to agree on.

use super::{OpenError, Postgres, sql::sql};
use diesel::{QueryableByName, sql_types::Text};
use diesel_async::RunQueryDsl;
use frontrow_domain::outcome::StoreError;

const FIRST: &str = "INSERT INTO deployment (one, currency) VALUES (true, $1) ON CONFLICT DO NOTHING";

const DEPLOYMENT: &str = "SELECT currency FROM deployment";

#[derive(QueryableByName)]
struct Deployment {
    #[diesel(sql_type = Text)]
    currency: String,
}

/// Amounts are stored without their currency, so a database has one for good: the one that it was
/// first served with.
pub(super) async fn agree(postgres: &Postgres) -> Result<(), OpenError> {
    let own = postgres.inner.policy.currency.code().to_owned();
    let read = {
        let own = own.clone();
        postgres.query(move |_, lease| {
            let first = sql(FIRST).bind::<Text, _>(own.clone());
            Box::pin(async move {
                first.execute(&mut lease.connection()?).await?;
                Ok(sql(DEPLOYMENT)
                    .get_result::<Deployment>(&mut lease.connection()?)
                    .await?)
            })
        })
    };
    let Deployment { currency: stored } = read.await.map_err(|error| match error {
        StoreError::Unavailable(why) => OpenError::Unreachable(why),
        StoreError::Overloaded | StoreError::OutcomeUnknown(_) | StoreError::Internal(_) => {
            OpenError::Unusable(error.to_string())
        }
    })?;
    if stored == own {
        return Ok(());
    }
    let why = format!("the database keeps its money in {stored}: serve it with currency = {stored:?}");
    Err(OpenError::Unusable(why))
}
