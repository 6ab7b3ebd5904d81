//! What storage hands to the auditor.

use super::{ScheduleBooks, UserBooks};
use crate::{
    id::{ScheduleId, UserId},
    outcome::StoreError,
};
use async_trait::async_trait;

/// Hands over the books.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Books: Send + Sync {
    /// Every performance.
    async fn schedules(&self) -> Result<Vec<ScheduleId>, StoreError>;

    /// All of one performance, from one snapshot; `None` when there is no such performance.
    async fn schedule_books(&self, id: ScheduleId) -> Result<Option<ScheduleBooks>, StoreError>;

    /// All money of the users that have a wallet, an entry or a succeeded payment, by user id,
    /// at most `limit` of them after `after`, from one snapshot.
    async fn user_books(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, StoreError>;

    /// Whether storage answers at all.
    async fn ping(&self) -> Result<(), StoreError>;
}
