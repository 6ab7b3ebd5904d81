//! What each accepted command changes, and what happens when it is sent again.

use crate::world::{World, hold_of, join_of, let_through_of, pay_of, release_of, request};
use frontrow_domain::{
    catalog::Schedule,
    id::{EntryId, PaymentId},
    idempotency::{Fingerprint, IdempotencyRefusal, Request},
    payment::{Answer, Approval, PayRefusal, PayReservation, PayStep, PaymentStatus, Question},
    policy::Policy,
    queue::{LeaveQueue, NamedFan, Place, TokenRef, TokenState, Visit},
    seating::{HoldRefusal, ReservationState, SeatMap, SeatState, SeatStatus},
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet},
};
use std::{collections::BTreeSet, sync::Arc};
use time::Duration;
use uuid::Uuid;

const TICK: Duration = Duration::MICROSECOND;

fn scene() -> (World, Arc<Schedule>, TokenRef) {
    let mut world = World::new();
    let show = world.show(5);
    let token = world.insider(&show, 5_000);
    (world, show, token)
}

fn other_body(request: Option<Request>) -> Option<Request> {
    request.map(|request| Request {
        fingerprint: Fingerprint(Uuid::now_v7()),
        ..request
    })
}

/// A keyed payment whose provider is being asked, and the question.
fn asked(world: &mut World, wish: PayReservation) -> (PayReservation, Question) {
    let wish = PayReservation {
        request: wish.request.or(Some(request())),
        approval: Approval::Ask,
        ..wish
    };
    match world.decide(&wish).unwrap() {
        PayStep::Ask(question) => (wish, question),
        PayStep::Paid(receipt) => panic!("paid unasked: {receipt:?}"),
    }
}

fn answered(wish: &PayReservation, question: &Question, answer: Answer) -> PayReservation {
    PayReservation {
        payment_id: PaymentId(question.reference),
        approval: Approval::Answered(answer),
        ..wish.clone()
    }
}

#[test]
fn a_payment_completes_the_token_with_its_last_hold() {
    let (mut world, show, token) = scene();
    let (first, second) = (world.hold(token, &show, &[1]), world.hold(token, &show, &[2]));
    world.pass(Duration::SECOND);
    world.decide(&pay_of(token, first.id)).unwrap();
    assert_eq!(world.tokens[&token.id].state, TokenState::Active);
    world.decide(&pay_of(token, second.id)).unwrap();
    let ended = &world.tokens[&token.id];
    assert_eq!((ended.state, ended.ended_at), (TokenState::Completed, Some(world.now)));
    assert_eq!(world.reservations[&second.id].state, ReservationState::Confirmed);
    assert_eq!(world.seats[&(show.id, 2)].status_at(world.now), SeatStatus::Sold);
    assert_eq!(world.wallets[&token.user_id].balance, world.money(3_000));
}

#[test]
fn a_lapsed_hold_does_not_keep_a_token_from_completing() {
    let (mut world, show, token) = scene();
    let lapsing = world.hold(token, &show, &[1]);
    world.pass(Duration::SECOND);
    let paid = world.hold(token, &show, &[2]);
    world.now = lapsing.held_until;
    world.decide(&pay_of(token, paid.id)).unwrap();
    assert_eq!(world.tokens[&token.id].state, TokenState::Completed);
}

#[test]
fn a_map_version_grows_with_every_visible_change() {
    let (mut world, show, token) = scene();
    let version = |world: &World| {
        let map = SeatMap {
            seats: world.seats.values().copied().collect(),
            as_of: world.now,
        };
        map.version()
    };
    let released = world.hold(token, &show, &[1]);
    assert_eq!(version(&world), 1);
    world.decide(&release_of(&released)).unwrap();
    assert_eq!(version(&world), 2);
    let lapsing = world.hold(token, &show, &[1, 2]);
    assert_eq!(version(&world), 4);
    world.now = lapsing.held_until - TICK;
    assert_eq!(version(&world), 4);
    world.pass(TICK);
    assert_eq!(version(&world), 6, "both seats have visibly become free");
    let taken_over = world.hold(token, &show, &[2]);
    assert_eq!(version(&world), 7);
    world.sweep();
    assert_eq!(version(&world), 7, "the sweep shows nothing new");
    world.decide(&pay_of(token, taken_over.id)).unwrap();
    assert_eq!(version(&world), 9, "its hold might have been seen to end before");
}

