//! How many fans a gate lets in at a moment.

use super::Gate;
use crate::clock::Timestamp;
use time::Duration;

/// The most fans that one tick lets in at one gate.
pub const MOST_AT_ONCE: u64 = 1_000;

/// How far the pace may catch up after a pause of the service: one second's worth.
const CATCH_UP: Duration = Duration::seconds(1);

/// What a gate's line looks like at a moment, under the gate's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineState {
    /// When booking opens.
    pub booking_opens_at: Timestamp,
    /// When it closes.
    pub booking_closes_at: Timestamp,
    /// How many tokens are stored as active. Tokens whose time is over must have been ended
    /// before they are counted, under their own locks: then this is never too low.
    pub active: u64,
    /// How many fans were let in during the last 60 seconds, in turn or out of it.
    pub last_minute: u64,
}

/// Fans whom a gate could let in at this moment, were there seats for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nobody enters before the seats are counted"]
pub struct Opening {
    at_most: u64,
    active: u64,
    interval: Duration,
    first_slot: Timestamp,
}

impl Opening {
    /// Counting seats any further than this makes no difference.
    #[must_use]
    pub fn seats_that_matter(&self) -> u64 {
        self.active.saturating_add(self.at_most)
    }

    /// Who may enter when this many seats are unsold: free, or held by somebody and so perhaps free
    /// again. The seats must have been counted after those inside were.
    #[must_use]
    pub fn with_unsold(self, unsold: u64) -> Admission {
        Admission {
            at_most: self.at_most.min(unsold.saturating_sub(self.active)),
            interval: self.interval,
            first_slot: self.first_slot,
        }
    }
}

/// How many fans may enter now, and when the pace allows the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// So many of those who wait, in the order of their numbers.
    pub at_most: u64,
    interval: Duration,
    first_slot: Timestamp,
}

impl Admission {
    /// The gate's next slot after `admitted` fans were let in (at most [`Self::at_most`]).
    #[must_use]
    pub fn next_slot_after(&self, admitted: u64) -> Timestamp {
        self.first_slot + self.interval * i32::try_from(admitted).unwrap_or(i32::MAX)
    }
}

