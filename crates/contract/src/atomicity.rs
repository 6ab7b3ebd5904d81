//! A batch is one transaction, decided in order.

use crate::{
    Fan, Fixture, Plan, Stage,
    stage::{hold_of, join_of, own, pay_of, release_of},
};
use frontrow_domain::{
    decision::Command,
    id::UserId,
    identity::RegisterUser,
    queue::{JoinQueue, Joined, LeaveQueue, TokenState},
    seating::{HoldRefusal, HoldSeats, ReleaseHold, Seat},
};

pub async fn a_batch_is_decided_in_the_order_given<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let first = hold_of(&fans[0], &show, &[1, 2]);
    let second = hold_of(&fans[1], &show, &[2, 3]);
    let third = hold_of(&fans[1], &show, &[3]);
    let commands: Vec<Command> = vec![first.into(), second.into(), third.into()];
    let verdicts = stage.decide_each(commands).await;
    let holds: Vec<_> = verdicts.into_iter().map(own::<HoldSeats>).collect();
    assert!(holds[0].is_ok());
    assert_eq!(holds[1], Err(HoldRefusal::SeatsTaken(vec![2])));
    assert!(holds[2].is_ok(), "a refused hold takes nothing: {:?}", holds[2]);
    stage.assert_sound().await;
}

pub async fn a_command_sees_what_those_before_it_changed<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let (hold, taken) = (hold_of(&fans[0], &show, &[1]), hold_of(&fans[1], &show, &[1]));
    let payment = pay_of(&fans[0], hold.reservation_id);
    let newcomer = RegisterUser {
        request: None,
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    let joins = join_of(&show, newcomer.user_id);
    let charge = stage.charge_of(fans[0].user, 1_000);
    let commands: Vec<Command> = vec![
        newcomer.into(),
        joins.into(),
        hold.into(),
        charge.into(),
        payment.into(),
        taken.into(),
        join_of(&show, fans[0].user).into(),
    ];
    let mut verdicts = stage.decide_each(commands).await;
    let again = own::<JoinQueue>(verdicts.remove(6)).expect("a place in line");
    assert!(again.fresh, "the token was completed by the payment before");
    assert_eq!(
        own::<HoldSeats>(verdicts.remove(5)),
        Err(HoldRefusal::SeatsTaken(vec![1]))
    );
    assert_eq!(stage.balance(fans[0].user).await, 0);
    let joined = own::<JoinQueue>(verdicts.remove(1)).expect("a place in line");
    assert_eq!(
        stage.status(joined.status.token.reference()).await.token,
        joined.status.token
    );
    stage.assert_sound().await;
}

pub async fn a_hold_given_back_in_the_same_batch_is_free<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let held = stage.held(&fans[0], &show, &[1, 2]).await;
    let commands: Vec<Command> = vec![release_of(&held).into(), hold_of(&fans[1], &show, &[1, 2]).into()];
    let mut verdicts = stage.decide_each(commands).await;
    assert!(own::<HoldSeats>(verdicts.remove(1)).is_ok());
    assert_eq!(own::<ReleaseHold>(verdicts.remove(0)), Ok(()));
    assert_eq!(stage.seat(&show, 1).await.0.holder(), Some(fans[1].user));
    stage.assert_sound().await;
}

pub async fn leaving_and_joining_in_one_batch_is_one_after_the_other<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.paused = true;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(3).await).await;
    let leave = |fan: &Fan| LeaveQueue { token: fan.token };
    let commands: Vec<Command> = vec![
        leave(&fans[0]).into(),
        join_of(&show, fans[2].user).into(),
        join_of(&show, fans[0].user).into(),
    ];
    let mut verdicts = stage.decide_each(commands).await;
    let again = own::<JoinQueue>(verdicts.remove(2)).expect("a place in line");
    let kept = own::<JoinQueue>(verdicts.remove(1)).expect("a place in line");
    let position = |joined: &Joined| joined.status.place.map(|place| place.position);
    assert_eq!((kept.fresh, position(&kept)), (false, Some(2)));
    assert_eq!((again.fresh, position(&again)), (true, Some(3)));
    let left = stage.status(fans[0].token).await;
    assert_eq!(left.state(), TokenState::Left);
    assert!(left.token.ended_at.is_some_and(|end| end <= left.as_of));
    stage.assert_sound().await;
}

pub async fn a_batch_that_cannot_be_stored_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let gone = stage.insider(&show).await;
    stage.leave(&gone).await;
    let newcomer = RegisterUser {
        request: None,
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    let user = newcomer.user_id;
    let mut known_id = join_of(&show, gone.user);
    known_id.token_id = gone.token.id;
    let commands: Vec<Command> = vec![
        newcomer.into(),
        stage.charge_of(fan.user, 1_000).into(),
        hold_of(&fan, &show, &[1, 2]).into(),
        known_id.into(),
    ];
    let before = stage.everything().await;
    let failed = stage.storage.decisions.decide_each(commands).await;
    assert!(failed.is_err(), "an id is never used for two tokens: {failed:?}");
    assert_eq!(stage.everything().await, before);
    assert_eq!(stage.storage.identities.user(user).await, Ok(None));
    stage.held(&fan, &show, &[1, 2]).await;
    stage.assert_sound().await;
}

pub async fn an_empty_batch_is_decided_at_once<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    assert_eq!(stage.decide_each(Vec::new()).await, []);
}

pub async fn a_large_batch_is_one_batch<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan {
        seats: 300,
        ..Plan::default()
    };
    let show = stage.show(plan).await;
    let fans = stage.insiders(&show, 300).await;
    let holds = fans.iter().zip(1..).map(|(fan, seat)| hold_of(fan, &show, &[seat]));
    let holds: Vec<HoldSeats> = holds.collect();
    let charges = fans.iter().map(|fan| stage.charge_of(fan.user, 1_000).into());
    let pays = fans
        .iter()
        .zip(&holds)
        .map(|(fan, hold)| pay_of(fan, hold.reservation_id).into());
    let mut commands: Vec<Command> = holds.iter().cloned().map(Command::from).collect();
    commands.extend(charges);
    commands.extend(pays);
    stage.decide_each(commands).await;
    let map = stage.map_of(show.id).await;
    let owners = map.seats.iter().map(Seat::holder);
    assert!(owners.eq(fans.iter().map(|fan| Some(fan.user))));
    stage.assert_sound().await;
}
