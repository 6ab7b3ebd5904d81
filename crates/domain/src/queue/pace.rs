//! How fast a gate really lets fans in, and how long one therefore waits.

use super::{GateSettings, port::GateNews};
use crate::clock::Timestamp;
use std::collections::VecDeque;
use time::Duration;

/// How far back the pace is measured.
const WINDOW: Duration = Duration::MINUTE;

/// How far apart the moments are that it is measured between.
const STEP: Duration = Duration::SECOND;

/// What was seen of a gate's pace: so many fans were let in while somebody waited for that long at
/// an open gate. Nothing was seen by [`Self::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeasuredPace {
    admitted: u64,
    micros: u64,
}

/// How long a fan may expect to wait in line, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitEstimate {
    /// The best guess.
    pub seconds: u64,
    /// It may be as short as this …
    pub from: u64,
    /// … or as long as that; the more was seen of the gate, the closer they are.
    pub to: u64,
}

impl MeasuredPace {
    /// How long it takes until a fan with so many ahead is let in.
    ///
    /// What was set counts like one admission that was seen, so the estimate begins with the pace
    /// that was set and moves to the one that is measured. It is never shorter than the pace that
    /// was set allows, and never without an end.
    #[must_use]
    pub fn wait(self, ahead: u64, admissions_per_minute: u32) -> WaitEstimate {
        const MINUTE: u128 = 60_000_000;
        let per_minute = u128::from(admissions_per_minute.max(1));
        let (ahead, seen) = (u128::from(ahead), u128::from(self.admitted) + 1);
        // All times here are microseconds, multiplied by what is set for a minute to stay whole.
        let soonest = ahead * MINUTE;
        let taken = u128::from(self.micros) * per_minute + MINUTE;
        let measured = ((ahead + 1).saturating_mul(taken) / seen).saturating_sub(MINUTE);
        // Of so many events that come by chance, two in the root of their number more or less are common.
        let root = seen.isqrt();
        let seconds = |wait: u128| {
            let whole = wait.max(soonest).div_ceil(per_minute * 1_000_000);
            u64::try_from(whole).unwrap_or(u64::MAX)
        };
        WaitEstimate {
            seconds: seconds(measured),
            from: seconds(measured.saturating_mul(root) / (root + 2)),
            to: seconds(measured.saturating_mul(root + 2) / root),
        }
    }
}

/// Follows a gate and measures its pace.
#[derive(Debug, Default)]
pub(super) struct PaceMeter {
    latest: Option<Seen>,
    /// What had been counted by then, oldest first.
    counts: VecDeque<(Timestamp, MeasuredPace)>,
    counted: MeasuredPace,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Timestamp,
    settings: GateSettings,
    admitted: u64,
    could_enter: bool,
}

impl PaceMeter {
    /// Takes in what happened at a gate that opens at this moment. News that are older than the
    /// last tell nothing new.
    pub(super) fn observe(&mut self, news: &GateNews, booking_opens_at: Timestamp) {
        let seen = Seen {
            at: news.as_of,
            settings: news.settings,
            admitted: news.admitted,
            could_enter: !news.settings.paused && booking_opens_at <= news.as_of && news.waiting() > 0,
        };
        let before = self
            .latest
            .filter(|before| same_limits(&before.settings, &seen.settings));
        if self.latest.is_some_and(|latest| latest.at >= seen.at) {
            return;
        }
        self.latest = Some(seen);
        match before {
            // Another gate, as it were.
            None => {
                self.counted = MeasuredPace::default();
                self.counts.clear();
            }
            Some(before) if before.could_enter => {
                let passed = (seen.at - before.at).whole_microseconds();
                self.counted.micros = self.counted.micros.saturating_add(u64::try_from(passed).unwrap_or(0));
                self.counted.admitted += seen.admitted.saturating_sub(before.admitted);
            }
            Some(_) => {}
        }
        self.keep(seen.at);
    }

    /// What was counted during the last minute.
    pub(super) fn measured(&self) -> MeasuredPace {
        let Some((_, first)) = self.counts.front() else {
            return MeasuredPace::default();
        };
        MeasuredPace {
            admitted: self.counted.admitted - first.admitted,
            micros: self.counted.micros - first.micros,
        }
    }

    fn keep(&mut self, now: Timestamp) {
        if self.counts.back().is_none_or(|(at, _)| now - *at >= STEP) {
            self.counts.push_back((now, self.counted));
        }
        while self.counts.len() > 1 && self.counts.front().is_some_and(|(at, _)| now - *at > WINDOW) {
            self.counts.pop_front();
        }
    }
}