#[test]
fn leaving_frees_every_hold_and_nothing_else() {
    let (mut world, show, token) = scene();
    let bought = world.hold(token, &show, &[1]);
    let held = world.hold(token, &show, &[2, 3]);
    world.decide(&pay_of(token, bought.id)).unwrap();
    world.decide(&LeaveQueue { token }).unwrap();
    assert_eq!(world.tokens[&token.id].state, TokenState::Left);
    assert_eq!(world.reservations[&held.id].state, ReservationState::Released);
    assert_eq!(world.seats[&(show.id, 3)].state, SeatState::Available);
    assert_eq!(world.reservations[&bought.id].state, ReservationState::Confirmed);
    assert_eq!(world.seats[&(show.id, 1)].status_at(world.now), SeatStatus::Sold);
}

#[test]
fn who_leaves_before_their_turn_is_numbered_in_the_order_of_leaving() {
    let (mut world, show, inside) = scene();
    let waiting: Vec<_> = (0..3).map(|_| (world.fan(), show.clone())).collect();
    let waiting: Vec<_> = waiting.iter().map(|(user, show)| world.join(show, *user)).collect();
    for (token, departure) in [(waiting[2], 1), (waiting[0], 2)] {
        let departed = world.decide(&LeaveQueue { token }).unwrap();
        assert_eq!(departed.map(|left| left.number), Some(world.tokens[&token.id].number));
        assert_eq!(world.tokens[&token.id].departure, Some(departure));
        let before = world.clone();
        assert_eq!(
            world.decide(&LeaveQueue { token }),
            Ok(departed),
            "as it was told before"
        );
        assert_eq!(world, before);
    }
    assert_eq!(world.decide(&LeaveQueue { token: inside }), Ok(None));
    assert_eq!(world.tokens[&inside.id].departure, None);
    let line = &world.lines[&show.id];
    assert_eq!((line.issued, line.departed, line.waiting()), (4, 2, 1));
}

#[test]
fn who_is_let_through_enters_at_once_and_leaves_the_line_as_it_is() {
    let (mut world, show, _) = scene();
    let gate = &mut world.lines.get_mut(&show.id).unwrap().gate;
    gate.settings.paused = true;
    gate.next_slot_at = Some(world.now + Duration::HOUR);
    let before = gate.clone();
    let users: Vec<_> = (0..3).map(|_| world.fan()).collect();
    let line: Vec<_> = users.iter().map(|user| world.join(&show, *user)).collect();
    let let_through = let_through_of(&show, NamedFan::Token(line[1]));
    let let_in = world.decide(&let_through).unwrap();
    let token = &let_in.status.token;
    assert!(let_in.fresh && token.was_let_through());
    assert_eq!((token.state, token.activated_at), (TokenState::Active, Some(world.now)));
    assert_eq!(token.lapses_at, world.now + world.policy.claim);
    assert_eq!(
        (token.claimed_at, token.admitted_under, token.departure),
        (None, Some(100), Some(1))
    );
    assert_eq!(*token, world.tokens[&line[1].id]);
    let after = &world.lines[&show.id];
    assert_eq!(after.gate, before, "the mark and the pace stay");
    assert_eq!((after.departed, after.waiting()), (1, 2));
    assert_eq!(world.ahead_of(&world.tokens[&line[2].id]), 1);

    assert_eq!(world.decide(&let_through).unwrap(), let_in, "the very same wish");
    let again = world.decide(&let_through_of(&show, NamedFan::User(users[1]))).unwrap();
    assert_eq!((again.fresh, &again.status), (false, &let_in.status));
    assert_eq!(world.lines[&show.id].departed, 1);

    world.pass(Duration::SECOND);
    world.decide(&LeaveQueue { token: line[1] }).unwrap();
    let left = &world.tokens[&line[1].id];
    assert_eq!(
        (left.state, left.departure),
        (TokenState::Left, Some(1)),
        "one leaves a line once"
    );
    assert_eq!(world.lines[&show.id].departed, 1);
    world.lines.get_mut(&show.id).unwrap().gate.settings.paused = false;
    world.pass(Duration::HOUR);
    world.admit();
    assert_eq!(
        world.tokens[&line[0].id].state,
        TokenState::Active,
        "then the next in line"
    );
    assert!(world.audit().is_ok(), "{:?}", world.audit());
}

#[test]
fn only_the_first_call_claims_the_slot() {
    let (mut world, show, _) = scene();
    let user = world.fan();
    let token = world.join(&show, user);
    world.admit();
    world.pass(Duration::SECOND);
    let first = world.now;
    assert_eq!(world.decide(&hold_of(token, &show, &[])), Err(HoldRefusal::NoSeats));
    world.pass(Duration::SECOND);
    let visited = world.decide(&Visit { token }).unwrap();
    assert_eq!(
        (visited.claimed_at, visited.lapses_at),
        (Some(first), first + visited.session)
    );
}

