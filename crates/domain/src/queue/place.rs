//! Telling a fan the truth about where they stand.

use super::{Gate, GateSettings, MeasuredPace, Outlook, QueueToken, TokenState};
use crate::{
    catalog::Schedule,
    clock::Timestamp,
    id::{ConcertId, ScheduleId, TokenId},
    policy::Policy,
};
use serde::{Deserialize, Serialize};
use time::Date;

/// The end of a line, where numbers are given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whose line.
    pub schedule_id: ScheduleId,
    /// The last number given out.
    pub issued: u64,
    /// How many fans left the line out of turn: the last departure given out.
    pub departed: u64,
    /// The gate in front of it.
    pub gate: Gate,
}

impl Line {
    /// The empty line of a new performance.
    #[must_use]
    pub fn new(schedule: &Schedule, gate: Gate) -> Self {
        Self {
            schedule_id: schedule.id,
            issued: 0,
            departed: 0,
            gate,
        }
    }

    /// How many fans wait, as long as booking has not closed: who is given a number either still
    /// waits, or was let in when it was their turn, or left the line out of turn.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.issued.saturating_sub(self.departed + self.gate.admitted)
    }
}

/// Where a waiting fan stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// 1 for the next to enter.
    pub position: u64,
    /// When the fan may expect to enter; `None` while nobody is let in: the gate is paused or
    /// everything is sold.
    pub estimated_wait_seconds: Option<u64>,
    /// It may be as soon as this …
    #[serde(default)]
    pub estimated_wait_from_seconds: Option<u64>,
    /// … or as late as that.
    #[serde(default)]
    pub estimated_wait_to_seconds: Option<u64>,
    /// When to ask again.
    pub poll_after_seconds: u64,
}

/// What a wait depends on, apart from those ahead.
#[derive(Debug, Clone, Copy)]
pub struct WaitAt<'g> {
    /// What the operator set.
    pub settings: &'g GateSettings,
    /// From when on fans are let in.
    pub booking_opens_at: Timestamp,
    /// What was seen of the gate's pace.
    pub pace: MeasuredPace,
    /// The deployment's settings.
    pub policy: &'g Policy,
}

/// Near the front one asks again after so many seconds at the most, however slow the line is.
const NEAR: u64 = 5;

impl Place {
    /// Tells a fan with `ahead` fans before them where they stand.
    #[must_use]
    pub fn of(token: TokenId, ahead: u64, at: &WaitAt<'_>, now: Timestamp) -> Self {
        let per_minute = at.settings.admissions_per_minute;
        let until_opening = u64::try_from((at.booking_opens_at - now).whole_seconds()).unwrap_or(0);
        let in_line = at.pace.wait(ahead, per_minute);
        let soonest = ahead.saturating_mul(60) / u64::from(per_minute.max(1));
        let asked_again = (until_opening.saturating_add(in_line.from) / 10)
            .min((until_opening.saturating_add(soonest) / 2).saturating_add(NEAR));
        let told = |seconds: u64| (!at.settings.paused).then_some(until_opening.saturating_add(seconds));
        Self {
            position: ahead + 1,
            estimated_wait_seconds: told(in_line.seconds),
            estimated_wait_from_seconds: told(in_line.from),
            estimated_wait_to_seconds: told(in_line.to),
            poll_after_seconds: scattered(token, asked_again, at.policy),
        }
    }

    /// The place in front of a gate at which nobody is let in any more.
    fn without_estimate(self) -> Self {
        Self {
            estimated_wait_seconds: None,
            estimated_wait_from_seconds: None,
            estimated_wait_to_seconds: None,
            ..self
        }
    }
}

/// When a fan should ask again: up to a quarter earlier, always the same for the same fan, so that
/// those who were told at the same moment do not come back at the same moment. Never later than half
/// the claim window, so that no slot is lost meanwhile.
fn scattered(token: TokenId, seconds: u64, policy: &Policy) -> u64 {
    let longest = u64::try_from(policy.claim.whole_seconds() / 2).unwrap_or(1).max(1);
    let seconds = seconds.clamp(1, longest);
    let share = token.0.as_u128() & 0xFFFF;
    let earlier = u128::from(seconds) * share / (4 << 16);
    seconds - u64::try_from(earlier).unwrap_or(0)
}

/// What an instance knows of a gate beyond what storage tells of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forecast {
    /// Whether there is anything left; `None` when nobody looked lately.
    pub outlook: Option<Outlook>,
    /// What was seen of the gate's pace.
    pub pace: MeasuredPace,
}

