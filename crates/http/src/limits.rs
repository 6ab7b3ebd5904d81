//! How often a caller may call (SPEC §6).

use crate::{code::Code, lock::lock, problem::Problem};
use frontrow_domain::id::UserId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How often callers that have been quiet are forgotten. A limiter needs a caller for two minutes
/// at the most, so this bounds its memory by the callers of a few minutes.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Who is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LimitedCaller {
    /// A user, wherever the calls come from.
    User(UserId),
    /// Somebody without a credential.
    Address(IpAddr),
}

impl LimitedCaller {
    /// An IPv6 caller usually has a whole /64 to call from, so that counts as one address.
    pub(crate) fn at(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::Address(address.into()),
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << 64);
                Self::Address(Ipv6Addr::from(network).into())
            }
        }
    }
}

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Signing up.
    SignUp,
    /// Getting an access token or a place in line.
    TokenIssue,
    /// Asking for one's place in line.
    Poll,
    /// Looking at what can be booked and what was.
    BookingRead,
    /// Holding seats.
    Hold,
    /// Paying and charging.
    Money,
}

impl Rule {
    const ALL: [Rule; 6] = [
        Rule::SignUp,
        Rule::TokenIssue,
        Rule::Poll,
        Rule::BookingRead,
        Rule::Hold,
        Rule::Money,
    ];

    /// The pace; twice that may come at once.
    fn quota(self) -> Quota {
        let (quota, pace): (fn(NonZeroU32) -> Quota, u32) = match self {
            Rule::SignUp | Rule::TokenIssue => (Quota::per_minute, 10),
            Rule::Poll => (Quota::per_second, 2),
            Rule::BookingRead => (Quota::per_second, 5),
            Rule::Hold | Rule::Money => (Quota::per_minute, 20),
        };
        let count = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        quota(count(pace)).allow_burst(count(2 * pace))
    }
}

/// The limits of one process.
pub(crate) struct Limits {
    limiters: Option<[DefaultKeyedRateLimiter<LimitedCaller>; Rule::ALL.len()]>,
    forgot_at: Mutex<Instant>,
}

impl Limits {
    pub(crate) fn new(on: bool) -> Self {
        Self {
            limiters: on.then(|| Rule::ALL.map(|rule| RateLimiter::keyed(rule.quota()))),
            forgot_at: Mutex::new(Instant::now()),
        }
    }

    /// Counts a call.
    ///
    /// # Errors
    /// `rate_limited` when it is one too many, with the time after which it would not be.
    pub(crate) fn check(&self, rule: Rule, caller: LimitedCaller) -> Result<(), Problem> {
        let Some(limiters) = &self.limiters else {
            return Ok(());
        };
        self.forget_quiet_callers(limiters);
        let limiter = &limiters[rule as usize];
        limiter.check_key(&caller).map_err(|not_until| {
            let wait = not_until.wait_time_from(limiter.clock().now());
            Problem::new(Code::RateLimited, "this was asked too often; wait a little").retry_after(wait)
        })
    }

    fn forget_quiet_callers(&self, limiters: &[DefaultKeyedRateLimiter<LimitedCaller>]) {
        {
            let mut forgot_at = lock(&self.forgot_at);
            if forgot_at.elapsed() < FORGET_EVERY {
                return;
            }
            *forgot_at = Instant::now();
        }
        for limiter in limiters {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twice_the_pace_may_come_at_once_and_then_no_more() {
        let limits = Limits::new(true);
        for rule in Rule::ALL {
            let fan = LimitedCaller::User(UserId::mint());
            let burst = rule.quota().burst_size().get();
            for _ in 0..burst {
                assert!(limits.check(rule, fan).is_ok(), "{rule:?}");
            }
            let refused = limits.check(rule, fan).unwrap_err();
            assert_eq!(refused.code, Code::RateLimited, "{rule:?}");
            let another = LimitedCaller::User(UserId::mint());
            assert!(limits.check(rule, another).is_ok(), "{rule:?}");
        }
    }

    #[test]
    fn nobody_is_limited_when_limits_are_off() {
        let limits = Limits::new(false);
        let fan = LimitedCaller::User(UserId::mint());
        assert!((0..1_000).all(|_| limits.check(Rule::SignUp, fan).is_ok()));
    }

    #[test]
    fn a_v6_network_is_one_caller_and_a_mapped_v4_address_is_the_v4_one() {
        let at = |text: &str| LimitedCaller::at(text.parse().unwrap());
        assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
        assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
        assert_eq!(at("::ffff:192.0.2.1"), at("192.0.2.1"));
        assert_ne!(at("192.0.2.1"), at("192.0.2.2"));
    }
}
