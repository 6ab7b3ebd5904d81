//! Whether there is anything left to wait for.

use crate::{
    clock::Timestamp,
    seating::port::{Stock, StockState},
};
use serde::{Deserialize, Serialize};

/// What a fan in line can hope for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outlook {
    /// There are free seats.
    Open,
    /// Every seat that is not sold is held by somebody.
    AllHeld {
        /// When the first of these holds ends. A seat may become free earlier: a fan can give it
        /// back.
        next_release_at: Timestamp,
    },
    /// Every seat is sold.
    SoldOut,
}

impl Outlook {
    /// Every name.
    pub const WORDS: [&'static str; 3] = ["open", "all_held", "sold_out"];

    /// What follows at `now` from the stock as it was a moment ago. A hold that has ended since is
    /// a free seat.
    #[must_use]
    pub fn of(stock: &Stock, now: Timestamp) -> Self {
        match stock.state {
            StockState::Held { until } if until > now => Self::AllHeld { next_release_at: until },
            StockState::Free | StockState::Held { .. } => Self::Open,
            StockState::SoldOut => Self::SoldOut,
        }
    }

    /// The outlook's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => Self::WORDS[0],
            Self::AllHeld { .. } => Self::WORDS[1],
            Self::SoldOut => Self::WORDS[2],
        }
    }

    /// When the first hold ends, if everything is held.
    #[must_use]
    pub fn next_release_at(self) -> Option<Timestamp> {
        match self {
            Self::AllHeld { next_release_at } => Some(next_release_at),
            Self::Open | Self::SoldOut => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ReservationId, ScheduleId, UserId},
        seating::{Seat, SeatState},
    };
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    const NOW: Timestamp = datetime!(2026-12-01 20:00 UTC);

    fn after(seconds: i64) -> Timestamp {
        NOW + Duration::seconds(seconds)
    }

    fn any_state() -> impl Strategy<Value = SeatState> {
        let (reservation_id, user_id) = (ReservationId::mint(), UserId::mint());
        prop_oneof![
            1 => Just(SeatState::Available),
            6 => (-20_i64..40).prop_map(move |end| SeatState::Held { reservation_id, user_id, until: after(end) }),
            6 => Just(SeatState::Sold { reservation_id, user_id }),
        ]
    }

    fn house(states: Vec<SeatState>) -> Vec<Seat> {
        let id = ScheduleId::mint();
        let seat = |(number, state)| Seat {
            state,
            ..Seat::new(id, number)
        };
        (1..).zip(states).map(seat).collect()
    }

    proptest! {
        #[test]
        fn no_reading_is_needed_to_know_that_a_hold_has_ended(
            states in prop::collection::vec(any_state(), 1..12),
            later in 0_i64..60,
        ) {
            let seats = house(states);
            let id = seats[0].schedule_id;
            let read = Stock::of(id, &seats, NOW);
            let anew = Stock::of(id, &seats, after(later));
            prop_assert_eq!(Outlook::of(&read, after(later)), Outlook::of(&anew, after(later)));
        }

        #[test]
        fn it_is_what_a_look_at_every_seat_tells(states in prop::collection::vec(any_state(), 1..12)) {
            let seats = house(states);
            let told = Outlook::of(&Stock::of(seats[0].schedule_id, &seats, NOW), NOW);
            let ends = seats.iter().filter_map(|seat| match seat.state {
                SeatState::Held { until, .. } if until > NOW => Some(until),
                SeatState::Held { .. } | SeatState::Available | SeatState::Sold { .. } => None,
            });
            let sold = seats.iter().all(|seat| matches!(seat.state, SeatState::Sold { .. }));
            let expected = match (sold, seats.iter().any(|seat| seat.is_open(NOW))) {
                (true, _) => Outlook::SoldOut,
                (false, true) => Outlook::Open,
                (false, false) => Outlook::AllHeld { next_release_at: ends.min().unwrap() },
            };
            prop_assert_eq!(told, expected);
        }
    }
}
