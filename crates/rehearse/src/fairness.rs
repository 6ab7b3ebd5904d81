//! Whether fans were let in in the order they joined, as fans themselves can tell.
//!
//! Who of two fans joined first is certain only when one had the answer before the other asked; requests that overlap
//! may be served in either order. The moments of joining are the fans', the moments of admission the server's: they are
//! never compared with each other.

use serde::Serialize;

/// One fan who was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Admission {
    /// When the fan began to ask for a place in line.
    pub(crate) asked: u64,
    /// When the fan had it.
    pub(crate) joined: u64,
    /// When the server let the fan in.
    pub(crate) admitted: i64,
}

/// What was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Fairness {
    /// Fans who were let in.
    pub admitted: u64,
    /// Pairs of them of whom one certainly joined before the other.
    pub pairs: u64,
    /// Pairs of these in which the later one was let in first.
    pub inversions: u64,
    /// Fans who saw somebody let in before them who certainly joined after them.
    pub overtaken: u64,
}

/// Compares every fan with every other, in n log n.
pub(crate) fn judge(admissions: &[Admission]) -> Fairness {
    let mut by_asked = admissions.to_vec();
    by_asked.sort_unstable_by_key(|fan| fan.asked);
    let mut by_joined = admissions.to_vec();
    by_joined.sort_unstable_by_key(|fan| fan.joined);
    let mut moments: Vec<_> = admissions.iter().map(|fan| fan.admitted).collect();
    moments.sort_unstable();
    moments.dedup();
    let rank = |fan: &Admission| moments.partition_point(|moment| *moment < fan.admitted);

    let mut before = Counts::new(moments.len());
    let mut joined = by_joined.iter().peekable();
    let (mut pairs, mut inversions) = (0, 0);
    for later in &by_asked {
        while let Some(earlier) = joined.next_if(|fan| fan.joined < later.asked) {
            before.add(rank(earlier));
        }
        pairs += before.total;
        inversions += before.total - before.up_to(rank(later));
    }
    Fairness {
        admitted: admissions.len() as u64,
        pairs,
        inversions,
        overtaken: overtaken(&by_asked, admissions),
    }
}

fn overtaken(by_asked: &[Admission], admissions: &[Admission]) -> u64 {
    // The earliest admission among all who asked at that place in the order or later.
    let mut earliest: Vec<_> = by_asked.iter().map(|fan| fan.admitted).collect();
    for index in (1..earliest.len()).rev() {
        earliest[index - 1] = earliest[index - 1].min(earliest[index]);
    }
    let was_overtaken = |fan: &&Admission| {
        let after = by_asked.partition_point(|other| other.asked <= fan.joined);
        earliest.get(after).is_some_and(|first| *first < fan.admitted)
    };
    admissions.iter().filter(was_overtaken).count() as u64
}

/// How many of each rank, and sums over the lowest ranks: a Fenwick tree.
struct Counts {
    tree: Vec<u64>,
    total: u64,
}

impl Counts {
    fn new(ranks: usize) -> Self {
        Self {
            tree: vec![0; ranks + 1],
            total: 0,
        }
    }

    fn add(&mut self, rank: usize) {
        self.total += 1;
        let mut at = rank + 1;
        while at < self.tree.len() {
            self.tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    fn up_to(&self, rank: usize) -> u64 {
        let mut sum = 0;
        let mut at = rank + 1;
        while at > 0 {
            sum += self.tree[at];
            at -= at & at.wrapping_neg();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fan(asked: u64, joined: u64, admitted: i64) -> Admission {
        Admission {
            asked,
            joined,
            admitted,
        }
    }

    #[test]
    fn nobody_is_fair() {
        assert_eq!(judge(&[]), Fairness::default());
    }

    #[test]
    fn a_fan_who_joined_later_and_entered_earlier_is_an_inversion() {
        let found = judge(&[fan(0, 1, 20), fan(2, 3, 10), fan(4, 5, 30)]);
        assert_eq!((found.pairs, found.inversions, found.overtaken), (3, 1, 1));
    }

    #[test]
    fn requests_that_overlap_may_be_served_in_either_order() {
        let found = judge(&[fan(0, 5, 20), fan(5, 6, 10), fan(1, 3, 5)]);
        assert_eq!((found.pairs, found.inversions), (1, 0));
    }

    #[test]
    fn entering_in_the_same_moment_is_fair() {
        assert_eq!(judge(&[fan(0, 1, 7), fan(2, 3, 7)]).inversions, 0);
    }

    proptest! {
        #[test]
        fn it_counts_what_comparing_each_with_each_counts(
            fans in prop::collection::vec((0_u64..60, 0_u64..20, 0_i64..30), 0..60),
        ) {
            let fans: Vec<_> = fans.into_iter().map(|(asked, took, at)| fan(asked, asked + took, at)).collect();
            let pairs = || fans.iter().flat_map(|a| fans.iter().map(move |b| (a, b)));
            let certain = || pairs().filter(|(a, b)| a.joined < b.asked);
            let inverted = || certain().filter(|(a, b)| b.admitted < a.admitted);
            let overtaken = fans.iter().filter(|a| fans.iter().any(|b| a.joined < b.asked && b.admitted < a.admitted));
            let found = judge(&fans);
            prop_assert_eq!(found.pairs, certain().count() as u64);
            prop_assert_eq!(found.inversions, inverted().count() as u64);
            prop_assert_eq!(found.overtaken, overtaken.count() as u64);
        }
    }
}
