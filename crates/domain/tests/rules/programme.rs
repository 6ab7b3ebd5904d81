//! What can be put on sale, and how a client may name it.

use crate::world::World;
use frontrow_domain::catalog::{CatalogRefusal, CreateSchedule, DateSelector, InvalidField, SeatLayout};
use time::macros::datetime;

/// The field for which a performance is refused, when it is.
fn refused_for(change: impl FnOnce(&World, &mut CreateSchedule)) -> Option<&'static str> {
    let mut world = World::new();
    let concert = world.concert();
    let mut command = world.schedule_of(concert, 5);
    change(&world, &mut command);
    match world.decide(&command) {
        Err(CatalogRefusal::Invalid(InvalidField { field, .. })) => Some(field),
        other => {
            other.unwrap();
            None
        }
    }
}

#[test]
fn a_moment_that_clients_could_not_read_is_refused() {
    let ends = refused_for(|_, show| show.starts_at = datetime!(9999-12-31 23:59:59 -9));
    assert_eq!(ends, Some("starts_at"));
    let begins = refused_for(|_, show| show.booking_opens_at = datetime!(0000-01-01 0:00 +9));
    assert_eq!(begins, Some("booking_opens_at"));
    let last = refused_for(|_, show| show.starts_at = datetime!(9999-12-31 23:59:59 +9));
    assert_eq!(last, None);
    let first = refused_for(|_, show| show.booking_opens_at = datetime!(0000-01-01 0:00 UTC));
    assert_eq!(first, None);
}

#[test]
fn a_date_that_has_no_moment_in_utc_is_unknown() {
    for text in ["9999-12-31T23:59:59-00:01", "0000-01-01T00:00:00+23:59"] {
        assert_eq!(DateSelector::from_client(text), DateSelector::Unknown, "{text}");
    }
}

#[test]
fn a_house_whose_prices_have_no_sum_is_refused() {
    let dear = |seats: u32, minor: i64| {
        refused_for(|world, show| show.layout = SeatLayout::numbered(seats, world.money(minor)))
    };
    assert_eq!(dear(1, i64::MAX), None);
    assert_eq!(dear(2, i64::MAX / 2), None);
    assert_eq!(dear(2, i64::MAX / 2 + 1), Some("seats"));
    assert_eq!(dear(100_000, i64::MAX), Some("seats"));
}
