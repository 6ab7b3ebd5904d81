//! Answers that many callers can share for a moment.
//!
//! A read may be up to 250 ms old, but never older than what its own caller has written through
//! this instance (SPEC §2). So each answer is kept with the moment it was asked for, and whoever
//! wrote later than that gets a newer one.

use crate::lock::lock;
use frontrow_domain::{id::TokenId, outcome::StoreError};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::OwnedMutexGuard;

/// How old an answer may be.
const FRESH: Duration = Duration::from_millis(250);

/// How old an answer may get before it is worth asking anew ahead of time: what takes long to answer
/// is then at hand again before anybody has to wait for it.
const AGEING: Duration = Duration::from_millis(150);

/// How many small entries there may be before those that are of no use any more are looked for.
pub(crate) const FEW: usize = 1_024;

/// When places in line were last written to through this instance.
pub(crate) struct OwnWrites(Mutex<Entries<TokenId, ()>>);

impl OwnWrites {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Entries::new(FEW)))
    }

    /// Something was written with this place in line. To be called when that is done.
    pub(crate) fn note(&self, token: TokenId) {
        lock(&self.0).insert(token, Instant::now(), ());
    }

    /// Something is being written with this place in line, and will be done within this time.
    pub(crate) fn note_until(&self, token: TokenId, done: Duration) {
        lock(&self.0).insert(token, Instant::now() + done, ());
    }

    /// How old an answer for this place in line may be.
    pub(crate) fn not_before(&self, token: TokenId) -> NotBefore {
        let own = lock(&self.0).known.get(&token).map(|(at, ())| *at);
        NotBefore(NotBefore::usual().0.max(own))
    }
}

/// The moment that an answer must not have been asked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NotBefore(Option<Instant>);

impl NotBefore {
    /// For an answer that nothing depends on that its caller could have written.
    pub(crate) fn usual() -> Self {
        Self(Instant::now().checked_sub(FRESH))
    }

    /// Only an answer that is still to be asked for will do.
    pub(crate) fn now() -> Self {
        Self(Some(Instant::now()))
    }

    fn allows(self, asked_at: Instant) -> bool {
        self.0.is_none_or(|not_before| not_before < asked_at)
    }
}

/// The latest answer to each question. Of those who ask the same at once, one asks storage and the
/// others wait for that answer.
pub(crate) struct Shared<K, V> {
    slots: Mutex<Entries<K, Arc<Slot<V>>>>,
}

struct Slot<V> {
    answer: Mutex<Option<(Instant, V)>>,
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// The right to ask anew ahead of time, which one has at a time.
pub(crate) struct Renewal<V> {
    slot: Arc<Slot<V>>,
    _asking: OwnedMutexGuard<()>,
}

impl<K: Copy + Eq + Hash, V: Clone> Shared<K, V> {
    /// Old answers go as soon as there are more than a `few`.
    pub(crate) fn new(few: usize) -> Self {
        Self {
            slots: Mutex::new(Entries::new(few)),
        }
    }

    /// The answer, if a fresh one is at hand.
    pub(crate) fn at_hand(&self, key: K, not_before: NotBefore) -> Option<V> {
        let slot = lock(&self.slots).known.get(&key).map(|(_, slot)| slot.clone())?;
        slot.fresh(not_before)
    }

    /// The right to renew an answer that is getting old, unless somebody is asking already.
    pub(crate) fn renewal(&self, key: K) -> Option<Renewal<V>> {
        let slot = lock(&self.slots).known.get(&key).map(|(_, slot)| slot.clone())?;
        let ageing = lock(&slot.answer).as_ref().is_some_and(|(at, _)| at.elapsed() > AGEING);
        let asking = slot.asking.clone().try_lock_owned().ok().filter(|_| ageing)?;
        Some(Renewal { slot, _asking: asking })
    }

    /// A fresh answer, got from storage unless one is at hand. Who asks is told the last answer, if
    /// there is one.
    pub(crate) async fn get(
        &self,
        key: K,
        not_before: NotBefore,
        ask: impl AsyncFnOnce(Option<V>) -> Result<V, StoreError>,
    ) -> Result<V, StoreError> {
        let slot = lock(&self.slots).slot(key);
        let _asking = slot.asking.lock().await;
        if let Some(answer) = slot.fresh(not_before) {
            return Ok(answer);
        }
        slot.ask(ask).await
    }
}

impl<V: Clone> Renewal<V> {
    /// Asks anew. A failure leaves the old answer, which then ends by its age.
    pub(crate) async fn with(self, ask: impl AsyncFnOnce(Option<V>) -> Result<V, StoreError>) {
        if let Err(error) = self.slot.ask(ask).await {
            tracing::debug!(%error, "an answer was not renewed ahead of time");
        }
    }
}

impl<V: Clone> Slot<V> {
    async fn ask(&self, ask: impl AsyncFnOnce(Option<V>) -> Result<V, StoreError>) -> Result<V, StoreError> {
        let asked_at = Instant::now();
        let known = lock(&self.answer).as_ref().map(|(_, answer)| answer.clone());
        let answer = ask(known).await?;
        *lock(&self.answer) = Some((asked_at, answer.clone()));
        Ok(answer)
    }

