//! How the seats of a performance lie: blocks of rows, numbered through from 1.

use super::InvalidField;
use crate::money::Money;
use serde::{Deserialize, Serialize};

/// Seats of one price that lie together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatBlock {
    /// The section's name; `None` when the house is one unnamed block of numbered seats.
    pub section: Option<String>,
    /// How many rows the block has.
    pub rows: u32,
    /// How many seats each row has.
    pub seats_per_row: u32,
    /// What one seat costs.
    pub price: Money,
}

impl SeatBlock {
    fn len(&self) -> u64 {
        u64::from(self.rows) * u64::from(self.seats_per_row)
    }
}

/// All blocks of a performance. Seat numbers run through them in order, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SeatLayout(pub Vec<SeatBlock>);

/// Where one seat lies and what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPlace<'a> {
    /// The section's name, where there are sections.
    pub section: Option<&'a str>,
    /// The row within the section from 1, where there are sections.
    pub row: Option<u32>,
    /// The place within the row from 1, where there are sections.
    pub place: Option<u32>,
    /// What the seat costs.
    pub price: Money,
}

impl SeatLayout {
    /// The most seats one performance can have (SPEC §3).
    pub const MOST_SEATS: u64 = 100_000;

    /// A house without sections: seats 1 to `count` at one price.
    #[must_use]
    pub fn numbered(count: u32, price: Money) -> Self {
        Self(vec![SeatBlock {
            section: None,
            rows: 1,
            seats_per_row: count,
            price,
        }])
    }

    /// How many seats there are.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.total()).unwrap_or(u32::MAX)
    }

    /// Whether there is no seat at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the seat with this number lies; `None` when there is no such seat.
    #[must_use]
    pub fn seat(&self, number: u32) -> Option<SeatPlace<'_>> {
        let mut index = u64::from(number).checked_sub(1)?;
        for block in &self.0 {
            if index < block.len() {
                return Some(block.place(u32::try_from(index).ok()?));
            }
            index -= block.len();
        }
        None
    }

    /// Every seat in the order of its number.
    pub fn seats(&self) -> impl Iterator<Item = (u32, SeatPlace<'_>)> {
        let places = self.0.iter().flat_map(|block| {
            let len = u32::try_from(block.len()).unwrap_or(u32::MAX);
            (0..len).map(move |index| block.place(index))
        });
        (1..).zip(places)
    }

    pub(super) fn check(&self) -> Result<(), InvalidField> {
        let invalid = |reason| Err(InvalidField { field: "seats", reason });
        if !(1..=Self::MOST_SEATS).contains(&self.total()) {
            return invalid("must come to 1 to 100000 seats");
        }
        let mut names = std::collections::BTreeSet::new();
        for block in &self.0 {
            if block.len() == 0 {
                return invalid("every section needs at least one row and one seat per row");
            }
            if !block.price.is_positive() {
                return invalid("every seat needs a price above zero");
            }
            if let Some(name) = &block.section {
                if name.trim().is_empty() || name.chars().count() > 50 {
                    return invalid("a section's name has 1 to 50 characters");
                }
                if !names.insert(name.as_str()) {
                    return invalid("every section needs a name of its own");
                }
            }
        }
        if self.worth().is_none() {
            return invalid("the prices of all seats together are too much to count");
        }
        Ok(())
    }

    /// A layout that was not checked yet may have more seats than can be counted.
    fn total(&self) -> u64 {
        self.0.iter().map(SeatBlock::len).fold(0, u64::saturating_add)
    }

    /// The prices of all seats together in minor units, if that many can be counted: then no sum over some of the
    /// seats can go wrong.
    fn worth(&self) -> Option<i64> {
        self.0.iter().try_fold(0_i64, |sum, block| {
            let seats = i64::try_from(block.len()).ok()?;
            sum.checked_add(block.price.minor().checked_mul(seats)?)
        })
    }
}

impl SeatBlock {
    fn place(&self, index: u32) -> SeatPlace<'_> {
        let price = self.price;
        match &self.section {
            Some(name) => SeatPlace {
                section: Some(name),
                row: Some(index / self.seats_per_row + 1),
                place: Some(index % self.seats_per_row + 1),
                price,
            },
            None => SeatPlace {
                section: None,
                row: None,
                place: None,
                price,
            },
        }
    }
}