#[test]
fn a_place_in_line_is_told_truthfully() {
    let mut world = World::new();
    let show = world.show(1);
    let gate = &mut world.lines.get_mut(&show.id).unwrap().gate.settings;
    gate.admissions_per_minute = 6;
    world.pass(-Duration::seconds(100));
    let mut places = Vec::new();
    for _ in 0..100 {
        let user = world.fan();
        let joined = world.decide(&join_of(&show, user)).unwrap();
        places.push(joined.status.place.unwrap());
    }
    assert_eq!((places[0].position, places[0].estimated_wait_seconds), (1, Some(100)));
    assert_eq!((places[6].position, places[6].estimated_wait_seconds), (7, Some(160)));
    let range = |place: &Place| (place.estimated_wait_from_seconds, place.estimated_wait_to_seconds);
    assert_eq!(
        range(&places[6]),
        (Some(160), Some(280)),
        "nobody has seen yet how fast it goes"
    );
    assert!((8..=10).contains(&places[0].poll_after_seconds));
    assert!((12..=16).contains(&places[6].poll_after_seconds));
    let far: BTreeSet<u64> = places[80..].iter().map(|place| place.poll_after_seconds).collect();
    assert!(far.len() > 2, "they do not all come back at once: {far:?}");
    assert!(
        far.iter().all(|seconds| (23..=30).contains(seconds)),
        "half the claim window at the most: {far:?}"
    );
    world.pass(Duration::seconds(100));
    let next = world.fan();
    world.lines.get_mut(&show.id).unwrap().gate.settings.paused = true;
    let paused = world.decide(&join_of(&show, next)).unwrap().status.place.unwrap();
    assert_eq!((paused.position, paused.estimated_wait_seconds), (101, None));
}

#[test]
fn a_recorded_answer_is_repeated_for_a_day() {
    let (mut world, show, token) = scene();
    let mut wish = hold_of(token, &show, &[1]);
    wish.request = Some(request());
    let first = world.decide(&wish);
    let retry = |seats: &[u32]| {
        let mut retry = hold_of(token, &show, seats);
        retry.request = wish.request;
        retry
    };
    world.pass(Policy::IDEMPOTENCY - TICK);
    assert_eq!(world.decide(&retry(&[1])), first);
    world.pass(TICK);
    let anew = world.decide(&retry(&[1]));
    assert!(matches!(anew, Err(HoldRefusal::Admittance(_))), "{anew:?}");
}

#[test]
fn a_decline_releases_the_seats_and_is_repeated() {
    let (mut world, show, token) = scene();
    world.now = world.tokens[&token.id].lapses_at - TICK;
    let hold = world.hold(token, &show, &[1]);
    let (wish, question) = asked(&mut world, pay_of(token, hold.id));
    world.pass(Duration::SECOND);
    let settle = answered(&wish, &question, Answer::Declined);
    assert_eq!(world.decide(&settle), Err(PayRefusal::Declined));
    assert_eq!(world.reservations[&hold.id].state, ReservationState::Released);
    assert_eq!(world.seats[&(show.id, 1)].state, SeatState::Available);
    let token = &world.tokens[&token.id];
    assert_eq!(
        token.state,
        TokenState::Expired,
        "only the hold had kept it after its session"
    );
    let failed = &world.payments[&PaymentId(question.reference)];
    assert_eq!((failed.status, failed.paid_at), (PaymentStatus::Failed, None));

    let after = world.clone();
    assert_eq!(world.decide(&settle), Err(PayRefusal::Declined));
    assert_eq!(world.decide(&wish), Err(PayRefusal::Declined));
    assert_eq!(world, after);
}

#[test]
fn a_payment_that_became_impossible_is_on_record_and_frees_its_key() {
    let (mut world, show, token) = scene();
    let hold = world.hold(token, &show, &[1]);
    let (wish, question) = asked(&mut world, pay_of(token, hold.id));
    world.decide(&release_of(&hold)).unwrap();
    world.pass(TICK);
    let settle = answered(&wish, &question, Answer::Approved);
    assert_eq!(world.decide(&settle), Err(PayRefusal::NotHeld));
    assert_eq!(
        world.payments[&PaymentId(question.reference)].status,
        PaymentStatus::Failed
    );
    let after = world.clone();
    assert_eq!(
        world.decide(&settle),
        Err(PayRefusal::NotHeld),
        "sent again, it is on record already"
    );
    assert_eq!(world, after);

    let next = world.hold(token, &show, &[2]);
    let mut other = pay_of(token, next.id);
    other.request = other_body(wish.request);
    assert!(world.decide(&other).is_ok());
    assert!(world.audit().is_ok());
}

