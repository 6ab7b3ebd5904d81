//! Reading what is on sale.

use crate::Memory;
use async_trait::async_trait;
use frontrow_domain::{
    catalog::{Programme, Schedule, port::CatalogQueries},
    id::{ConcertId, ScheduleId},
    outcome::StoreError,
    page::{Page, PageRequest},
};
use std::ops::Bound;

#[async_trait]
impl CatalogQueries for Memory {
    async fn programmes(&self, page: PageRequest<ConcertId>) -> Result<Page<Programme, ConcertId>, StoreError> {
        let world = self.world();
        let end = page.before.map_or(Bound::Unbounded, Bound::Excluded);
        let newest = world.concerts.range((Bound::Unbounded, end)).rev();
        let items = newest
            .take(page.limit as usize + 1)
            .map(|(_, concert)| world.programme(concert))
            .collect();
        Ok(Page::from_overfetch(items, page.limit, |programme: &Programme| {
            programme.concert.id
        }))
    }

    async fn programme(&self, id: ConcertId) -> Result<Option<Programme>, StoreError> {
        let world = self.world();
        Ok(world.concerts.get(&id).map(|concert| world.programme(concert)))
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, StoreError> {
        let world = self.world();
        let show = world.shows.get(&id);
        Ok(show.map(|show| Schedule::clone(&show.house.schedule)))
    }
}
