//! What storage promises about wallets.

use super::{Entry, Wallet};
use crate::{
    id::{UserId, WalletId},
    outcome::StoreError,
    page::{Page, PageRequest},
};
use async_trait::async_trait;

/// Reads wallets.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait WalletQueries: Send + Sync {
    /// The wallet of a user; `None` before the first charge.
    async fn wallet_of(&self, user: UserId) -> Result<Option<Wallet>, StoreError>;

    /// The wallet with this id.
    async fn wallet(&self, id: WalletId) -> Result<Option<Wallet>, StoreError>;

    /// A page of a user's entries, newest first; the cursor is the entry's number.
    async fn entries(&self, user: UserId, page: PageRequest<u64>) -> Result<Page<Entry, u64>, StoreError>;
}