/// Whether what limits the pace is the same.
fn same_limits(one: &GateSettings, other: &GateSettings) -> bool {
    (one.max_active, one.admissions_per_minute) == (other.max_active, other.admissions_per_minute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ScheduleId;
    use proptest::prelude::*;
    use time::macros::datetime;

    const OPENS: Timestamp = datetime!(2026-12-01 20:00 UTC);

    fn measured(admitted: u64, seconds: u64) -> MeasuredPace {
        MeasuredPace {
            admitted,
            micros: seconds * 1_000_000,
        }
    }

    /// News of a gate with a hundred in line.
    fn news(at: i64, admitted: u64, settings: GateSettings) -> GateNews {
        GateNews {
            schedule_id: ScheduleId(uuid::Uuid::nil()),
            settings,
            issued: admitted + 100,
            admitted,
            admitted_number: admitted,
            departed: 0,
            after: 0,
            seen: 0,
            leavers: Vec::new(),
            as_of: OPENS + Duration::seconds(at),
        }
    }

    fn paused() -> GateSettings {
        GateSettings {
            paused: true,
            ..GateSettings::default()
        }
    }

    #[test]
    fn before_anything_was_measured_the_pace_is_the_one_that_was_set() {
        let unsure = MeasuredPace::default();
        assert_eq!(unsure.wait(0, 6).seconds, 0);
        let far = unsure.wait(100, 600);
        assert_eq!((far.seconds, far.from, far.to), (10, 10, 30));
    }

    #[test]
    fn a_gate_that_keeps_its_pace_is_believed() {
        let wait = measured(600, 60).wait(3_000, 600);
        assert_eq!((wait.seconds, wait.from), (300, 300));
        assert!((301..330).contains(&wait.to), "{wait:?}");
    }

    #[test]
    fn where_few_come_out_few_get_in() {
        let wait = measured(30, 60).wait(300, 600);
        assert!((570..620).contains(&wait.seconds), "{wait:?}");
        assert!(wait.from < wait.seconds && wait.seconds < wait.to, "{wait:?}");
        assert_eq!(measured(0, 60).wait(0, 600).seconds, 60, "nobody came in for a minute");
    }

    #[test]
    fn the_time_in_which_nobody_could_enter_does_not_count() {
        let open = GateSettings::default();
        let mut meter = PaceMeter::default();
        for (at, admitted, settings) in [
            (-10, 0, open),
            (-1, 0, open),
            (1, 10, open),
            (2, 14, open),
            (3, 18, paused()),
            (30, 18, open),
            (31, 20, open),
        ] {
            meter.observe(&news(at, admitted, settings), OPENS);
        }
        assert_eq!(meter.measured(), measured(10, 3));
        let nobody = GateNews {
            issued: 20,
            ..news(32, 20, open)
        };
        meter.observe(&nobody, OPENS);
        meter.observe(&news(50, 20, open), OPENS);
        assert_eq!(meter.measured(), measured(10, 4));
    }

    #[test]
    fn old_counts_are_forgotten_and_so_is_all_when_the_limits_change() {
        let open = GateSettings::default();
        let mut meter = PaceMeter::default();
        for at in 0..200_u32 {
            let admitted = if at < 100 { u64::from(at) * 10 } else { 1_000 };
            meter.observe(&news(at.into(), admitted, open), OPENS);
            assert!(meter.counts.len() < 63, "{}", meter.counts.len());
        }
        assert_eq!(meter.measured(), measured(0, 60));
        meter.observe(&news(198, 5_000, open), OPENS);
        assert_eq!(meter.measured(), measured(0, 60), "old news");
        let wider = GateSettings {
            max_active: 500,
            ..open
        };
        meter.observe(&news(200, 1_000, wider), OPENS);
        assert_eq!(meter.measured(), MeasuredPace::default());
        meter.observe(&news(202, 1_016, wider), OPENS);
        assert_eq!(meter.measured(), measured(16, 2));
    }

    proptest! {
        #[test]
        fn a_wait_grows_with_those_ahead_and_is_never_shorter_than_the_pace_allows(
            admitted in 0_u64..2_000_000,
            millis in 0_u64..120_000,
            per_minute in 1_u32..=1_000_000,
            ahead in prop_oneof![0_u64..50, 0_u64..2_000_000],
            further in 0_u64..1_000,
        ) {
            let measured = MeasuredPace { admitted, micros: millis * 1_000 };
            let near = measured.wait(ahead, per_minute);
            let far = measured.wait(ahead + further, per_minute);
            prop_assert!(near.seconds <= far.seconds && near.from <= far.from && near.to <= far.to);
            let soonest = (ahead * 60).div_ceil(u64::from(per_minute));
            prop_assert!(soonest <= near.from && near.from <= near.seconds && near.seconds <= near.to);
            // At the worst nobody came in for as long as was looked at, and so it goes on.
            let longest = (ahead + 1) * (millis.div_ceil(1_000) + 60) * 3;
            prop_assert!(near.to <= longest, "{} of {}", near.to, longest);
        }
    }

    #[test]
    fn no_number_is_too_large() {
        let never = MeasuredPace {
            admitted: 0,
            micros: u64::MAX,
        };
        assert_eq!(never.wait(u64::MAX, u32::MAX).to, u64::MAX);
        let always = MeasuredPace {
            admitted: u64::MAX,
            micros: 0,
        };
        assert_eq!(
            always.wait(0, u32::MAX),
            WaitEstimate {
                seconds: 0,
                from: 0,
                to: 0
            }
        );
    }
}
