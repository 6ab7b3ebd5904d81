//! What storage promises about the lease.

use super::Lease;
use crate::{clock::Timestamp, outcome::StoreError};
use async_trait::async_trait;

/// The one lease that all instances on a storage share.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Leadership: Send + Sync {
    /// The lease, and what time it is by the storage's clock, read after the lease.
    async fn lease(&self) -> Result<(Lease, Timestamp), StoreError>;

    /// Puts `next` in the place of `seen`, as one step; `false`, with nothing changed, when it is
    /// another one by now.
    async fn replace_lease(&self, seen: Lease, next: Lease) -> Result<bool, StoreError>;
}
