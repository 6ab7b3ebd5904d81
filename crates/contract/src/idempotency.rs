//! The same key and body get the same answer, and at most one effect.

use crate::{
    Fixture, Plan, Stage,
    stage::{hold_of, join_of, let_through_of, own, pay_of, request},
};
use frontrow_domain::{
    catalog::{CatalogRefusal, CreateConcert},
    decision::{Command, Verdict},
    id::{ConcertId, EntryId, PaymentId, ReservationId, ScheduleId, TokenId, UserId, WalletId},
    idempotency::{Fingerprint, IdempotencyRefusal, Request},
    identity::{GrantAccess, RegisterUser},
    payment::{Answer, Approval, PayRefusal, PayStep},
    policy::Policy,
    queue::{JoinRefusal, NamedFan},
    seating::{HoldRefusal, HoldSeats},
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// One keyed command of every kind that can carry a key, each of which will be accepted, with the
/// same command as a retry would send it: the same key and body, but other ids.
async fn keyed_commands<F: Fixture>(stage: &Stage<F>) -> Vec<(Command, Command)> {
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let newcomer = stage.fan().await;
    let waiting = stage.fan().await;
    stage.join(&show, waiting).await;
    stage.charge(fan.user, 5_000).await;
    let hold = stage.held(&fan, &show, &[1]).await;
    let concert = stage.concert().await;
    let admin = Uuid::now_v7;

    let register = RegisterUser {
        request: request(admin()),
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    let grant = GrantAccess {
        request: request(fan.user.0),
        user_id: fan.user,
    };
    let create = CreateConcert {
        request: request(admin()),
        concert_id: ConcertId::mint(),
        title: "Encore".to_owned(),
        venue: "Hall".to_owned(),
    };
    let mut schedule = stage.schedule_of(concert, Plan::default()).await;
    schedule.request = request(admin());
    let mut join = join_of(&show, newcomer);
    join.request = request(show.id.0);
    let mut through = let_through_of(&show, NamedFan::User(waiting));
    through.request = request(admin());
    let mut seats = hold_of(&fan, &show, &[2, 3]);
    seats.request = request(show.id.0);
    let mut pay = pay_of(&fan, hold.id);
    pay.request = request(show.id.0);
    let mut charge = stage.charge_of(fan.user, 700);
    charge.request = request(fan.user.0);

    let mut retries: Vec<Command> = vec![register.clone().into(), grant.clone().into(), create.clone().into()];
    let commands = vec![
        register.into(),
        grant.into(),
        create.into(),
        schedule.clone().into(),
        through.clone().into(),
        join.clone().into(),
        seats.clone().into(),
        pay.clone().into(),
        charge.clone().into(),
    ];
    schedule.schedule_id = ScheduleId::mint();
    join.token_id = TokenId::mint();
    through.wish = Uuid::now_v7();
    seats.reservation_id = ReservationId::mint();
    pay.payment_id = PaymentId::mint();
    pay.entry_id = EntryId::mint();
    charge.entry_id = EntryId::mint();
    charge.wallet_id = WalletId::mint();
    retries.extend([
        schedule.into(),
        through.into(),
        join.into(),
        seats.into(),
        pay.into(),
        charge.into(),
    ]);
    commands.into_iter().zip(retries).collect()
}

pub async fn every_keyed_answer_is_repeated<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let pairs = keyed_commands(&stage).await;
    let mut first = Vec::new();
    for (command, _) in &pairs {
        first.push(stage.decide_each(vec![command.clone()]).await.remove(0));
    }
    let after = stage.everything().await;
    stage.pass(Duration::milliseconds(5)).await;
    for ((_, retry), verdict) in pairs.into_iter().zip(first) {
        let name = retry.name();
        let repeated = stage.decide_each(vec![retry]).await.remove(0);
        assert_eq!(repeated, verdict, "{name}");
        assert_eq!(stage.everything().await, after, "{name}");
    }
    stage.assert_sound().await;
}

pub async fn the_same_keys_twice_in_one_batch_have_one_effect<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let (commands, retries): (Vec<Command>, Vec<Command>) = keyed_commands(&stage).await.into_iter().unzip();
    let count = commands.len();
    let verdicts = stage.decide_each(commands.into_iter().chain(retries).collect()).await;
    let (first, repeated) = verdicts.split_at(count);
    assert_eq!(first, repeated);
    stage.assert_sound().await;
}

fn other_body(request: Option<Request>) -> Option<Request> {
    request.map(|request| Request {
        fingerprint: Fingerprint(Uuid::now_v7()),
        ..request
    })
}

