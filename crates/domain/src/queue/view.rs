//! What one instance knows of a gate: enough to tell every fan in its line where they stand.

use super::{GateSettings, port::GateNews};
use crate::clock::Timestamp;
use roaring::RoaringTreemap;

/// How far a line has moved and who left it out of turn.
///
/// It grows by what it is told and forgets nothing that counts, in whatever order it is told, so
/// no position that it gives ever rises. It is small however many fans wait, because it knows
/// nothing about them, and takes a few bytes for each who left.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GateView {
    mark: u64,
    leavers: RoaringTreemap,
    seen: u64,
    whole: Option<Whole>,
}

/// The latest news after which nothing was missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Whole {
    settings: GateSettings,
    as_of: Timestamp,
}

impl GateView {
    /// How many fans wait before the one with this number; `None` when that one does not wait any
    /// more.
    #[must_use]
    pub fn ahead(&self, number: u64) -> Option<u64> {
        let waits = number > self.mark && !self.leavers.contains(number);
        // All leavers are beyond the mark and, here, none of them has this number.
        waits.then(|| number - self.mark - 1 - self.leavers.rank(number))
    }

    /// Up to which departure this view knows all of them.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Everything that was visible at this moment is known; `None` as long as something is
    /// missing from the beginning.
    #[must_use]
    pub fn as_of(&self) -> Option<Timestamp> {
        self.whole.map(|whole| whole.as_of)
    }

    /// What the operator had set by then.
    #[must_use]
    pub fn settings(&self) -> Option<GateSettings> {
        self.whole.map(|whole| whole.settings)
    }

    /// Takes in what happened. Says whether the view is now as old as these news.
    pub fn apply(&mut self, news: &GateNews) -> bool {
        let beyond = news.leavers.iter().filter(|number| **number > self.mark);
        self.leavers.extend(beyond);
        if news.admitted_number > self.mark {
            self.mark = news.admitted_number;
            self.leavers.remove_range(..=self.mark);
        }
        if news.after <= self.seen {
            self.seen = self.seen.max(news.seen);
        }
        let whole = self.seen >= news.departed;
        let latest = whole && self.as_of().is_none_or(|as_of| as_of <= news.as_of);
        if latest {
            self.whole = Some(Whole {
                settings: news.settings,
                as_of: news.as_of,
            });
        }
        latest
    }

