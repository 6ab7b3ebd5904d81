//! Paying what is held.

use crate::{
    Fan, Fixture, Plan, Show, Stage,
    stage::{MOMENT, hold_of, pay_of, request, usual_policy},
};
use frontrow_domain::{
    id::{EntryId, PaymentId, ReservationId, UserId},
    identity::{ActingRefusal, Actor},
    page::PageRequest,
    payment::{Answer, Approval, ClaimedAmount, PayRefusal, PayReservation, PayStep, Payment, PaymentStatus, Question},
    policy::Policy,
    queue::{AdmittanceRefusal, TokenState},
    seating::{Reservation, ReservationState, SeatState, SeatStatus},
    wallet::EntryKind,
};
use time::Duration;

async fn payments<F: Fixture>(stage: &Stage<F>, user: UserId) -> Vec<Payment> {
    let page = PageRequest {
        limit: 100,
        before: None,
    };
    let page = stage.storage.payments.payments(user, page).await;
    page.expect("the storage answers").items
}

/// A fan with 10,000 in the wallet and two seats on hold, and a keyed wish to pay them.
async fn about_to_pay<F: Fixture>(stage: &Stage<F>, show: &Show) -> (Fan, Reservation, PayReservation) {
    let fan = stage.insider(show).await;
    stage.charge(fan.user, 10_000).await;
    let hold = stage.held(&fan, show, &[1, 2]).await;
    let mut wish = pay_of(&fan, hold.id);
    wish.request = request(show.id.0);
    wish.payment_method = Some("card 'x'".to_owned());
    wish.approval = Approval::Ask;
    (fan, hold, wish)
}

async fn ask<F: Fixture>(stage: &Stage<F>, wish: &PayReservation) -> Question {
    match stage.decide(wish.clone()).await.expect("all is well so far") {
        PayStep::Ask(question) => question,
        PayStep::Paid(receipt) => panic!("paid without asking: {receipt:?}"),
    }
}

fn answered(wish: &PayReservation, question: &Question, answer: Answer) -> PayReservation {
    PayReservation {
        payment_id: PaymentId(question.reference),
        approval: Approval::Answered(answer),
        ..wish.clone()
    }
}

pub async fn money_seats_and_token_move_together<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold, mut wish) = about_to_pay(&stage, &show).await;
    wish.approval = Approval::NoProvider;
    wish.amount = ClaimedAmount::Of(stage.money(2_000));
    let paid = stage.decide(wish.clone()).await.expect("paid");
    let PayStep::Paid(receipt) = paid else {
        panic!("there is no provider")
    };
    assert_eq!((receipt.payment_id, receipt.reservation_id), (wish.payment_id, hold.id));
    assert_eq!(
        (receipt.amount, receipt.balance),
        (stage.money(2_000), stage.money(8_000))
    );
    assert_eq!((receipt.user_id, &receipt.seat_numbers), (fan.user, &vec![1, 2]));

    let confirmed = stage.reservation(hold.id).await;
    assert_eq!(confirmed.state, ReservationState::Confirmed);
    assert_eq!(confirmed.ended_at, Some(receipt.paid_at));
    for number in [1, 2] {
        let (seat, status) = stage.seat(&show, number).await;
        let owner = SeatState::Sold {
            reservation_id: hold.id,
            user_id: fan.user,
        };
        assert_eq!((seat.state, seat.version, status), (owner, 3, SeatStatus::Sold));
    }
    let token = stage.status(fan.token).await.token;
    assert_eq!(
        (token.state, token.ended_at),
        (TokenState::Completed, Some(receipt.paid_at))
    );
    assert_eq!(stage.balance(fan.user).await, 8_000);

    let page = PageRequest { limit: 1, before: None };
    let entries = stage.storage.wallets.entries(fan.user, page).await;
    let entry = entries.expect("the storage answers").items.remove(0);
    let key = wish.request.map(|request| request.id.key);
    assert_eq!(
        (entry.id, entry.number, entry.kind),
        (wish.entry_id, 2, EntryKind::Payment)
    );
    assert_eq!(
        (entry.amount, entry.balance_after),
        (stage.money(-2_000), stage.money(8_000))
    );
    assert_eq!((entry.reservation_id, entry.request_key), (Some(hold.id), key));
    let payment = Payment {
        id: wish.payment_id,
        user_id: fan.user,
        schedule_id: show.id,
        reservation_id: hold.id,
        status: PaymentStatus::Succeeded,
        amount: stage.money(2_000),
        payment_method: wish.payment_method.clone(),
        seat_numbers: vec![1, 2],
        request_key: key,
        created_at: receipt.paid_at,
        paid_at: Some(receipt.paid_at),
    };
    assert_eq!(payments(&stage, fan.user).await, std::slice::from_ref(&payment));
    assert_eq!(stage.books(&show).await.payments, [payment]);
    stage.assert_sound().await;
}

