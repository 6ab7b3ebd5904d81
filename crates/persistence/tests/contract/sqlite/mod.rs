//! SQLite, plain and behind group commit; and what it promises of its file.

#![cfg(test)]

mod durability;
mod opening;
mod plans;
mod steps;

use async_trait::async_trait;
use frontrow_contract::{Fixture, contract_suite};
use frontrow_domain::{
    clock::{Clock, ManualClock},
    decision::port::Decisions,
    money::Currency,
    policy::Policy,
    storage::Storage,
};
use frontrow_persistence::{
    group_commit::{GroupCommit, LaneSettings},
    metrics::StoreMetrics,
    sqlite::{OpenError, Sqlite, SqliteSettings},
};
use std::{path::PathBuf, sync::Arc};
use tempfile::TempDir;
use time::{Duration, macros::datetime};
use tokio::runtime::Handle;

/// A file of its own, which goes with it, and a clock that is moved by hand.
pub struct House {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl House {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let clock = Arc::new(ManualClock::starting_at(datetime!(2026-12-01 12:00 UTC)));
        Self { folder, clock }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("frontrow.db")
    }

    pub fn settings(&self, policy: Policy) -> SqliteSettings {
        let clock: Arc<dyn Clock> = self.clock.clone();
        SqliteSettings {
            path: self.file(),
            policy,
            clock,
            readers: 2,
            exclusive: true,
            migrate: true,
            metrics: StoreMetrics::default(),
        }
    }

    pub fn open(&self, policy: Policy) -> Result<Arc<Sqlite>, OpenError> {
        Sqlite::open(self.settings(policy))
    }
}

#[async_trait]
impl Fixture for House {
    async fn storage(&self, policy: Policy) -> Storage {
        Storage::of(&self.open(policy).expect("the file opens"))
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn steers_time(&self) -> bool {
        true
    }
}

/// How the tests of the file itself sell.
pub fn policy() -> Policy {
    Policy {
        hold: Duration::minutes(5),
        claim: Duration::minutes(1),
        seat_limit: 4,
        currency: Currency::from_code("KRW").expect("a currency"),
    }
}

mod plain {
    use super::*;

    contract_suite!(House::new());
}

mod behind_group_commit {
    use super::*;

    struct Grouped(House);

    #[async_trait]
    impl Fixture for Grouped {
        async fn storage(&self, policy: Policy) -> Storage {
            let storage = Storage::of(&self.0.open(policy).expect("the file opens"));
            let inner: Arc<dyn Decisions> = storage.decisions.clone();
            let lanes = LaneSettings::default();
            let group = GroupCommit::start(&inner, lanes, &Handle::current(), &StoreMetrics::default());
            storage.deciding_through(group)
        }

        async fn pass(&self, time: Duration) {
            self.0.pass(time).await;
        }

        fn steers_time(&self) -> bool {
            true
        }
    }

    contract_suite!(Grouped(House::new()));
}