    /// Notes a fan who left, before the news tell of it.
    pub fn note(&mut self, leaver: u64) {
        if leaver > self.mark {
            self.leavers.insert(leaver);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ScheduleId;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use time::{Duration, macros::datetime};

    const OPENS: Timestamp = datetime!(2026-12-01 20:00 UTC);

    /// A line as it really is: everything that ever happened, in order.
    #[derive(Debug, Default, Clone)]
    struct Naive {
        mark: u64,
        departures: Vec<u64>,
    }

    impl Naive {
        const JOINED: u64 = 60;

        fn waits(&self, number: u64) -> bool {
            number > self.mark && !self.departures.contains(&number)
        }

        fn ahead(&self, number: u64) -> Option<u64> {
            let before = (1..number).filter(|other| self.waits(*other));
            self.waits(number).then(|| before.count() as u64)
        }

        fn leave(&mut self, number: u64) {
            if self.waits(number) {
                self.departures.push(number);
            }
        }

        /// Moves the mark over this many who wait.
        fn admit(&mut self, many: u64) {
            for _ in 0..many {
                let next = (self.mark + 1..=Self::JOINED).find(|number| self.waits(*number));
                self.mark = next.unwrap_or(self.mark);
            }
        }

        /// What storage would tell, at most so many leavers at once.
        fn news(&self, after: u64, most: u64, at: i64) -> GateNews {
            let departed = self.departures.len() as u64;
            let seen = departed.min(after + most);
            let told = &self.departures[usize::try_from(after).unwrap()..usize::try_from(seen).unwrap()];
            GateNews {
                schedule_id: ScheduleId(uuid::Uuid::nil()),
                settings: GateSettings::default(),
                issued: Self::JOINED,
                admitted: 0,
                admitted_number: self.mark,
                departed,
                after,
                seen,
                leavers: told.iter().copied().filter(|number| *number > self.mark).collect(),
                as_of: OPENS + Duration::seconds(at),
            }
        }
    }

    #[derive(Debug, Clone)]
    enum Event {
        Leaves(u64),
        LeavesHere(u64),
        Admit(u64),
        /// Storage is read, and the answer is taken in after so many later ones.
        Read {
            most: u64,
            late: usize,
        },
    }

    fn any_event() -> impl Strategy<Value = Event> {
        prop_oneof![
            4 => (1..=Naive::JOINED).prop_map(Event::Leaves),
            1 => (1..=Naive::JOINED).prop_map(Event::LeavesHere),
            2 => (1_u64..20).prop_map(Event::Admit),
            3 => (1_u64..30, 0_usize..3).prop_map(|(most, late)| Event::Read { most, late }),
        ]
    }

    fn all(view: &GateView) -> Vec<Option<u64>> {
        (1..=Naive::JOINED).map(|number| view.ahead(number)).collect()
    }

    /// Everybody's place is where it was or further ahead, and who is gone stays gone.
    fn no_higher(before: &[Option<u64>], after: &[Option<u64>]) -> bool {
        before.iter().zip(after).all(|(before, after)| match (before, after) {
            (Some(before), Some(after)) => after <= before,
            (Some(_) | None, None) => true,
            (None, Some(_)) => false,
        })
    }

    proptest! {
        #[test]
        fn positions_are_never_too_low_never_rise_and_are_exact_in_the_end(
            events in prop::collection::vec(any_event(), 1..80),
        ) {
            let mut line = Naive::default();
            let mut view = GateView::default();
            let mut under_way: Vec<(usize, GateNews)> = Vec::new();
            for (event, at) in events.into_iter().zip(0..) {
                let before = all(&view);
                match event {
                    Event::Leaves(number) => line.leave(number),
                    Event::LeavesHere(number) => {
                        let waited = line.waits(number);
                        line.leave(number);
                        if waited {
                            view.note(number);
                            prop_assert_eq!(view.ahead(number), None);
                        }
                    }
                    Event::Admit(many) => line.admit(many),
                    Event::Read { most, late } => under_way.push((late, line.news(view.seen(), most, at))),
                }
                under_way.retain_mut(|(late, news)| {
                    let due = *late == 0;
                    if due {
                        view.apply(news);
                    }
                    *late = late.saturating_sub(1);
                    !due
                });
                let after = all(&view);
                prop_assert!(no_higher(&before, &after));
                let truth: Vec<_> = (1..=Naive::JOINED).map(|number| line.ahead(number)).collect();
                prop_assert!(no_higher(&after, &truth), "never ahead of the truth");
            }
            let mut at = 1_000;
            while !view.apply(&line.news(view.seen(), 7, at)) {
                at += 1;
            }
            for number in 1..=Naive::JOINED {
                prop_assert_eq!(view.ahead(number), line.ahead(number), "of number {}", number);
            }
            prop_assert_eq!(view.as_of(), Some(OPENS + Duration::seconds(at)));
        }
    }

    #[test]
    fn a_view_that_misses_somebody_has_no_moment() {
        let line = Naive {
            mark: 0,
            departures: vec![2, 4, 6],
        };
        let mut view = GateView::default();
        assert!(!view.apply(&line.news(0, 2, 1)));
        assert_eq!((view.as_of(), view.settings(), view.seen()), (None, None, 2));
        assert!(view.apply(&line.news(2, 2, 2)));
        assert_eq!(view.as_of(), Some(OPENS + Duration::seconds(2)));
        assert!(!view.apply(&line.news(0, 9, 1)), "older news make nothing newer");
        assert_eq!(view.as_of(), Some(OPENS + Duration::seconds(2)));
    }

    #[test]
    fn a_hundred_thousand_leavers_take_a_few_bytes_each() {
        let mut view = GateView::default();
        let leavers: BTreeSet<u64> = (1..=100_000).map(|place| place * 37).collect();
        leavers.iter().for_each(|number| view.note(*number));
        assert!(view.leavers.serialized_size() < 300_000);
        assert_eq!(view.ahead(3_700_001), Some(3_600_000));
    }
}