#[test]
fn a_silent_provider_may_be_asked_again_at_once() {
    let (mut world, show, token) = scene();
    let hold = world.hold(token, &show, &[1]);
    let (wish, question) = asked(&mut world, pay_of(token, hold.id));
    let retry = PayReservation {
        payment_id: PaymentId::mint(),
        ..wish.clone()
    };
    let running = PayRefusal::Idempotency(IdempotencyRefusal::InProgress);
    assert_eq!(world.decide(&retry), Err(running));
    let silent = answered(&wish, &question, Answer::Silent);
    assert_eq!(world.decide(&silent), Err(PayRefusal::OutcomeUnknown));
    let (retry, again) = asked(&mut world, retry);
    assert_eq!((again.reference, again.attempt), (question.reference, 2));
    assert!(world.decide(&answered(&retry, &again, Answer::Approved)).is_ok());
    assert!(world.audit().is_ok());
}

#[test]
fn a_lease_holds_off_others_to_its_very_end() {
    let (mut world, show, token) = scene();
    let hold = world.hold(token, &show, &[1]);
    let (wish, question) = asked(&mut world, pay_of(token, hold.id));
    let other_instance = PayReservation {
        payment_id: PaymentId::mint(),
        entry_id: EntryId::mint(),
        ..wish.clone()
    };
    world.pass(Policy::LEASE - TICK);
    assert!(world.clone().decide(&other_instance).is_err());
    world.pass(TICK);
    let (other_instance, again) = asked(&mut world, other_instance);
    assert_eq!((again.reference, again.attempt), (question.reference, 2));
    let paid = world.decide(&answered(&other_instance, &again, Answer::Approved));
    let meanwhile = world.charge_of(token.user_id, 1);
    world.decide(&meanwhile).unwrap();
    assert_eq!(world.decide(&answered(&wish, &question, Answer::Approved)), paid);
    assert_eq!(world.decide(&answered(&wish, &question, Answer::Silent)), paid);
    assert!(world.audit().is_ok());
}

#[test]
fn what_was_made_is_found_when_the_command_is_sent_again() {
    let (mut world, show, token) = scene();
    let user = world.fan();
    let join = join_of(&show, user);
    let hold = hold_of(token, &show, &[1]);
    let pay = pay_of(token, hold.reservation_id);
    let joined = world.decide(&join).unwrap();
    let held = world.decide(&hold);
    let paid = world.decide(&pay);
    let after = world.clone();
    assert!(joined.fresh && world.decide(&join).is_ok_and(|again| again.fresh));
    assert_eq!(world.decide(&pay), paid);
    assert_eq!(world.decide(&hold), held);
    assert_eq!(world, after);
}

#[test]
fn a_question_that_is_sent_again_is_the_same_question() {
    let (mut world, show, token) = scene();
    let hold = world.hold(token, &show, &[1]);
    let (wish, question) = asked(&mut world, pay_of(token, hold.id));
    assert_eq!(world.decide(&wish), Ok(PayStep::Ask(question)));
    let charge = ChargeWallet {
        request: Some(request()),
        approval: Approval::Ask,
        ..world.charge_of(token.user_id, 7)
    };
    let first = world.decide(&charge);
    assert!(matches!(first, Ok(ChargeStep::Ask(_))));
    assert_eq!(world.decide(&charge), first);
}

#[test]
fn a_payment_without_a_key_that_is_settled_twice_is_settled_once() {
    let (mut world, show, token) = scene();
    let hold = world.hold(token, &show, &[1]);
    let settle = PayReservation {
        approval: Approval::Answered(Answer::Approved),
        ..pay_of(token, hold.id)
    };
    let paid = world.decide(&settle);
    let after = world.clone();
    assert_eq!(world.decide(&settle), paid);
    assert_eq!(world, after);
}

#[test]
fn a_declined_charge_frees_its_key() {
    let (mut world, _, token) = scene();
    let charge = ChargeWallet {
        request: Some(request()),
        approval: Approval::Ask,
        ..world.charge_of(token.user_id, 7)
    };
    world.decide(&charge).unwrap();
    let declined = ChargeWallet {
        approval: Approval::Answered(Answer::Declined),
        ..charge.clone()
    };
    assert_eq!(world.decide(&declined), Err(ChargeRefusal::Declined));
    let other = ChargeWallet {
        request: other_body(charge.request),
        entry_id: EntryId::mint(),
        ..charge
    };
    assert!(matches!(world.decide(&other), Ok(ChargeStep::Ask(_))));
}

#[test]
fn a_balance_that_would_not_fit_is_refused() {
    let (mut world, _, token) = scene();
    world.wallets.get_mut(&token.user_id).unwrap().balance = world.policy.currency.from_minor(i64::MAX);
    let charge = world.charge_of(token.user_id, 1);
    assert_eq!(world.decide(&charge), Err(ChargeRefusal::InvalidAmount));
}
