//! The auditor: sound books pass, and every invariant is reported when it is violated.

use crate::world::{World, pay_of};
use frontrow_domain::{
    audit::{Findings, Invariant, ScheduleBooks, UserBooks, check_schedule, check_users},
    catalog::Schedule,
    id::{EntryId, PaymentId, ReservationId, TokenId, UserId},
    idempotency::RequestKey,
    payment::PaymentStatus,
    policy::Policy,
    queue::TokenState,
    seating::{Reservation, ReservationState, SeatState},
    wallet::EntryKind,
};
use std::sync::Arc;
use time::Duration;
use uuid::Uuid;

/// An evening with a bit of everything: two seats sold, one held, one fan waiting.
struct Evening {
    world: World,
    show: Arc<Schedule>,
    buyer: UserId,
    sold: Reservation,
    held: Reservation,
}

fn evening() -> Evening {
    let mut world = World::new();
    let show = world.show(6);
    let buyer = world.insider(&show, 5_000);
    world.pass(Duration::SECOND);
    let browser = world.insider(&show, 0);
    let sold = world.hold(buyer, &show, &[1, 2]);
    world.pass(Duration::SECOND);
    world.decide(&pay_of(buyer, sold.id)).unwrap();
    let held = world.hold(browser, &show, &[3]);
    let waiting = world.fan();
    world.join(&show, waiting);
    world.pass(Duration::SECOND);
    Evening {
        world,
        show,
        buyer: buyer.user_id,
        sold,
        held,
    }
}

/// The invariants that are violated.
fn violated(findings: Findings) -> Vec<Invariant> {
    let checks = findings.report().checks;
    let violated = checks.into_iter().filter(|check| {
        assert_eq!(check.violations == 0, check.sample.is_empty());
        check.violations > 0
    });
    violated.map(|check| check.invariant).collect()
}

fn after(change: impl FnOnce(&mut ScheduleBooks, &Evening)) -> Vec<Invariant> {
    let evening = evening();
    let mut books = evening.world.books(evening.show.id);
    change(&mut books, &evening);
    violated(check_schedule(&books))
}

fn money_after(change: impl FnOnce(&mut UserBooks)) -> Vec<Invariant> {
    let evening = evening();
    let mut books = evening.world.money_of(evening.buyer);
    change(&mut books);
    violated(check_users(&[books]))
}

fn reservation(books: &mut ScheduleBooks, id: ReservationId) -> &mut Reservation {
    books
        .reservations
        .iter_mut()
        .find(|reservation| reservation.id == id)
        .unwrap()
}

fn again(reservation: &Reservation) -> Reservation {
    Reservation {
        id: ReservationId::mint(),
        ..reservation.clone()
    }
}

#[test]
fn a_sound_evening_passes() {
    assert_eq!(after(|_, _| ()), []);
    assert_eq!(money_after(|_| ()), []);
    assert!(evening().world.audit().is_ok());
}

#[test]
fn every_invariant_says_what_it_means() {
    let mut names: Vec<_> = Invariant::ALL.iter().map(|invariant| invariant.name()).collect();
    assert!(Invariant::ALL.iter().all(|invariant| !invariant.statement().is_empty()));
    names.dedup();
    assert_eq!(names, ["I1", "I2", "I3", "I4", "I6", "I8", "I9"]);
}

#[test]
fn i1_a_seat_sold_twice() {
    let found = after(|books, evening| {
        let mut twice = again(&reservation(books, evening.sold.id).clone());
        twice.held_at = books.as_of;
        books.reservations.push(twice);
    });
    assert!(found.contains(&Invariant::I1), "{found:?}");
}

#[test]
fn i1_a_sold_seat_without_its_reservation() {
    let found = after(|books, evening| {
        books.seats[4].state = SeatState::Sold {
            reservation_id: evening.held.id,
            user_id: evening.held.user_id,
        };
    });
    assert_eq!(found, [Invariant::I1]);
}

#[test]
fn i1_a_confirmed_reservation_without_its_seat() {
    assert_eq!(
        after(|books, _| books.seats[0].state = SeatState::Available),
        [Invariant::I1]
    );
}

#[test]
fn i2_a_seat_in_two_holds() {
    let found = after(|books, evening| {
        let mut rival = again(&evening.held);
        rival.held_at += Duration::MICROSECOND;
        books.reservations.push(rival);
    });
    assert_eq!(found, [Invariant::I2]);
}

#[test]
fn i2_a_seat_held_after_it_was_sold() {
    let found = after(|books, evening| {
        let mut late = again(&evening.held);
        late.seat_numbers = vec![1];
        books.reservations.push(late);
    });
    assert_eq!(found, [Invariant::I2]);
}