pub async fn another_body_under_a_used_key_is_refused<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let mut hold = hold_of(&fan, &show, &[1]);
    hold.request = request(show.id.0);
    stage.decide(hold.clone()).await.expect("the seat is held");
    let mut charge = stage.charge_of(fan.user, 100);
    charge.request = request(fan.user.0);
    assert!(stage.decide(charge.clone()).await.is_ok());

    let before = stage.everything().await;
    let other = HoldSeats {
        request: other_body(hold.request),
        reservation_id: ReservationId::mint(),
        seat_numbers: vec![2],
        ..hold.clone()
    };
    let reused = HoldRefusal::Idempotency(IdempotencyRefusal::KeyReused);
    assert_eq!(stage.decide(other).await, Err(reused));
    let other = ChargeWallet {
        request: other_body(charge.request),
        entry_id: EntryId::mint(),
        approval: Approval::Ask,
        ..charge
    };
    let reused = ChargeRefusal::Idempotency(IdempotencyRefusal::KeyReused);
    assert_eq!(stage.decide(other).await, Err(reused));
    let mut stolen = join_of(&show, fan.user);
    stolen.request = hold.request;
    let reused = JoinRefusal::Idempotency(IdempotencyRefusal::KeyReused);
    assert_eq!(
        stage.decide(stolen).await,
        Err(reused),
        "a key never answers another kind of call"
    );
    assert_eq!(stage.everything().await, before);
}

pub async fn one_key_in_two_scopes_is_two_keys<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let users = stage.fans(2).await;
    let one = request(users[0].0);
    let two = one.map(|mut request| {
        request.id.scope = users[1].0;
        request
    });
    for (user, request) in users.iter().zip([one, two]) {
        let mut charge = stage.charge_of(*user, 100);
        charge.request = request;
        assert!(stage.decide(charge).await.is_ok());
    }
    assert_eq!(
        (stage.balance(users[0]).await, stage.balance(users[1]).await),
        (100, 100)
    );
}

pub async fn a_refusal_that_changed_nothing_is_decided_anew<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 2).await;
    let taken = stage.held(&fans[0], &show, &[1]).await;
    let mut wish = hold_of(&fans[1], &show, &[1]);
    wish.request = request(show.id.0);
    assert!(stage.decide(wish.clone()).await.is_err());
    stage.release(&taken).await;
    assert!(stage.decide(wish.clone()).await.is_ok());

    let mut pay = pay_of(&fans[1], wish.reservation_id);
    pay.request = request(show.id.0);
    assert!(stage.decide(pay.clone()).await.is_err(), "there is no money yet");
    stage.charge(fans[1].user, 1_000).await;
    assert!(stage.decide(pay).await.is_ok());
    stage.assert_sound().await;
}

pub async fn while_the_provider_is_asked_the_key_is_in_progress<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    stage.charge(fan.user, 1_000).await;
    let hold = stage.held(&fan, &show, &[1]).await;
    let mut pay = pay_of(&fan, hold.id);
    pay.request = request(show.id.0);
    pay.approval = Approval::Ask;
    assert!(matches!(stage.decide(pay.clone()).await, Ok(PayStep::Ask(_))));
    let mut retry = pay.clone();
    retry.payment_id = PaymentId::mint();
    let running = PayRefusal::Idempotency(IdempotencyRefusal::InProgress);
    assert_eq!(stage.decide(retry.clone()).await, Err(running));
    retry.request = other_body(retry.request);
    let reused = PayRefusal::Idempotency(IdempotencyRefusal::KeyReused);
    assert_eq!(
        stage.decide(retry).await,
        Err(reused),
        "another body outranks a running request"
    );

    let mut charge = stage.charge_of(fan.user, 5);
    charge.request = request(fan.user.0);
    charge.approval = Approval::Ask;
    assert!(matches!(stage.decide(charge.clone()).await, Ok(ChargeStep::Ask(_))));
    charge.entry_id = EntryId::mint();
    let running = ChargeRefusal::Idempotency(IdempotencyRefusal::InProgress);
    assert_eq!(stage.decide(charge).await, Err(running));
}

pub async fn a_lease_that_is_over_may_be_taken_over<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    if !stage.fixture.steers_time() {
        return;
    }
    let user = stage.fan().await;
    let mut charge = stage.charge_of(user, 500);
    charge.request = request(user.0);
    charge.approval = Approval::Ask;
    let asked = stage.decide(charge.clone()).await;
    let Ok(ChargeStep::Ask(first)) = asked else {
        panic!("{asked:?}")
    };
    let retry = ChargeWallet {
        entry_id: EntryId::mint(),
        wallet_id: WalletId::mint(),
        ..charge.clone()
    };
    stage.pass(Policy::LEASE - Duration::MICROSECOND).await;
    let running = ChargeRefusal::Idempotency(IdempotencyRefusal::InProgress);
    assert_eq!(stage.decide(retry.clone()).await, Err(running));
    stage.pass(Duration::MICROSECOND).await;
    let asked = stage.decide(retry.clone()).await;
    let Ok(ChargeStep::Ask(second)) = asked else {
        panic!("{asked:?}")
    };
    assert_eq!((second.reference, second.attempt), (first.reference, 2));

    let settle = |command: &ChargeWallet| ChargeWallet {
        entry_id: EntryId(first.reference),
        approval: Approval::Answered(Answer::Approved),
        ..command.clone()
    };
    let taken_over = stage.decide(settle(&retry)).await;
    assert!(matches!(taken_over, Ok(ChargeStep::Charged(_))), "{taken_over:?}");
    let late = stage.decide(settle(&charge)).await;
    assert_eq!(late, taken_over, "the first instance repeats what the second settled");
    assert_eq!(stage.balance(user).await, 500);
    stage.assert_sound().await;
}