pub async fn a_token_completes_with_its_last_hold<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 10_000).await;
    let first = stage.held(&fan, &show, &[1]).await;
    let second = stage.held(&fan, &show, &[2]).await;
    stage.pay(&fan, first.id).await.expect("paid");
    assert_eq!(stage.state(&fan).await, TokenState::Active);
    stage.pay(&fan, second.id).await.expect("paid");
    assert_eq!(stage.state(&fan).await, TokenState::Completed);
    let refused = stage.pay(&fan, second.id).await;
    assert_eq!(refused, Err(AdmittanceRefusal::InvalidToken.into()));
    stage.assert_sound().await;
}

pub async fn each_reason_not_to_pay_is_named_and_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let other = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let stranger = stage.insider(&show).await;
    let elsewhere = stage.insider(&other).await;
    let hold = stage.held(&fan, &show, &[1]).await;
    let strangers = stage.held(&stranger, &show, &[2]).await;
    let theirs = stage.held(&elsewhere, &other, &[3]).await;
    let released = stage.held(&fan, &show, &[4]).await;
    stage.release(&released).await;
    stage.charge(fan.user, 999).await;
    let with = |change: &dyn Fn(&mut PayReservation)| {
        let mut changed = pay_of(&fan, hold.id);
        changed.request = request(show.id.0);
        change(&mut changed);
        changed
    };
    let short = PayRefusal::InsufficientBalance {
        balance: stage.money(999),
        price: stage.money(1_000),
    };
    let price = stage.money(1_000);
    let cases = [
        (
            with(&|pay| pay.actor = Actor::Fan(stranger.user)),
            AdmittanceRefusal::UserMismatch.into(),
        ),
        (
            with(&|pay| pay.amount = ClaimedAmount::Malformed),
            PayRefusal::InvalidAmount,
        ),
        (
            with(&|pay| pay.named = Some(UserId::mint())),
            ActingRefusal::UserMismatch.into(),
        ),
        (
            with(&|pay| {
                pay.actor = Actor::OnBehalf;
                pay.named = Some(UserId::mint());
            }),
            ActingRefusal::InvalidUser.into(),
        ),
        (
            with(&|pay| {
                pay.actor = Actor::OnBehalf;
                pay.named = Some(stranger.user);
            }),
            PayRefusal::UserMismatch,
        ),
        (
            with(&|pay| pay.reservation_id = ReservationId::mint()),
            PayRefusal::InvalidReservation,
        ),
        (
            with(&|pay| pay.reservation_id = theirs.id),
            PayRefusal::TokenScopeMismatch,
        ),
        (with(&|pay| pay.reservation_id = released.id), PayRefusal::NotHeld),
        (with(&|pay| pay.reservation_id = strangers.id), PayRefusal::UserMismatch),
        (
            with(&|pay| pay.amount = ClaimedAmount::Of(stage.money(999))),
            PayRefusal::AmountMismatch { price },
        ),
        (with(&|_| ()), short.clone()),
        (with(&|pay| pay.approval = Approval::Ask), short),
    ];
    let before = stage.everything().await;
    for (wish, refusal) in cases {
        assert_eq!(stage.decide(wish).await, Err(refusal));
        assert_eq!(stage.everything().await, before);
        assert_eq!(payments(&stage, fan.user).await, []);
    }
    stage.charge(fan.user, 1).await;
    stage.pay(&fan, hold.id).await.expect("the hold was kept all the time");
    stage.assert_sound().await;
}

pub async fn an_approved_payment_settles_under_its_reference<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold, wish) = about_to_pay(&stage, &show).await;
    let question = ask(&stage, &wish).await;
    let expected = Question {
        reference: wish.payment_id.0,
        attempt: 1,
        amount: stage.money(2_000),
    };
    assert_eq!(question, expected);
    assert_eq!(stage.balance(fan.user).await, 10_000, "asking moves nothing");
    assert_eq!(payments(&stage, fan.user).await, []);
    let settled = stage.decide(answered(&wish, &question, Answer::Approved)).await;
    assert!(matches!(settled, Ok(PayStep::Paid(_))), "{settled:?}");
    assert_eq!(payments(&stage, fan.user).await[0].id.0, question.reference);
    assert_eq!(stage.reservation(hold.id).await.state, ReservationState::Confirmed);
    stage.assert_sound().await;
}