#[test]
fn i2_one_hold_may_begin_where_another_ended() {
    let found = after(|books, evening| {
        let mut before = again(&evening.held);
        before.state = ReservationState::Released;
        before.ended_at = Some(evening.held.held_at);
        before.held_at -= Duration::SECOND;
        let mut at_once = before.clone();
        at_once.id = ReservationId::mint();
        at_once.held_at = evening.held.held_at;
        books.reservations.extend([before, at_once]);
    });
    assert_eq!(found, []);
}

#[test]
fn i2_a_hold_given_back_within_the_instant_in_which_the_seat_was_sold() {
    let found = after(|books, evening| {
        let mut at_once = again(&evening.sold);
        at_once.state = ReservationState::Released;
        at_once.ended_at = Some(at_once.held_at);
        books.reservations.push(at_once);
    });
    assert_eq!(found, []);
}

#[test]
fn i3_a_balance_that_is_not_the_sum_of_its_entries() {
    let found = money_after(|books| {
        let wallet = books.wallet.as_mut().unwrap();
        wallet.balance = wallet.balance.checked_add(books.entries[0].amount).unwrap();
    });
    assert_eq!(found, [Invariant::I3]);
}

#[test]
fn i3_an_entry_that_is_missing() {
    assert_eq!(money_after(|books| books.entries.truncate(1)), [Invariant::I3]);
}

#[test]
fn i3_an_entry_that_is_there_twice() {
    let found = money_after(|books| {
        let twice = books.entries[0].clone();
        books.entries.insert(1, twice);
    });
    assert_eq!(found, [Invariant::I3]);
}

#[test]
fn i3_a_wallet_without_entries_or_entries_without_a_wallet() {
    assert_eq!(money_after(|books| books.entries.clear()), [Invariant::I3]);
    assert_eq!(money_after(|books| books.wallet = None), [Invariant::I3]);
}

#[test]
fn i3_an_entry_with_the_wrong_sign() {
    let found = money_after(|books| {
        books.entries[0].kind = EntryKind::Payment;
        books.entries[1].kind = EntryKind::Charge;
    });
    assert_eq!(found, [Invariant::I3]);
}

#[test]
fn i3_a_balance_that_was_below_zero_in_between() {
    let found = money_after(|books| {
        books.entries.reverse();
        let mut balance = 0;
        for (number, entry) in (1..).zip(&mut books.entries) {
            balance += entry.amount.minor();
            entry.number = number;
            entry.balance_after = World::new().money(balance);
        }
    });
    assert_eq!(found, [Invariant::I3]);
}

#[test]
fn i3_a_payment_without_its_entry() {
    assert_eq!(money_after(|books| books.payments.clear()), [Invariant::I3]);
    let found = money_after(|books| books.payments[0].reservation_id = ReservationId::mint());
    assert_eq!(found, [Invariant::I3]);
}

#[test]
fn i4_a_confirmed_reservation_that_nobody_paid() {
    assert_eq!(after(|books, _| books.payments.clear()), [Invariant::I4]);
    let found = after(|books, _| books.payments[0].status = PaymentStatus::Failed);
    assert_eq!(found, [Invariant::I4]);
}

#[test]
fn i4_a_reservation_paid_twice() {
    let found = after(|books, _| {
        let mut twice = books.payments[0].clone();
        twice.id = PaymentId::mint();
        books.payments.push(twice);
    });
    assert_eq!(found, [Invariant::I4]);
}

#[test]
fn i4_a_payment_of_another_price_or_by_another_fan() {
    let found = after(|books, _| books.payments[0].amount = World::new().money(1));
    assert_eq!(found, [Invariant::I4]);
    let found = after(|books, evening| books.payments[0].user_id = evening.held.user_id);
    assert_eq!(found, [Invariant::I4]);
}

#[test]
fn i4_a_payment_for_what_is_not_confirmed() {
    let found = after(|books, evening| {
        let mut payment = books.payments[0].clone();
        payment.id = PaymentId::mint();
        payment.reservation_id = evening.held.id;
        books.payments.push(payment);
    });
    assert_eq!(found, [Invariant::I4]);
}

#[test]
fn i4_a_payment_for_nothing() {
    let found = after(|books, _| {
        let mut payment = books.payments[0].clone();
        payment.id = PaymentId::mint();
        payment.reservation_id = ReservationId::mint();
        books.payments.push(payment);
    });
    assert_eq!(found, [Invariant::I4]);
}

#[test]
fn i6_a_key_with_two_holds() {
    let key = Some(RequestKey(Uuid::now_v7()));
    let found = after(|books, evening| {
        reservation(books, evening.held.id).request_key = key;
        let mut second = again(&evening.held);
        second.seat_numbers = vec![5];
        second.request_key = key;
        books.reservations.push(second);
    });
    assert_eq!(found, [Invariant::I6]);
}

