//! The lease, which the one process that knows this memory always gets.

use crate::Memory;
use async_trait::async_trait;
use frontrow_domain::{
    clock::Timestamp,
    leadership::{Lease, port::Leadership},
    outcome::StoreError,
};

#[async_trait]
impl Leadership for Memory {
    async fn lease(&self) -> Result<(Lease, Timestamp), StoreError> {
        Ok((self.lease.get(), self.clock.now()))
    }

    async fn replace_lease(&self, seen: Lease, next: Lease) -> Result<bool, StoreError> {
        Ok(self.lease.replace(seen, next))
    }
}
