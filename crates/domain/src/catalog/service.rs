//! Finding performances without asking storage for every call.

use super::{DateSelector, Programme, Schedule, TargetRefusal, find, port::CatalogQueries};
use crate::{id::ConcertId, outcome::StoreError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a programme may be answered from memory. It can only grow, so an old one can at
/// worst not know a performance yet, and then storage is asked.
const FRESH: Duration = Duration::from_millis(250);

/// How many programmes are remembered at the most.
const CAPACITY: usize = 10_000;

/// When each programme was read; `None` since it was forgotten.
type Known = HashMap<ConcertId, (Instant, Option<Arc<Programme>>)>;

/// Finds performances by concert and date.
pub struct Catalog {
    queries: Arc<dyn CatalogQueries>,
    known: Mutex<Known>,
}

impl Catalog {
    /// A catalog over a storage.
    #[must_use]
    pub fn new(queries: Arc<dyn CatalogQueries>) -> Self {
        Self {
            queries,
            known: Mutex::default(),
        }
    }

    /// The concert with its performances, at most 250 ms old.
    ///
    /// # Errors
    /// When storage cannot answer.
    pub async fn programme(&self, id: ConcertId) -> Result<Option<Arc<Programme>>, StoreError> {
        match self.remembered(id) {
            Some(programme) => Ok(Some(programme)),
            None => self.load(id).await,
        }
    }

    /// The performance that a concert and a date name. What memory does not know is looked up.
    ///
    /// # Errors
    /// When storage cannot answer; the inner error names why there is no such performance.
    pub async fn find(
        &self,
        concert: ConcertId,
        date: DateSelector,
    ) -> Result<Result<Arc<Schedule>, TargetRefusal>, StoreError> {
        match self.known(concert, date) {
            Some(schedule) => Ok(Ok(schedule)),
            None => Ok(find(self.load(concert).await?.as_deref(), date)),
        }
    }

    /// The same without asking storage: `None` when memory knows no such performance.
    #[must_use]
    pub fn known(&self, concert: ConcertId, date: DateSelector) -> Option<Arc<Schedule>> {
        find(Some(&*self.remembered(concert)?), date).ok()
    }

    /// Forgets a concert, so that the next reader sees what was just added to it.
    pub fn forget(&self, id: ConcertId) {
        self.lock().insert(id, (Instant::now(), None));
    }

    async fn load(&self, id: ConcertId) -> Result<Option<Arc<Programme>>, StoreError> {
        let read_at = Instant::now();
        let Some(programme) = self.queries.programme(id).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut known = self.lock();
        if known.len() >= CAPACITY {
            known.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        // What was read before it was forgotten may lack what was added since.
        let outdated = known.get(&id).is_some_and(|(at, _)| *at > read_at);
        if known.len() < CAPACITY && !outdated {
            known.insert(id, (read_at, Some(programme.clone())));
        }
        Ok(Some(programme))
    }

    fn remembered(&self, id: ConcertId) -> Option<Arc<Programme>> {
        let known = self.lock();
        let (at, programme) = known.get(&id)?;
        programme.clone().filter(|_| at.elapsed() < FRESH)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