#[test]
fn i6_a_key_with_two_charges() {
    let key = Some(RequestKey(Uuid::now_v7()));
    let two_charges = |apart: Duration| {
        money_after(|books| {
            books.entries[0].request_key = key;
            let mut second = books.entries[0].clone();
            second.id = EntryId::mint();
            second.number = 3;
            second.balance_after = World::new().money(8_000);
            second.created_at += apart;
            books.entries.push(second);
            let wallet = books.wallet.as_mut().unwrap();
            wallet.balance = World::new().money(8_000);
            wallet.entries = 3;
        })
    };
    assert_eq!(
        two_charges(Policy::IDEMPOTENCY - Duration::MICROSECOND),
        [Invariant::I6]
    );
    assert_eq!(
        two_charges(Policy::IDEMPOTENCY),
        [],
        "a key may be used again after a day"
    );
}

#[test]
fn i6_a_key_with_two_payments() {
    let key = Some(RequestKey(Uuid::now_v7()));
    let found = after(|books, _| {
        books.payments[0].request_key = key;
        let mut second = books.payments[0].clone();
        second.id = PaymentId::mint();
        books.payments.push(second);
    });
    assert_eq!(found, [Invariant::I4, Invariant::I6]);
}

#[test]
fn i8_a_number_that_is_missing_or_there_twice() {
    assert_eq!(
        after(|books, _| books.tokens.retain(|token| token.number != 2)),
        [Invariant::I8]
    );
    assert_eq!(after(|books, _| books.issued += 1), [Invariant::I8]);
    let found = after(|books, _| {
        let mut twice = books.tokens[0].clone();
        twice.id = TokenId::mint();
        books.tokens.push(twice);
    });
    assert_eq!(found, [Invariant::I8]);
}

#[test]
fn i8_a_fan_who_entered_before_one_ahead() {
    let found = after(|books, _| {
        let first = books.tokens.iter_mut().find(|token| token.number == 1).unwrap();
        first.activated_at = first.activated_at.map(|entered| entered + Duration::minutes(1));
        first.ended_at = first.activated_at;
    });
    assert_eq!(found, [Invariant::I8]);
}

#[test]
fn i8_a_fan_who_still_waits_while_one_behind_has_entered() {
    let found = after(|books, _| {
        for token in &mut books.tokens {
            token.number = if token.number == 3 { 1 } else { token.number + 1 };
        }
    });
    assert_eq!(found, [Invariant::I8]);
}

#[test]
fn i8_who_was_let_through_overtook_nobody() {
    let turn_around = |books: &mut ScheduleBooks, departure| {
        for token in &mut books.tokens {
            token.number = if token.number == 3 { 1 } else { token.number + 1 };
            if token.activated_at.is_some() {
                token.departure = departure;
            }
        }
    };
    let numbered = after(|books, _| {
        turn_around(books, None);
        let entered = books.tokens.iter_mut().filter(|token| token.activated_at.is_some());
        entered
            .zip(1..)
            .for_each(|(token, departure)| token.departure = Some(departure));
    });
    assert_eq!(numbered, []);
    let twice = after(|books, _| turn_around(books, Some(1)));
    assert_eq!(twice, [Invariant::I8], "departures have no gaps and are given once");
}

#[test]
fn i8_who_left_or_ran_out_of_time_was_not_overtaken() {
    for state in [TokenState::Left, TokenState::Expired] {
        let found = after(|books, _| {
            for token in &mut books.tokens {
                token.number = if token.number == 3 { 1 } else { token.number + 1 };
                if token.number == 1 {
                    token.state = state;
                    token.ended_at = Some(books.as_of);
                }
            }
        });
        assert_eq!(found, []);
    }
}

#[test]
fn i9_more_inside_than_the_gate_allowed() {
    let found = after(|books, _| {
        for token in &mut books.tokens {
            token.admitted_under = token.activated_at.map(|_| 1);
        }
    });
    assert_eq!(found, [Invariant::I9]);
}

#[test]
fn i9_who_entered_when_the_other_was_gone_fits() {
    let found = after(|books, _| {
        let second = books.tokens.iter().find(|token| token.number == 2).unwrap();
        let entered = second.activated_at;
        for token in &mut books.tokens {
            token.admitted_under = token.activated_at.map(|_| 1);
            if token.number == 1 {
                token.ended_at = entered;
            }
        }
    });
    assert_eq!(found, []);
}

#[test]
fn i9_a_token_that_ran_out_of_time_makes_room_before_it_is_swept() {
    let found = after(|books, _| {
        let second = books.tokens.iter().find(|token| token.number == 2).unwrap();
        let entered = second.activated_at.unwrap();
        for token in &mut books.tokens {
            token.admitted_under = token.activated_at.map(|_| 1);
            if token.number == 1 {
                token.state = TokenState::Active;
                token.ended_at = None;
                token.lapses_at = entered;
            }
        }
    });
    assert_eq!(found, []);
}
