//! The lease. A file has one server, which takes a lock on it, so its lease need not be stored.

use super::Sqlite;
use async_trait::async_trait;
use frontrow_domain::{
    clock::Timestamp,
    leadership::{Lease, port::Leadership},
    outcome::StoreError,
};

#[async_trait]
impl Leadership for Sqlite {
    async fn lease(&self) -> Result<(Lease, Timestamp), StoreError> {
        Ok((self.lease.get(), self.clock.now()))
    }

    async fn replace_lease(&self, seen: Lease, next: Lease) -> Result<bool, StoreError> {
        Ok(self.lease.replace(seen, next))
    }
}