/// Decides how many fans a gate lets in: never more than fit inside, never more in a minute than
/// set, one after another at an even pace, and ([`Opening::with_unsold`]) never more than there are
/// seats that can still become theirs. `None` when nobody may enter, however many seats there are.
#[must_use]
pub fn admit(gate: &Gate, line: LineState, now: Timestamp) -> Option<Opening> {
    let per_minute = gate.settings.admissions_per_minute.max(1);
    let interval = Duration::MINUTE / i32::try_from(per_minute).unwrap_or(i32::MAX);
    // A slot further away than one interval was set under a slower pace.
    let next_slot = gate.next_slot_at.filter(|slot| *slot <= now + interval);
    let first_slot = next_slot.map_or(now, |slot| slot.max(now - CATCH_UP));
    let open = line.booking_opens_at <= now && now < line.booking_closes_at;
    if gate.settings.paused || !open || first_slot > now {
        return None;
    }
    let since = (now - first_slot).whole_microseconds();
    let slots = since / interval.whole_microseconds().max(1) + 1;
    let free = u64::from(gate.settings.max_active).saturating_sub(line.active);
    let minute = u64::from(per_minute).saturating_sub(line.last_minute);
    let at_most = u64::try_from(slots)
        .unwrap_or(0)
        .min(free)
        .min(minute)
        .min(MOST_AT_ONCE);
    (at_most > 0).then_some(Opening {
        at_most,
        active: line.active,
        interval,
        first_slot,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{id::ScheduleId, queue::GateSettings};
    use proptest::prelude::*;
    use std::collections::VecDeque;
    use time::macros::datetime;

    const OPENS: Timestamp = datetime!(2026-12-01 20:00 UTC);

    fn gate(max_active: u32, admissions_per_minute: u32) -> Gate {
        let settings = GateSettings {
            max_active,
            admissions_per_minute,
            ..GateSettings::default()
        };
        Gate::new(ScheduleId::mint(), settings)
    }

    /// How many enter when there are seats for everybody.
    fn enter(gate: &Gate, line: LineState, now: Timestamp) -> u64 {
        admit(gate, line, now).map_or(0, |opening| opening.with_unsold(u64::MAX).at_most)
    }

    fn line(active: u64, last_minute: u64) -> LineState {
        let booking_closes_at = OPENS + Duration::hours(1);
        LineState {
            booking_opens_at: OPENS,
            booking_closes_at,
            active,
            last_minute,
        }
    }

    #[test]
    fn nobody_enters_before_booking_opens_nor_after_it_closes() {
        let gate = gate(10, 600);
        assert_eq!(enter(&gate, line(0, 0), OPENS - Duration::MICROSECOND), 0);
        assert_eq!(enter(&gate, line(0, 0), OPENS), 1);
        assert_eq!(enter(&gate, line(0, 0), OPENS + Duration::hours(1)), 0);
    }

    #[test]
    fn a_paused_or_full_gate_lets_nobody_in() {
        let mut gate = gate(10, 600);
        assert_eq!(enter(&gate, line(10, 0), OPENS), 0);
        assert_eq!(enter(&gate, line(11, 0), OPENS), 0);
        gate.settings.paused = true;
        assert_eq!(enter(&gate, line(0, 0), OPENS), 0);
    }

    #[test]
    fn a_quicker_pace_counts_at_once() {
        let mut gate = gate(10, 1);
        let first = admit(&gate, line(0, 0), OPENS).unwrap().with_unsold(1);
        gate.next_slot_at = Some(first.next_slot_after(1));
        let soon = OPENS + Duration::seconds(1);
        assert_eq!(enter(&gate, line(1, 1), soon), 0);
        gate.settings.admissions_per_minute = 600;
        assert_eq!(enter(&gate, line(1, 1), soon), 1);
    }

    #[test]
    fn a_stalled_service_catches_up_one_second_at_the_most() {
        let mut gate = gate(1_000, 600);
        gate.next_slot_at = Some(OPENS);
        let later = OPENS + Duration::seconds(30);
        assert_eq!(enter(&gate, line(0, 0), later), 11);
    }

    #[test]
    fn nobody_enters_a_house_that_is_sold_out() {
        let gate = gate(10, 600);
        let opening = admit(&gate, line(0, 0), OPENS).unwrap();
        assert_eq!(opening.with_unsold(0).at_most, 0);
        assert_eq!(opening.with_unsold(1).at_most, 1);
        let inside = admit(&gate, line(3, 3), OPENS).unwrap();
        assert_eq!(inside.with_unsold(3).at_most, 0, "the three inside may get all of them");
        assert_eq!(inside.with_unsold(4).at_most, 1);
    }

    /// What happens to the seats between two ticks: so many fans who are inside buy so many each.
    fn any_sales() -> impl Strategy<Value = (u64, u64)> {
        (0_u64..4, 1_u64..5)
    }

    proptest! {
        #[test]
        fn in_no_minute_more_enter_than_set_and_never_more_are_inside_than_fit_or_can_buy(
            per_minute in 1_u32..3_000,
            max_active in 1_u32..5_000,
            seats in 0_u64..500,
            ticks in prop::collection::vec((1_i64..2_500, any_sales()), 1..400),
        ) {
            let mut gate = gate(max_active, per_minute);
            let mut now = OPENS;
            let mut recent: VecDeque<(Timestamp, u64)> = VecDeque::new();
            let mut inside = 0;
            let mut unsold = seats;
            for (wait, (buyers, each)) in ticks {
                now += Duration::milliseconds(wait);
                for _ in 0..buyers.min(inside).min(unsold) {
                    unsold = unsold.saturating_sub(each);
                    inside -= 1;
                }
                while recent.front().is_some_and(|(at, _)| *at <= now - Duration::MINUTE) {
                    recent.pop_front();
                }
                let last_minute = recent.iter().map(|(_, count)| count).sum();
                let Some(opening) = admit(&gate, line(inside, last_minute), now) else { continue };
                let admission = opening.with_unsold(unsold);
                let counted = unsold.min(opening.seats_that_matter());
                prop_assert_eq!(opening.with_unsold(counted), admission, "counting on is of no use");
                if admission.at_most == 0 {
                    continue;
                }
                inside += admission.at_most;
                gate.next_slot_at = Some(admission.next_slot_after(admission.at_most));
                recent.push_back((now, admission.at_most));
                let entered: u64 = recent.iter().map(|(_, count)| count).sum();
                prop_assert!(entered <= u64::from(per_minute));
                prop_assert!(inside <= u64::from(max_active));
                prop_assert!(inside <= unsold, "{} are inside for {} seats", inside, unsold);
            }
        }
    }
}
