//! The memory adapter keeps the promises of every port.

use async_trait::async_trait;
use frontrow_contract::{Fixture, contract_suite};
use frontrow_domain::{clock::ManualClock, policy::Policy, storage::Storage};
use frontrow_memory::Memory;
use std::sync::Arc;
use time::{Duration, macros::datetime};

struct InMemory(Arc<ManualClock>);

impl InMemory {
    fn new() -> Self {
        Self(Arc::new(ManualClock::starting_at(datetime!(2026-12-01 12:00 UTC))))
    }
}

#[async_trait]
impl Fixture for InMemory {
    async fn storage(&self, policy: Policy) -> Storage {
        Storage::of(&Memory::new(policy, self.0.clone()))
    }

    async fn pass(&self, time: Duration) {
        self.0.advance(time);
    }

    fn steers_time(&self) -> bool {
        true
    }
}

contract_suite!(InMemory::new());