pub async fn a_record_counts_for_a_day<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    if !stage.fixture.steers_time() {
        return;
    }
    let register = RegisterUser {
        request: request(Uuid::now_v7()),
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    let retry = || RegisterUser {
        user_id: UserId::mint(),
        ..register.clone()
    };
    let first = stage.decide(register.clone()).await;
    stage.pass(Policy::IDEMPOTENCY - Duration::MICROSECOND).await;
    assert_eq!(stage.decide(retry()).await, first);
    stage.pass(Duration::MICROSECOND).await;
    let anew = stage.decide(retry()).await;
    assert!(anew.is_ok() && anew != first);
    assert_eq!(stage.decide(retry()).await, anew, "the new record replaced the old one");
}

pub async fn a_charge_that_brought_no_money_is_decided_anew<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let mut charge = stage.charge_of(user, 500);
    charge.request = request(user.0);
    for answer in [Answer::Declined, Answer::Silent, Answer::Declined] {
        let ask = ChargeWallet {
            approval: Approval::Ask,
            ..charge.clone()
        };
        let asked = stage.decide(ask).await;
        assert!(matches!(asked, Ok(ChargeStep::Ask(_))), "before {answer:?}: {asked:?}");
        let settle = ChargeWallet {
            approval: Approval::Answered(answer),
            ..charge.clone()
        };
        assert!(stage.decide(settle).await.is_err());
        charge.entry_id = EntryId::mint();
    }
    assert_eq!(stage.balance(user).await, 0);
    assert_eq!(stage.storage.wallets.wallet_of(user).await, Ok(None));
}

pub async fn a_command_sent_again_finds_what_it_made<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let commands = keyed_commands(&stage)
        .await
        .into_iter()
        .map(|(command, _)| without_key(command));
    let commands: Vec<Command> = commands.collect();
    let first = stage.decide_each(commands.clone()).await;
    let after = stage.everything().await;
    let again = stage.decide_each(commands).await;
    assert_eq!(stage.everything().await, after);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(without_moments(first), without_moments(again));
    }
    stage.assert_sound().await;
}

fn without_key(mut command: Command) -> Command {
    match &mut command {
        Command::RegisterUser(command) => command.request = None,
        Command::GrantAccess(command) => command.request = None,
        Command::CreateConcert(command) => command.request = None,
        Command::CreateSchedule(command) => command.request = None,
        Command::JoinQueue(command) => command.request = None,
        Command::LetThrough(command) => command.request = None,
        Command::HoldSeats(command) => command.request = None,
        Command::PayReservation(command) => command.request = None,
        Command::ChargeWallet(command) => command.request = None,
        Command::Visit(_) | Command::LeaveQueue(_) | Command::ReleaseHold(_) => {}
    }
    command
}

/// What has to be the same in an answer that is given again without a record: all but the moment
/// and what others did meanwhile.
fn without_moments(verdict: &Verdict) -> Verdict {
    let mut verdict = verdict.clone();
    match &mut verdict {
        Verdict::JoinQueue(Ok(joined)) => joined.status.as_of = OffsetDateTime::UNIX_EPOCH,
        Verdict::PayReservation(Ok(PayStep::Paid(receipt))) => receipt.balance = receipt.amount,
        Verdict::RegisterUser(_)
        | Verdict::GrantAccess(_)
        | Verdict::CreateConcert(_)
        | Verdict::CreateSchedule(_)
        | Verdict::JoinQueue(_)
        | Verdict::Visit(_)
        | Verdict::LeaveQueue(_)
        | Verdict::LetThrough(_)
        | Verdict::HoldSeats(_)
        | Verdict::ReleaseHold(_)
        | Verdict::PayReservation(_)
        | Verdict::ChargeWallet(_) => {}
    }
    verdict
}

pub async fn a_spent_key_of_one_kind_is_no_answer_to_another<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let key = request(Uuid::now_v7());
    let register = RegisterUser {
        request: key,
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    let create = CreateConcert {
        request: key,
        concert_id: ConcertId::mint(),
        title: "Encore".to_owned(),
        venue: "Hall".to_owned(),
    };
    let verdicts = stage.decide_each(vec![register.into(), create.clone().into()]).await;
    let refused = own::<CreateConcert>(verdicts[1].clone());
    assert_eq!(refused, Err(CatalogRefusal::Idempotency(IdempotencyRefusal::KeyReused)));
    assert_eq!(stage.storage.catalog.programme(create.concert_id).await, Ok(None));
}
