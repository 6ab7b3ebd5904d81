//! When fans arrive. The schedule is made before the first one comes and nothing that happens changes it: a server that
//! is slow meets the same crowd as one that is quick.

use crate::dice::Dice;
use std::time::Duration;

/// The moments at which fans arrive, counted from the opening, in order: `burst` of them at once, the others by a
/// Poisson process of `per_second`.
pub(crate) fn schedule(fans: u32, burst: u32, per_second: f64, dice: &mut Dice) -> Vec<Duration> {
    let mut at = 0.0;
    let tail = (burst..fans).map(|_| {
        at += dice.gap(per_second);
        Duration::from_secs_f64(at)
    });
    let tail: Vec<_> = tail.collect();
    let head = std::iter::repeat_n(Duration::ZERO, burst.min(fans) as usize);
    head.chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn everybody_arrives_in_order_and_the_burst_at_once(
            fans in 0_u32..2_000, share in 0.0..=1.0_f64, per_second in 0.1..10_000.0_f64, seed: u64,
        ) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
            let burst = (f64::from(fans) * share) as u32;
            let arrivals = schedule(fans, burst, per_second, &mut Dice::of_arrivals(seed));
            prop_assert_eq!(arrivals.len(), fans as usize);
            prop_assert!(arrivals.is_sorted());
            let at_once = arrivals.iter().filter(|at| at.is_zero()).count();
            prop_assert_eq!(at_once, burst as usize);
            prop_assert_eq!(arrivals, schedule(fans, burst, per_second, &mut Dice::of_arrivals(seed)));
        }

        /// The last of n arrivals of a Poisson process comes after n / rate, give or take; ten standard deviations
        /// are given.
        #[test]
        fn the_tail_keeps_its_rate(per_second in 0.1..10_000.0_f64, seed: u64) {
            let fans = 10_000;
            let arrivals = schedule(fans, 0, per_second, &mut Dice::of_arrivals(seed));
            let last = arrivals.last().unwrap().as_secs_f64() * per_second / f64::from(fans);
            prop_assert!((0.9..1.1).contains(&last), "{}", last);
        }
    }

    #[test]
    fn gaps_are_as_uneven_as_chance_has_them() {
        let arrivals = schedule(10_000, 0, 1.0, &mut Dice::of_arrivals(7));
        let gaps = arrivals.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
        let long = gaps.filter(|gap| *gap > 1.0).count();
        // e^-1 of all gaps are longer than the mean.
        assert!((3_400..3_960).contains(&long), "{long}");
    }
}
