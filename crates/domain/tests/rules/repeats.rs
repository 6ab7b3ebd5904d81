//! The very same command, decided once more because nobody knows whether the first time counted.

use crate::world::{World, hold_of, join_of, pay_of, request};
use frontrow_domain::{
    catalog::Schedule,
    idempotency::{IdempotencyRefusal, Request},
    payment::{Answer, Approval, PayRefusal, PayReservation, PayStep, PaymentStatus},
    queue::TokenRef,
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet},
};
use std::sync::Arc;

fn scene() -> (World, Arc<Schedule>, TokenRef) {
    let mut world = World::new();
    let show = world.show(5);
    let token = world.insider(&show, 5_000);
    (world, show, token)
}

fn asking(token: TokenRef, world: &mut World, show: &Arc<Schedule>, request: Option<Request>) -> PayReservation {
    let hold = world.hold(token, show, &[1]);
    PayReservation {
        request,
        approval: Approval::Ask,
        ..pay_of(token, hold.id)
    }
}

fn answered(first: &PayReservation, answer: Answer) -> PayReservation {
    PayReservation {
        approval: Approval::Answered(answer),
        ..first.clone()
    }
}

#[test]
fn a_hold_sent_again_is_the_same_hold_also_when_it_was_paid_meanwhile() {
    let (mut world, show, token) = scene();
    let command = hold_of(token, &show, &[2, 1]);
    let first = world.decide(&command);
    assert_eq!(world.decide(&command), first);
    world.pass(world.policy.claim / 2);
    world.decide(&pay_of(token, command.reservation_id)).unwrap();
    assert_eq!(world.decide(&command), first);
    assert!(world.audit().is_ok());
}

#[test]
fn a_place_taken_before_is_fresh_to_the_command_that_took_it_alone() {
    let (mut world, show, _) = scene();
    let user = world.fan();
    let command = join_of(&show, user);
    let first = world.decide(&command).unwrap();
    assert!(first.fresh);
    assert_eq!(world.decide(&command).unwrap(), first);
    assert!(!world.decide(&join_of(&show, user)).unwrap().fresh);
    assert!(world.audit().is_ok());
}

#[test]
fn a_payment_that_asks_again_asks_the_same() {
    for request in [None, Some(request())] {
        let (mut world, show, token) = scene();
        let command = asking(token, &mut world, &show, request);
        let first = world.decide(&command);
        assert!(matches!(first, Ok(PayStep::Ask(_))), "{first:?}");
        assert_eq!(world.decide(&command), first);
    }
}

#[test]
fn a_charge_that_asks_again_asks_the_same() {
    for request in [None, Some(request())] {
        let (mut world, _, token) = scene();
        let command = ChargeWallet {
            request,
            approval: Approval::Ask,
            ..world.charge_of(token.user_id, 100)
        };
        let first = world.decide(&command);
        assert!(matches!(first, Ok(ChargeStep::Ask(_))), "{first:?}");
        assert_eq!(world.decide(&command), first);
        let other = ChargeWallet {
            request: command.request,
            approval: Approval::Ask,
            ..world.charge_of(token.user_id, 100)
        };
        let in_progress = ChargeRefusal::Idempotency(IdempotencyRefusal::InProgress);
        let refusal = world.decide(&other).err();
        assert_eq!(refusal, request.map(|_| in_progress), "another call under the same key");
    }
}

#[test]
fn a_charge_without_a_key_counts_once() {
    let (mut world, _, token) = scene();
    let command = world.charge_of(token.user_id, 100);
    let first = world.decide(&command);
    assert_eq!(world.decide(&command), first);
    assert_eq!(world.money_of(token.user_id).entries.len(), 2);
    assert!(world.audit().is_ok());
}

#[test]
fn a_payment_settled_again_moves_money_once() {
    for request in [None, Some(request())] {
        let (mut world, show, token) = scene();
        let ask = asking(token, &mut world, &show, request);
        world.decide(&ask).unwrap();
        let settle = answered(&ask, Answer::Approved);
        let first = world.decide(&settle);
        assert!(matches!(first, Ok(PayStep::Paid(_))), "{first:?}");
        assert_eq!(world.decide(&settle), first);
        assert!(world.audit().is_ok());
    }
}

#[test]
fn a_decline_told_again_is_one_failed_payment() {
    for request in [None, Some(request())] {
        let (mut world, show, token) = scene();
        let ask = asking(token, &mut world, &show, request);
        world.decide(&ask).unwrap();
        let settle = answered(&ask, Answer::Declined);
        assert_eq!(world.decide(&settle), Err(PayRefusal::Declined));
        let after = world.payments.clone();
        assert_eq!(world.decide(&settle), Err(PayRefusal::Declined));
        assert_eq!(world.payments, after);
        assert_eq!(after[&ask.payment_id].status, PaymentStatus::Failed);
    }
}

#[test]
fn an_attempt_that_was_given_up_stays_so_even_if_it_would_succeed_now() {
    let (mut world, show, _) = scene();
    let poor = world.insider(&show, 1_000);
    let ask = asking(poor, &mut world, &show, Some(request()));
    world.decide(&ask).unwrap();
    let elsewhere = world.hold(poor, &show, &[2]);
    world.decide(&pay_of(poor, elsewhere.id)).unwrap();

    let settle = answered(&ask, Answer::Approved);
    let short = world.decide(&settle);
    assert!(
        matches!(short, Err(PayRefusal::InsufficientBalance { .. })),
        "{short:?}"
    );
    assert_eq!(world.decide(&settle), short, "told again");

    world.decide(&world.charge_of(poor.user_id, 1_000)).unwrap();
    assert_eq!(
        world.decide(&settle),
        Err(PayRefusal::OutcomeUnknown),
        "the key may ask anew"
    );
    let anew = PayReservation {
        request: ask.request,
        approval: Approval::Ask,
        ..pay_of(poor, ask.reservation_id)
    };
    world.decide(&anew).unwrap();
    assert!(world.decide(&answered(&anew, Answer::Approved)).is_ok());
    assert!(world.audit().is_ok());
}
