//! What happens at the very instant at which something ends: from there on it is over.

use crate::world::{World, hold_of, join_of, pay_of, release_of};
use frontrow_domain::{
    catalog::Schedule,
    clock::Timestamp,
    queue::{AdmittanceRefusal, JoinRefusal, LeaveQueue, TokenRef, TokenState, Visit},
    seating::{HoldRefusal, ReleaseRefusal, ReservationState, SeatStatus},
};
use std::sync::Arc;
use time::Duration;

const TICK: Duration = Duration::MICROSECOND;

fn scene() -> (World, Arc<Schedule>, TokenRef) {
    let mut world = World::new();
    let show = world.show(5);
    let token = world.insider(&show, 5_000);
    (world, show, token)
}

#[test]
fn a_hold_ends_at_held_until_for_everybody() {
    let (mut world, show, token) = scene();
    let rival = world.insider(&show, 0);
    let hold = world.hold(token, &show, &[1]);
    assert_eq!(hold.held_until, world.now + world.policy.hold);
    let seat = |world: &World| world.seats[&(show.id, 1)].status_at(world.now);

    world.now = hold.held_until - TICK;
    assert_eq!(world.reservations[&hold.id].state_at(world.now), ReservationState::Held);
    assert_eq!(seat(&world), SeatStatus::Held);
    let taken = world.decide(&hold_of(rival, &show, &[1]));
    assert_eq!(taken, Err(HoldRefusal::SeatsTaken(vec![1])));
    assert!(world.clone().decide(&pay_of(token, hold.id)).is_ok());
    assert!(world.clone().decide(&release_of(&hold)).is_ok());

    world.now = hold.held_until;
    assert_eq!(
        world.reservations[&hold.id].state_at(world.now),
        ReservationState::Expired
    );
    assert_eq!(seat(&world), SeatStatus::Available);
    assert!(world.clone().decide(&pay_of(token, hold.id)).is_err());
    assert_eq!(world.clone().decide(&release_of(&hold)), Err(ReleaseRefusal::NotHeld));
    assert!(world.decide(&hold_of(rival, &show, &[1])).is_ok());
    assert!(world.audit().is_ok());
}

#[test]
fn a_lapsed_hold_counts_no_more_against_the_limit() {
    let (mut world, show, token) = scene();
    let hold = world.hold(token, &show, &[1, 2, 3]);
    world.now = hold.held_until - TICK;
    let full = world.decide(&hold_of(token, &show, &[4]));
    assert_eq!(full, Err(HoldRefusal::SeatLimitExceeded { limit: 3, have: 3 }));
    world.now = hold.held_until;
    assert!(world.decide(&hold_of(token, &show, &[4])).is_ok());
}

#[test]
fn a_slot_is_claimed_before_the_claim_window_ends() {
    let (mut world, show, _) = scene();
    let user = world.fan();
    let token = world.join(&show, user);
    world.admit();
    let lapses_at = world.tokens[&token.id].lapses_at;
    assert_eq!(lapses_at, world.now + world.policy.claim);

    world.now = lapses_at;
    let late = world.clone().decide(&Visit { token }).unwrap();
    assert_eq!((late.claimed_at, late.state_at(lapses_at)), (None, TokenState::Expired));
    world.now = lapses_at - TICK;
    let claimed = world.decide(&Visit { token }).unwrap();
    assert_eq!(
        (claimed.claimed_at, claimed.lapses_at),
        (Some(world.now), world.now + claimed.session)
    );
}

#[test]
fn a_session_that_is_over_lets_the_fan_pay_and_release_but_book_no_more() {
    let (mut world, show, token) = scene();
    let session_end = world.tokens[&token.id].lapses_at;
    world.now = session_end - TICK;
    let first = world.hold(token, &show, &[1]);
    let second = world.hold(token, &show, &[2]);
    assert_eq!(world.tokens[&token.id].lapses_at, second.held_until);

    world.now = session_end;
    assert_eq!(world.tokens[&token.id].state_at(world.now), TokenState::Active);
    let refused = world.decide(&hold_of(token, &show, &[3]));
    assert_eq!(refused, Err(AdmittanceRefusal::InvalidToken.into()));
    assert!(world.decide(&pay_of(token, first.id)).is_ok());
    assert_eq!(world.tokens[&token.id].state, TokenState::Active);
    assert_eq!(world.decide(&release_of(&second)), Ok(()));
    let ended = &world.tokens[&token.id];
    assert_eq!((ended.state, ended.ended_at), (TokenState::Expired, Some(world.now)));
    assert!(world.audit().is_ok());
}

#[test]
fn without_a_hold_the_token_ends_with_its_session() {
    let (mut world, show, token) = scene();
    world.now = world.tokens[&token.id].lapses_at - TICK;
    assert!(world.clone().decide(&hold_of(token, &show, &[1])).is_ok());
    world.pass(TICK);
    let refused = world.decide(&hold_of(token, &show, &[1]));
    assert_eq!(refused, Err(AdmittanceRefusal::InvalidToken.into()));
}

#[test]
fn the_booking_window_is_open_from_its_first_instant_up_to_its_last() {
    let (mut world, show, token) = scene();
    world.tokens.get_mut(&token.id).unwrap().session = Duration::days(3);
    world.tokens.get_mut(&token.id).unwrap().lapses_at = show.starts_at;
    let mut may_hold = |at: Timestamp| {
        world.now = at;
        world.clone().decide(&hold_of(token, &show, &[1]))
    };
    assert_eq!(may_hold(show.booking_opens_at - TICK), Err(HoldRefusal::BookingClosed));
    assert!(may_hold(show.booking_opens_at).is_ok());
    assert!(may_hold(show.booking_closes_at - TICK).is_ok());
    assert_eq!(may_hold(show.booking_closes_at), Err(HoldRefusal::BookingClosed));
}

#[test]
fn the_line_ends_when_booking_closes() {
    let (mut world, show, _) = scene();
    let users = [world.fan(), world.fan()];
    world.now = show.booking_closes_at - TICK;
    let token = world.join(&show, users[0]);
    assert_eq!(world.tokens[&token.id].state_at(world.now), TokenState::Waiting);
    world.now = show.booking_closes_at;
    assert_eq!(world.tokens[&token.id].state_at(world.now), TokenState::Expired);
    let late = world.decide(&join_of(&show, users[1]));
    assert_eq!(late.map(|_| ()), Err(JoinRefusal::BookingClosed));
    let before = world.clone();
    assert_eq!(world.decide(&LeaveQueue { token }), Ok(None));
    assert_eq!(world, before, "who has run out of time cannot leave any more");
}

#[test]
fn who_ran_out_of_time_inside_gets_a_new_place() {
    let (mut world, show, token) = scene();
    let user = token.user_id;
    world.now = world.tokens[&token.id].lapses_at - TICK;
    assert!(!world.decide(&join_of(&show, user)).unwrap().fresh);
    world.pass(TICK);
    let again = world.decide(&join_of(&show, user)).unwrap();
    assert!(again.fresh);
    let ended = &world.tokens[&token.id];
    assert_eq!(
        (ended.state, ended.ended_at),
        (TokenState::Expired, Some(ended.lapses_at))
    );
}
