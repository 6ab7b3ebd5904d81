//! PostgreSQL, plain and behind group commit; and what it promises of its connections.

mod commits;
mod connections;
mod crowds;
mod instances;
mod migrating;
mod plans;

mod proxy;
mod server;
mod traffic;

use async_trait::async_trait;
use frontrow_contract::{Fixture, contract_suite};
use frontrow_domain::{decision::port::Decisions, policy::Policy, storage::Storage};
use frontrow_persistence::{
    group_commit::{GroupCommit, LaneSettings},
    metrics::StoreMetrics,
};
use server::Database;
use std::sync::Arc;
use time::Duration;
use tokio::runtime::Handle;

#[async_trait]
impl Fixture for Database {
    async fn storage(&self, policy: Policy) -> Storage {
        Storage::of(&self.open(policy).await)
    }

    /// The server itself waits, so that it is its clock that tells when.
    async fn pass(&self, time: Duration) {
        let client = self.client().await;
        let waited = client.execute("SELECT pg_sleep($1)", &[&time.as_seconds_f64()]).await;
        waited.expect("the server waits");
    }

    fn steers_time(&self) -> bool {
        false
    }
}

mod plain {
    use super::*;

    contract_suite!(Database::migrated());
}

mod behind_group_commit {
    use super::*;

    struct Grouped(Database);

    #[async_trait]
    impl Fixture for Grouped {
        async fn storage(&self, policy: Policy) -> Storage {
            let storage = self.0.storage(policy).await;
            let inner: Arc<dyn Decisions> = storage.decisions.clone();
            let lanes = LaneSettings::default();
            let group = GroupCommit::start(&inner, lanes, &Handle::current(), &StoreMetrics::default());
            storage.deciding_through(group)
        }

        async fn pass(&self, time: Duration) {
            self.0.pass(time).await;
        }

        fn steers_time(&self) -> bool {
            false
        }
    }

    contract_suite!(Grouped(Database::migrated()));
}