    fn fresh(&self, not_before: NotBefore) -> Option<V> {
        let answer = lock(&self.answer);
        let (asked_at, answer) = answer.as_ref()?;
        not_before.allows(*asked_at).then(|| answer.clone())
    }
}

/// What is known, with the moment it was last of interest. Entries that are of no use any more go
/// when there are many, so the memory is bounded by what happens within 250 ms.
struct Entries<K, V> {
    known: HashMap<K, (Instant, V)>,
    few: usize,
    many: usize,
}

impl<K: Copy + Eq + Hash, V> Entries<K, V> {
    fn new(few: usize) -> Self {
        Self {
            known: HashMap::new(),
            few,
            many: few,
        }
    }

    fn insert(&mut self, key: K, at: Instant, value: V) {
        if self.known.len() >= self.many {
            self.known.retain(|_, (at, _)| at.elapsed() <= FRESH);
            self.known.shrink_to(self.few);
            self.many = self.few.max(2 * self.known.len());
        }
        self.known.insert(key, (at, value));
    }
}

impl<K: Copy + Eq + Hash, V> Entries<K, Arc<Slot<V>>> {
    fn slot(&mut self, key: K) -> Arc<Slot<V>> {
        let now = Instant::now();
        if let Some((at, slot)) = self.known.get_mut(&key) {
            *at = now;
            return slot.clone();
        }
        let slot = Arc::new(Slot {
            answer: Mutex::new(None),
            asking: Arc::default(),
        });
        self.insert(key, now, slot.clone());
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    fn anyone(writes: &OwnWrites) -> NotBefore {
        writes.not_before(TokenId::mint())
    }

    #[tokio::test]
    async fn one_asks_and_the_others_get_the_same_answer() {
        let (shared, writes, asked) = (Shared::new(1), OwnWrites::new(), AtomicU32::new(0));
        let ask = async |_| {
            tokio::task::yield_now().await;
            Ok(asked.fetch_add(1, SeqCst))
        };
        let all = (0..40).map(|_| shared.get("map", anyone(&writes), ask));
        let answers = futures_util::future::join_all(all).await;
        assert!(answers.iter().all(|answer| *answer == Ok(0)), "{answers:?}");
        assert_eq!(shared.at_hand("map", anyone(&writes)), Some(0));
        assert_eq!(shared.at_hand("another", anyone(&writes)), None);
    }

    #[tokio::test]
    async fn who_wrote_gets_an_answer_from_after_that() {
        let (shared, writes, me) = (Shared::new(1), OwnWrites::new(), TokenId::mint());
        let first = shared.get("map", writes.not_before(me), async |_| Ok(1)).await;
        assert_eq!(first, Ok(1));
        writes.note(me);
        assert_eq!(shared.at_hand("map", writes.not_before(me)), None);
        assert_eq!(shared.at_hand("map", anyone(&writes)), Some(1));
        let second = shared.get("map", writes.not_before(me), async |_| Ok(2)).await;
        assert_eq!(second, Ok(2));
        assert_eq!(shared.at_hand("map", anyone(&writes)), Some(2));
    }

    #[tokio::test]
    async fn who_may_still_be_writing_is_told_nothing_from_before() {
        let (shared, writes, me) = (Shared::new(1), OwnWrites::new(), TokenId::mint());
        writes.note_until(me, Duration::from_secs(3_600));
        for asked in [1, 2] {
            assert_eq!(shared.at_hand("map", writes.not_before(me)), None);
            let told = shared.get("map", writes.not_before(me), async |_| Ok(asked)).await;
            assert_eq!(told, Ok(asked));
        }
        assert_eq!(shared.at_hand("map", anyone(&writes)), Some(2));
    }

    #[tokio::test]
    async fn an_answer_that_was_asked_for_before_the_write_is_of_no_use() {
        let (shared, writes, me) = (Shared::new(1), OwnWrites::new(), TokenId::mint());
        let slow = shared.get("map", anyone(&writes), async |_| {
            writes.note(me);
            Ok(1)
        });
        assert_eq!(slow.await, Ok(1));
        assert_eq!(shared.at_hand("map", writes.not_before(me)), None);
    }

    #[tokio::test]
    async fn one_renews_an_answer_before_it_is_too_old() {
        let (shared, writes) = (Shared::new(1), OwnWrites::new());
        assert_eq!(shared.get("map", anyone(&writes), async |_| Ok(1)).await, Ok(1));
        assert!(shared.renewal("map").is_none(), "it is new");
        let renewal = loop {
            if let Some(renewal) = shared.renewal("map") {
                break renewal;
            }
            tokio::task::yield_now().await;
        };
        assert!(shared.renewal("map").is_none(), "somebody is asking");
        renewal.with(async |known| Ok(known.map_or(0, |known| known + 1))).await;
        assert_eq!(shared.at_hand("map", anyone(&writes)), Some(2));
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (shared, writes) = (Shared::new(1), OwnWrites::new());
        let down = || StoreError::Unavailable("gone".to_owned());
        let failed = shared
            .get("map", anyone(&writes), async |_| Err::<u32, _>(down()))
            .await;
        assert_eq!(failed, Err(down()));
        assert_eq!(shared.get("map", anyone(&writes), async |_| Ok(1)).await, Ok(1));
    }

    #[test]
    fn what_is_of_no_use_any_more_is_forgotten() {
        let mut entries: Entries<usize, ()> = Entries::new(FEW);
        let Some(long_ago) = Instant::now().checked_sub(2 * FRESH) else {
            return;
        };
        for key in 0..10 * FEW {
            entries.insert(key, long_ago, ());
        }
        assert!(entries.known.len() <= FEW, "{}", entries.known.len());
    }
}