pub async fn a_declined_payment_releases_the_seats_for_good<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold, wish) = about_to_pay(&stage, &show).await;
    let question = ask(&stage, &wish).await;
    let declined = stage.decide(answered(&wish, &question, Answer::Declined)).await;
    assert_eq!(declined, Err(PayRefusal::Declined));
    assert_eq!(stage.reservation(hold.id).await.state, ReservationState::Released);
    assert_eq!(stage.seat(&show, 1).await.1, SeatStatus::Available);
    assert_eq!(stage.balance(fan.user).await, 10_000);
    assert_eq!(stage.state(&fan).await, TokenState::Active);
    let failed = payments(&stage, fan.user).await.remove(0);
    assert_eq!((failed.status, failed.paid_at), (PaymentStatus::Failed, None));
    assert_eq!(
        (failed.request_key, failed.payment_method),
        (None, wish.payment_method.clone())
    );

    let again = stage.decide(wish).await;
    assert_eq!(again, Err(PayRefusal::Declined), "the answer is repeated");
    assert_eq!(payments(&stage, fan.user).await.len(), 1);
    stage.held(&fan, &show, &[1, 2]).await;
    stage.assert_sound().await;
}

pub async fn a_silent_provider_is_asked_again_under_the_same_reference<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold, wish) = about_to_pay(&stage, &show).await;
    let first = ask(&stage, &wish).await;
    let silent = stage.decide(answered(&wish, &first, Answer::Silent)).await;
    assert_eq!(silent, Err(PayRefusal::OutcomeUnknown));
    assert_eq!(stage.reservation(hold.id).await, hold, "the hold is kept");
    assert_eq!(payments(&stage, fan.user).await, []);

    let retry = PayReservation {
        payment_id: PaymentId::mint(),
        entry_id: EntryId::mint(),
        ..wish
    };
    let second = ask(&stage, &retry).await;
    assert_eq!((second.reference, second.attempt), (first.reference, 2));
    let settled = stage.decide(answered(&retry, &second, Answer::Approved)).await;
    assert!(matches!(settled, Ok(PayStep::Paid(_))), "{settled:?}");
    assert_eq!(payments(&stage, fan.user).await[0].id.0, first.reference);
    stage.assert_sound().await;
}

pub async fn an_approval_after_the_hold_has_cost_nothing<F: Fixture>(fixture: F) {
    let policy = Policy {
        hold: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold, wish) = about_to_pay(&stage, &show).await;
    let question = ask(&stage, &wish).await;
    stage.pass(MOMENT).await;
    let late = stage.decide(answered(&wish, &question, Answer::Approved)).await;
    assert_eq!(late, Err(PayRefusal::NotHeld));
    assert_eq!(stage.balance(fan.user).await, 10_000);
    let failed = payments(&stage, fan.user).await.remove(0);
    assert_eq!((failed.status, failed.reservation_id), (PaymentStatus::Failed, hold.id));
    let taker = stage.insider(&show).await;
    stage.held(&taker, &show, &[1, 2]).await;
    stage.assert_sound().await;
}

pub async fn a_hold_can_be_paid_until_its_very_end<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    if !stage.fixture.steers_time() {
        return;
    }
    let mut plan = Plan::default();
    plan.gate.session_seconds = 1;
    let show = stage.show(plan).await;
    let fans = stage.insiders(&show, 2).await;
    let mut holds = Vec::new();
    for (fan, seat) in fans.iter().zip(1..) {
        stage.charge(fan.user, 1_000).await;
        holds.push(stage.held(fan, &show, &[seat]).await);
    }
    stage.pass(stage.policy.hold - Duration::MICROSECOND).await;
    let refused = stage.decide(hold_of(&fans[0], &show, &[5])).await;
    assert!(refused.is_err(), "the session is over, so the token may only pay");
    stage.pay(&fans[0], holds[0].id).await.expect("paid");
    stage.pass(Duration::MICROSECOND).await;
    let refused = stage.pay(&fans[1], holds[1].id).await;
    assert_eq!(
        refused,
        Err(AdmittanceRefusal::InvalidToken.into()),
        "the token ended with its hold"
    );
    stage.assert_sound().await;
}

pub async fn payments_come_newest_first_page_by_page<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 10_000).await;
    let mut made = Vec::new();
    let mut holds = Vec::new();
    for seat in 1..=4 {
        holds.push(stage.held(&fan, &show, &[seat]).await);
    }
    for hold in holds {
        made.push(stage.pay(&fan, hold.id).await.expect("paid").payment_id);
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = stage
            .storage
            .payments
            .payments(fan.user, PageRequest { limit: 3, before })
            .await;
        let page = page.expect("the storage answers");
        seen.extend(page.items.iter().map(|payment| payment.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    assert_eq!(payments(&stage, UserId::mint()).await, []);
}
