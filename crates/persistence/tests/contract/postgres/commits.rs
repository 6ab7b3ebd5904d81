//! A connection that breaks at `COMMIT` leaves the outcome open. It is found out, or said so; it
//! is never guessed.

use super::proxy::{FarAway, Fault};
use frontrow_contract::{Fan, Plan, Stage, hold_of, join_of, let_through_of, pay_of, usual_policy};
use frontrow_domain::{
    decision::{Command, Verdict},
    id::UserId,
    identity::RegisterUser,
    outcome::StoreError,
    payment::PayStep,
    queue::{LeaveQueue, NamedFan, TokenState, Visit},
    storage::Storage,
    wallet::ChargeStep,
};
use rstest::rstest;
use std::time::{Duration, Instant};

/// Decides a command whose `COMMIT` goes wrong.
async fn decide_with(stage: &Stage<FarAway>, fault: Fault, command: impl Into<Command>) -> Verdict {
    stage.fixture.proxy.breaks_at_commit(fault);
    let verdicts = stage.decide_each(vec![command.into()]).await;
    assert!(stage.fixture.proxy.broke(), "nothing went wrong");
    verdicts.into_iter().next().expect("a verdict")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_commit_has_one_effect_and_its_verdict(
    #[values(Fault::LosesCommit, Fault::LosesAnswer)] fault: Fault,
) {
    let stage = Stage::set(FarAway::new().await).await;
    let show = stage.show(Plan::default()).await;

    let user = stage.fan().await;
    let joined = decide_with(&stage, fault, join_of(&show, user)).await;
    let Verdict::JoinQueue(Ok(joined)) = joined else {
        panic!("no place in line: {joined:?}");
    };
    assert!(joined.fresh);
    let fan = Fan {
        user,
        token: joined.status.token.reference(),
    };
    stage.admit_until_inside(&fan).await;
    let visited = decide_with(&stage, fault, Visit { token: fan.token }).await;
    assert!(matches!(visited, Verdict::Visit(Ok(token)) if token.claimed_at.is_some()));

    let charged = decide_with(&stage, fault, stage.charge_of(user, 5_000)).await;
    assert!(
        matches!(charged, Verdict::ChargeWallet(Ok(ChargeStep::Charged(_)))),
        "{charged:?}"
    );
    assert_eq!(stage.balance(user).await, 5_000);

    let held = decide_with(&stage, fault, hold_of(&fan, &show, &[1, 2])).await;
    let Verdict::HoldSeats(Ok(held)) = held else {
        panic!("the seats are not held: {held:?}");
    };
    let paid = decide_with(&stage, fault, pay_of(&fan, held.reservation.id)).await;
    assert!(
        matches!(paid, Verdict::PayReservation(Ok(PayStep::Paid(_)))),
        "{paid:?}"
    );
    assert_eq!(stage.balance(user).await, 3_000);

    let another = stage.insider(&show).await;
    let left = decide_with(&stage, fault, LeaveQueue { token: another.token }).await;
    assert!(matches!(left, Verdict::LeaveQueue(Ok(_))), "{left:?}");
    assert_eq!(stage.state(&another).await, TokenState::Left);

    let guest = stage.fan().await;
    stage.join(&show, guest).await;
    let through = decide_with(&stage, fault, let_through_of(&show, NamedFan::User(guest))).await;
    assert!(
        matches!(&through, Verdict::LetThrough(Ok(let_in)) if let_in.fresh),
        "{through:?}"
    );

    let books = stage.books(&show).await;
    assert_eq!(
        (books.reservations.len(), books.payments.len(), books.tokens.len()),
        (1, 1, 3)
    );
    stage.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_cannot_be_found_out_is_unknown() {
    let stage = Stage::set(FarAway::new().await).await;
    let command = RegisterUser {
        request: None,
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    stage.fixture.proxy.breaks_at_commit(Fault::LosesServer);
    let answer = stage.storage.decisions.decide_each(vec![command.clone().into()]).await;
    assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");

    // The same command, once the server is back, finds what it did.
    let healed = stage.fixture.database.open(usual_policy()).await;
    let storage = Storage::of(&healed);
    let again = storage.decisions.decide_each(vec![command.clone().into()]).await;
    assert!(
        matches!(again.as_deref(), Ok([Verdict::RegisterUser(Ok(_))])),
        "{again:?}"
    );
    let user = storage.identities.user(command.user_id).await;
    assert!(matches!(user, Ok(Some(_))), "{user:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_silent_keeps_nobody_waiting_for_long() {
    let stage = Stage::set(FarAway::new().await).await;
    let user = stage.fan().await;
    stage.fixture.proxy.breaks_at_commit(Fault::GoesSilent);
    let started = Instant::now();
    let charge = stage.charge_of(user, 1_000);
    let answer = stage.storage.decisions.decide_each(vec![charge.clone().into()]).await;
    // The next connection gets through, and waits for the server to give up the silent one.
    assert!(
        matches!(
            answer.as_deref(),
            Ok([Verdict::ChargeWallet(Ok(_))]) | Err(StoreError::OutcomeUnknown(_))
        ),
        "{answer:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    let again = loop {
        match stage.storage.decisions.decide_each(vec![charge.clone().into()]).await {
            Ok(verdicts) => break verdicts,
            Err(error) => assert!(started.elapsed() < Duration::from_secs(30), "{error}"),
        }
    };
    assert!(matches!(again.as_slice(), [Verdict::ChargeWallet(Ok(_))]), "{again:?}");
    assert_eq!(stage.balance(user).await, 1_000);
}
