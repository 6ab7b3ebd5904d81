//! All seats of a performance at one moment, and how one moment differs from another.

use super::Seat;
use crate::clock::Timestamp;

/// So many seats with consecutive numbers, the first of them 1 and so on, have one sum in
/// [`SeatMap::sums`]. Where little changes, little has to be read; and the sums themselves are few.
pub const GROUP: u32 = 16;

/// All seats of a performance at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// Every seat by number, from 1.
    pub seats: Vec<Seat>,
    /// The moment this was true.
    pub as_of: Timestamp,
}

/// What is different from a map that was read before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatChanges {
    /// All seats of the groups that are different, by number.
    pub seats: Vec<Seat>,
    /// The moment this was true.
    pub as_of: Timestamp,
}

impl SeatMap {
    /// Grows with every visible change of a seat. Two maps with the same version show the same;
    /// a later map never has a lower one. A hold that lapses counts at that very moment, and the
    /// sweep that tidies it adds nothing.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.sums().iter().sum()
    }

    /// The versions of each [`GROUP`] of seats, added up. Groups with the same sum show the same.
    #[must_use]
    pub fn sums(&self) -> Vec<u64> {
        let groups = self.seats.chunk_by(|one, next| group(one) == group(next));
        let sum = |seats: &[Seat]| seats.iter().map(|seat| seat.version_at(self.as_of)).sum();
        groups.map(sum).collect()
    }

    /// What is different at this moment from a map with these sums.
    #[must_use]
    pub fn changes_since(&self, known: &[u64]) -> SeatChanges {
        let groups = self.seats.chunk_by(|one, next| group(one) == group(next));
        let sums = self.sums();
        let changed = groups
            .enumerate()
            .filter(|(place, _)| sums.get(*place) != known.get(*place));
        SeatChanges {
            seats: changed.flat_map(|(_, seats)| seats).copied().collect(),
            as_of: self.as_of,
        }
    }

    /// The map after these changes to it.
    #[must_use]
    pub fn with(mut self, changes: SeatChanges) -> Self {
        self.as_of = changes.as_of;
        for seat in changes.seats {
            match self.seats.binary_search_by_key(&seat.number, |known| known.number) {
                Ok(place) => self.seats[place] = seat,
                Err(place) => self.seats.insert(place, seat),
            }
        }
        self
    }

    /// The seats that have visibly changed since an earlier map of the same performance.
    pub fn changed_since<'m>(&'m self, earlier: &'m Self) -> impl Iterator<Item = &'m Seat> {
        let pairs = self.seats.iter().zip(&earlier.seats);
        pairs
            .filter(|(now, before)| now.version_at(self.as_of) != before.version_at(earlier.as_of))
            .map(|(now, _)| now)
    }
}

/// Which group a seat belongs to, from 0.
fn group(seat: &Seat) -> u32 {
    seat.number.saturating_sub(1) / GROUP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{ReservationId, ScheduleId, UserId},
        seating::SeatState,
    };
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    const OPENS: Timestamp = datetime!(2026-12-01 20:00 UTC);

    /// What happens to a seat, and how many seconds after the event before.
    #[derive(Debug, Clone)]
    enum Event {
        Held { for_seconds: i64 },
        Sold,
        Freed,
    }

    fn any_event() -> impl Strategy<Value = (u32, i64, Event)> {
        let event = prop_oneof![
            4 => (1_i64..20).prop_map(|for_seconds| Event::Held { for_seconds }),
            2 => Just(Event::Sold),
            1 => Just(Event::Freed),
        ];
        (1..=40_u32, 0_i64..8, event)
    }

    fn after(seat: &Seat, event: &Event, now: Timestamp) -> Option<Seat> {
        let (reservation_id, user_id) = (ReservationId::mint(), UserId::mint());
        let held = matches!(seat.state, SeatState::Held { until, .. } if until > now);
        let state = match event {
            Event::Held { for_seconds } if seat.is_open(now) => SeatState::Held {
                reservation_id,
                user_id,
                until: now + Duration::seconds(*for_seconds),
            },
            Event::Sold if held => SeatState::Sold {
                reservation_id,
                user_id,
            },
            Event::Freed if seat.holder().is_some() && !matches!(seat.state, SeatState::Sold { .. }) => {
                SeatState::Available
            }
            Event::Held { .. } | Event::Sold | Event::Freed => return None,
        };
        Some(seat.changed_to(state))
    }

    fn hall(seats: u32) -> SeatMap {
        let id = ScheduleId::mint();
        SeatMap {
            seats: (1..=seats).map(|number| Seat::new(id, number)).collect(),
            as_of: OPENS,
        }
    }

    fn shown(map: &SeatMap) -> Vec<crate::seating::SeatStatus> {
        map.seats.iter().map(|seat| seat.status_at(map.as_of)).collect()
    }

    proptest! {
        #[test]
        fn a_map_that_is_kept_up_to_date_is_the_map(
            events in prop::collection::vec((any_event(), prop::bool::ANY), 1..60),
        ) {
            let mut hall = hall(40);
            let mut kept = hall.clone();
            for ((number, seconds, event), look) in events {
                hall.as_of += Duration::seconds(seconds);
                let seat = hall.seats[number as usize - 1];
                if let Some(changed) = after(&seat, &event, hall.as_of) {
                    hall.seats[number as usize - 1] = changed;
                }
                if look {
                    let before = kept.clone();
                    let changes = hall.changes_since(&kept.sums());
                    prop_assert!(changes.seats.len() < 40 || kept.sums().iter().zip(hall.sums()).all(|(a, b)| *a != b));
                    kept = kept.with(changes);
                    prop_assert_eq!(shown(&kept), shown(&hall));
                    prop_assert_eq!(kept.version(), hall.version());
                    prop_assert!(before.version() <= kept.version());
                    let told: Vec<u32> = kept.changed_since(&before).map(|seat| seat.number).collect();
                    let different = (1..).zip(shown(&before).into_iter().zip(shown(&kept)));
                    for (number, (before, now)) in different {
                        prop_assert!(before == now || told.contains(&number), "seat {}", number);
                    }
                    prop_assert_eq!(told.is_empty(), before.version() == kept.version());
                }
            }
        }
    }

    #[test]
    fn who_knows_nothing_is_told_everything() {
        let hall = hall(40);
        assert_eq!(hall.sums(), [0, 0, 0]);
        let everything = hall.changes_since(&[]);
        assert_eq!(everything.seats, hall.seats);
        let nothing = SeatMap {
            seats: Vec::new(),
            ..hall
        };
        assert_eq!(nothing.with(everything).seats.len(), 40);
    }

    #[test]
    fn a_payment_that_shows_after_the_hold_has_ended_is_a_change_to_who_saw_it_end() {
        let mut seen = hall(1);
        let until = OPENS + Duration::SECOND;
        let (reservation_id, user_id) = (ReservationId::mint(), UserId::mint());
        seen.seats[0] = seen.seats[0].changed_to(SeatState::Held {
            reservation_id,
            user_id,
            until,
        });
        let mut paid = seen.clone();
        // Decided in time, stored a moment later.
        paid.seats[0] = paid.seats[0].changed_to(SeatState::Sold {
            reservation_id,
            user_id,
        });
        seen.as_of = until;
        paid.as_of = until;
        assert_ne!(shown(&seen), shown(&paid));
        assert!(seen.version() < paid.version());
        assert_eq!(paid.changed_since(&seen).count(), 1);
    }
}