/// All there is to say about a token at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenStatus {
    /// The token as stored.
    pub token: QueueToken,
    /// For which concert.
    pub concert_id: ConcertId,
    /// For which day at the venue.
    pub date: Date,
    /// Where the fan stands, while waiting.
    pub place: Option<Place>,
    /// Whether there is anything left, for those who wait or are inside. Storage tells nothing about it.
    #[serde(default)]
    pub outlook: Option<Outlook>,
    /// The moment this was true.
    pub as_of: Timestamp,
}

impl TokenStatus {
    /// The same, with what there is left to hope for.
    #[must_use]
    pub fn with_outlook(mut self, outlook: Option<Outlook>) -> Self {
        self.outlook = outlook.filter(|_| self.state().is_live());
        if self.outlook == Some(Outlook::SoldOut) {
            self.place = self.place.map(Place::without_estimate);
        }
        self
    }

    /// The state at the moment of the status.
    #[must_use]
    pub fn state(&self) -> TokenState {
        self.token.state_at(self.as_of)
    }

    /// When the token ends by itself, while inside.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        (self.state() == TokenState::Active).then_some(self.token.lapses_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use time::{Duration, macros::datetime};

    const OPENS: Timestamp = datetime!(2026-12-01 20:00 UTC);

    fn policy(claim: i64) -> Policy {
        Policy {
            hold: Duration::minutes(5),
            claim: Duration::seconds(claim),
            seat_limit: 4,
            currency: Currency::from_code("KRW").unwrap(),
        }
    }

    fn place(token: TokenId, ahead: u64, per_minute: u32, policy: &Policy, now: Timestamp) -> Place {
        let settings = GateSettings {
            admissions_per_minute: per_minute,
            ..GateSettings::default()
        };
        let at = WaitAt {
            settings: &settings,
            booking_opens_at: OPENS,
            pace: MeasuredPace::default(),
            policy,
        };
        Place::of(token, ahead, &at, now)
    }

    proptest! {
        #[test]
        fn one_asks_again_later_the_longer_the_wait_but_never_too_late(
            ahead in prop_oneof![0_u64..100, 0_u64..1_000_000],
            further in 0_u64..10_000,
            per_minute in 1_u32..100_000,
            claim in 1_i64..600,
            early in 0_i64..10_000,
        ) {
            let (policy, token) = (policy(claim), TokenId::mint());
            let again = |ahead| place(token, ahead, per_minute, &policy, OPENS - Duration::seconds(early));
            let (near, far) = (again(ahead), again(ahead + further));
            prop_assert_eq!(near, again(ahead), "the same fan gets the same advice");
            prop_assert!(near.poll_after_seconds <= far.poll_after_seconds);
            let longest = u64::try_from(claim / 2).unwrap().max(1);
            prop_assert!((1..=longest).contains(&near.poll_after_seconds));
        }
    }

    #[test]
    fn near_the_front_one_asks_often_however_slow_the_line_is() {
        let meanwhile = OPENS + Duration::MINUTE;
        for (ahead, per_minute) in [(0, 1), (5, 600), (20, 600)] {
            let place = place(TokenId::mint(), ahead, per_minute, &policy(60), meanwhile);
            assert!((1..=5).contains(&place.poll_after_seconds), "{place:?}");
        }
    }

    #[test]
    fn those_who_were_told_at_once_do_not_come_back_at_once() {
        let advice = |_| place(TokenId::mint(), 100_000, 600, &policy(60), OPENS).poll_after_seconds;
        let advice: Vec<u64> = (0..8_000).map(advice).collect();
        let different: BTreeSet<u64> = advice.iter().copied().collect();
        assert_eq!(different, (23..=30).collect());
        for seconds in different {
            let many = advice.iter().filter(|other| **other == seconds).count();
            assert!(many < 1_500, "{many} come back after {seconds} s");
        }
    }

    #[test]
    fn where_nobody_is_let_in_no_wait_is_told() {
        let place = place(TokenId::mint(), 7, 600, &policy(60), OPENS);
        assert!(place.estimated_wait_seconds.is_some() && place.estimated_wait_to_seconds.is_some());
        let without = place.without_estimate();
        assert_eq!(
            (without.position, without.poll_after_seconds),
            (8, place.poll_after_seconds)
        );
        assert_eq!(without.estimated_wait_seconds, None);
    }
}
