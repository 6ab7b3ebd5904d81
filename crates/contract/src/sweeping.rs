//! Tidying up what time has already decided.

use crate::{
    Fixture, Plan, Stage,
    stage::{MOMENT, hold_of, request, usual_policy},
};
use frontrow_domain::{
    policy::Policy,
    queue::{TokenState, port::Swept},
    seating::{ReservationState, SeatState},
};
use time::Duration;

fn short() -> Policy {
    Policy {
        hold: MOMENT,
        claim: MOMENT,
        ..usual_policy()
    }
}

async fn sweep<F: Fixture>(stage: &Stage<F>) -> Swept {
    stage.storage.attendant.sweep().await.expect("the storage answers")
}

pub async fn a_sweep_stores_what_time_decided<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short()).await;
    let mut plan = Plan::default();
    plan.gate.session_seconds = 1;
    let show = stage.show(plan).await;
    let fan = stage.insider(&show).await;
    let first = stage.held(&fan, &show, &[1, 2]).await;
    let silent = stage.line_up(&show, &stage.fans(1).await).await[0];
    stage.admit_until_inside(&silent).await;
    assert_eq!(sweep(&stage).await, Swept::default(), "nothing is due yet");

    stage.pass(MOMENT).await;
    let swept = sweep(&stage).await;
    assert_eq!((swept.holds, swept.tokens, swept.records), (1, 2, 0));
    let stored = stage.reservation(first.id).await;
    assert_eq!(stored.state, ReservationState::Expired);
    assert_eq!(stored.ended_at, Some(first.held_until));
    for number in [1, 2] {
        let (seat, _) = stage.seat(&show, number).await;
        assert_eq!((seat.state, seat.version), (SeatState::Available, 2));
    }
    for token in stage.books(&show).await.tokens {
        assert_eq!(
            (token.state, token.ended_at),
            (TokenState::Expired, Some(token.lapses_at))
        );
    }
    assert_eq!(sweep(&stage).await, Swept::default(), "once is enough");
    stage.assert_sound().await;
}

pub async fn a_sweep_keeps_its_hands_off_what_is_not_over<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 3).await;
    stage.charge(fans[0].user, 1_000).await;
    let mut wish = hold_of(&fans[0], &show, &[1]);
    wish.request = request(show.id.0);
    let bought = stage.decide(wish.clone()).await.expect("held").reservation;
    stage.pay(&fans[0], bought.id).await.expect("paid");
    stage.held(&fans[1], &show, &[2]).await;
    let released = stage.held(&fans[2], &show, &[3]).await;
    stage.release(&released).await;
    let before = stage.everything().await;
    assert_eq!(sweep(&stage).await, Swept::default());
    assert_eq!(stage.everything().await, before);
    assert!(stage.decide(wish).await.is_ok(), "the record is still there");
}

pub async fn a_seat_taken_over_is_not_freed_by_the_sweep<F: Fixture>(fixture: F) {
    let stage = Stage::set_with(fixture, short()).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let lapsed = stage.held(&fans[0], &show, &[1, 2]).await;
    stage.pass(MOMENT).await;
    let taker = stage.held(&fans[1], &show, &[2, 3]).await;
    assert_eq!(sweep(&stage).await.holds, 1);
    assert_eq!(stage.reservation(lapsed.id).await.state, ReservationState::Expired);
    assert_eq!(stage.reservation(taker.id).await, taker);
    let (free, _) = stage.seat(&show, 1).await;
    assert_eq!(free.state, SeatState::Available);
    let (taken, _) = stage.seat(&show, 2).await;
    assert_eq!(taken.reservation(), Some(taker.id));
    stage.assert_sound().await;
}

pub async fn a_sweep_deletes_records_past_their_day<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    if !stage.fixture.steers_time() {
        return;
    }
    let user = stage.fan().await;
    let mut charge = stage.charge_of(user, 100);
    charge.request = request(user.0);
    assert!(stage.decide(charge).await.is_ok());
    stage.pass(Policy::IDEMPOTENCY - Duration::MICROSECOND).await;
    assert_eq!(sweep(&stage).await.records, 0);
    stage.pass(Duration::MICROSECOND).await;
    assert_eq!(sweep(&stage).await.records, 1);
    assert_eq!(sweep(&stage).await.records, 0);
    assert_eq!(stage.balance(user).await, 100);
}

pub async fn everybody_who_waited_is_swept_when_booking_closes<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan {
        closes_in: MOMENT,
        ..Plan::default()
    };
    plan.gate.paused = true;
    let show = stage.show(plan).await;
    stage.line_up(&show, &stage.fans(50).await).await;
    stage.pass(MOMENT).await;
    let mut swept = 0;
    while swept < 50 {
        let now = sweep(&stage).await.tokens;
        assert!(now > 0, "{swept} of 50 were swept");
        swept += now;
    }
    assert!(
        stage
            .books(&show)
            .await
            .tokens
            .iter()
            .all(|token| token.state == TokenState::Expired)
    );
    stage.assert_sound().await;
}
