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

/// From this age on one caller reads a programme anew, while the others still have it.
const AGEING: Duration = Duration::from_millis(150);

/// How many programmes are remembered at the most.
const CAPACITY: usize = 10_000;

type Known = HashMap<ConcertId, Entry>;

/// A programme that was read; `None` since it was forgotten.
struct Entry {
    read_at: Instant,
    programme: Option<Arc<Programme>>,
    /// Whether somebody has been sent to read it anew.
    renewing: bool,
}

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
        self.lock().insert(id, Entry::read(Instant::now(), None));
    }

    async fn load(&self, id: ConcertId) -> Result<Option<Arc<Programme>>, StoreError> {
        let read_at = Instant::now();
        let Some(programme) = self.queries.programme(id).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut known = self.lock();
        if known.len() >= CAPACITY {
            known.retain(|_, entry| entry.read_at.elapsed() < FRESH);
        }
        // What was read before it was forgotten may lack what was added since.
        let outdated = known.get(&id).is_some_and(|entry| entry.read_at > read_at);
        if known.len() < CAPACITY && !outdated {
            known.insert(id, Entry::read(read_at, Some(programme.clone())));
        }
        Ok(Some(programme))
    }

    /// What memory has, if it is fresh and the caller is not the one to read it anew.
    fn remembered(&self, id: ConcertId) -> Option<Arc<Programme>> {
        let mut known = self.lock();
        let entry = known.get_mut(&id)?;
        let age = entry.read_at.elapsed();
        entry.give(age)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn read(read_at: Instant, programme: Option<Arc<Programme>>) -> Self {
        Self {
            read_at,
            programme,
            renewing: false,
        }
    }
    /// The programme at this age, unless it is too old or the caller is sent to read it.
    fn give(&mut self, age: Duration) -> Option<Arc<Programme>> {
        let sent = age >= AGEING && !self.renewing;
        self.renewing |= sent;
        self.programme.clone().filter(|_| age < FRESH && !sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Concert;
    use time::macros::datetime;

    #[test]
    fn one_is_sent_to_read_an_ageing_programme_and_the_others_still_have_it() {
        let concert = Concert {
            id: ConcertId::mint(),
            title: "Encore".to_owned(),
            venue: "Olympic Hall, Seoul".to_owned(),
            created_at: datetime!(2026-12-01 10:00 UTC),
        };
        let schedules = Vec::new();
        let mut entry = Entry::read(Instant::now(), Some(Arc::new(Programme { concert, schedules })));
        let mut given_at = |millis| entry.give(Duration::from_millis(millis)).is_some();
        assert!(given_at(0) && given_at(149));
        assert!(!given_at(150), "the one who is sent");
        assert!(given_at(151) && given_at(249));
        assert!(!given_at(250) && !given_at(10_000), "nobody has brought a new one");
    }
}
