//! What storage promises about the catalog.

use super::{Programme, Schedule};
use crate::{
    id::{ConcertId, ScheduleId},
    outcome::StoreError,
    page::{Page, PageRequest},
};
use async_trait::async_trait;

/// Reads what is on sale. Concerts and schedules never change once created.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CatalogQueries: Send + Sync {
    /// A page of concerts with their performances, newest first.
    async fn programmes(&self, page: PageRequest<ConcertId>) -> Result<Page<Programme, ConcertId>, StoreError>;

    /// One concert with its performances.
    async fn programme(&self, id: ConcertId) -> Result<Option<Programme>, StoreError>;

    /// One performance.
    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, StoreError>;
}
