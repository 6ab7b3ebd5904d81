//! Counts who waits ahead of a number, in logarithmic time.

/// A binary indexed tree over the numbers of a line, from 1: which of them wait.
#[derive(Debug)]
pub(crate) struct Tally {
    /// `sums[i]` counts the waiting numbers in `(i - lowest_bit(i), i]`; `sums[0]` is unused.
    sums: Vec<i64>,
    total: u64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sums: vec![0],
            total: 0,
        }
    }
}

impl Tally {
    /// Notes that a number, so far not waiting, waits now.
    pub(crate) fn add(&mut self, number: u64) {
        self.grow_to(number);
        self.change(number, 1);
        self.total += 1;
    }

    /// Notes that a number that waited waits no more.
    pub(crate) fn remove(&mut self, number: u64) {
        self.change(number, -1);
        self.total -= 1;
    }

    /// How many numbers wait.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many of the numbers below this one wait.
    pub(crate) fn ahead_of(&self, number: u64) -> u64 {
        let mut at = index(number.saturating_sub(1)).min(self.sums.len() - 1);
        let mut sum = 0;
        while at > 0 {
            sum += self.sums[at];
            at -= lowest_bit(at);
        }
        u64::try_from(sum).unwrap_or(0)
    }

    fn grow_to(&mut self, number: u64) {
        while self.sums.len() <= index(number) {
            let new = self.sums.len();
            let start = new - lowest_bit(new);
            let mut at = new - 1;
            let mut sum = 0;
            while at > start {
                sum += self.sums[at];
                at -= lowest_bit(at);
            }
            self.sums.push(sum);
        }
    }

    fn change(&mut self, number: u64, by: i64) {
        let mut at = index(number);
        while at < self.sums.len() {
            self.sums[at] += by;
            at += lowest_bit(at);
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn lowest_bit(at: usize) -> usize {
    at & at.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::Tally;
    use std::collections::BTreeSet;

    #[test]
    fn the_tally_counts_as_a_plain_set_would() {
        let mut tally = Tally::default();
        let mut plain = BTreeSet::new();
        for number in 1..=200_u64 {
            tally.add(number);
            plain.insert(number);
            if number % 3 == 0 {
                tally.remove(number / 3);
                plain.remove(&(number / 3));
            }
            for asked in [1, number / 2, number, number + 1, number + 500] {
                let ahead = plain.range(..asked).count() as u64;
                assert_eq!(tally.ahead_of(asked), ahead, "ahead of {asked} of {number}");
            }
            assert_eq!(tally.total(), plain.len() as u64);
        }
    }
}
