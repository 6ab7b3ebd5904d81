//! Houses in which every seat was found sold a moment ago.

use frontrow_domain::id::ScheduleId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long such a house is not looked at again. What is sold does not come back by itself, and to
/// find out that nothing is left one has to look at every seat.
const REST: Duration = Duration::from_secs(5);

/// The houses that admission need not look at for now.
#[derive(Debug, Default)]
pub(crate) struct SoldOut(Mutex<HashMap<ScheduleId, Instant>>);

impl SoldOut {
    /// Every seat of this house is sold.
    pub(crate) fn note(&self, house: ScheduleId) {
        let mut found = self.found();
        found.retain(|_, at| at.elapsed() < REST);
        found.insert(house, Instant::now());
    }

    /// Whether that was found out a moment ago.
    pub(crate) fn was_just(&self, house: ScheduleId) -> bool {
        self.found().get(&house).is_some_and(|at| at.elapsed() < REST)
    }

    fn found(&self) -> MutexGuard<'_, HashMap<ScheduleId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_house_rests_for_a_while_and_is_then_forgotten() {
        let (sold_out, house, other) = (SoldOut::default(), ScheduleId::mint(), ScheduleId::mint());
        sold_out.note(house);
        assert!(sold_out.was_just(house) && !sold_out.was_just(other));
        let before = Instant::now()
            .checked_sub(REST)
            .expect("the machine has run for a while");
        sold_out.found().insert(house, before);
        assert!(!sold_out.was_just(house), "it is looked at again");
        sold_out.note(other);
        assert_eq!(sold_out.found().len(), 1);
    }
}
