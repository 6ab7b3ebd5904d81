//! The order of checks (SPEC §3), one ladder for each command: at its foot everything is wrong at
//! once; each rung names what the caller is told, and then mends just that.

use crate::world::{World, hold_of, join_of, let_through_of, pay_of, release_of, request};
use frontrow_domain::{
    catalog::{CatalogRefusal, CreateConcert, CreateSchedule, SeatLayout, TargetRefusal},
    decision::Decide,
    id::{ConcertId, ReservationId, TokenId, UserId},
    idempotency::{Fingerprint, IdempotencyRefusal, Record, Recorded, Request},
    identity::{ActingRefusal, Actor, GrantAccess, GrantRefusal, RegisterRefusal, RegisterUser},
    payment::{Answer, Approval, ClaimedAmount, PayRefusal, PayReservation, PayStep},
    queue::{
        AdmittanceRefusal, JoinRefusal, LeaveQueue, LetThroughRefusal, NamedFan, TokenRef, TokenState, UnknownToken,
        Visit,
    },
    seating::{HoldRefusal, HoldSeats, ReleaseHold, ReleaseRefusal},
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet, Payee},
};
use std::fmt::Debug;
use time::Duration;
use uuid::Uuid;

type Mend<'a, C> = &'a dyn Fn(&mut World, &mut C);

/// Climbs the ladder; what is left at its top is accepted.
fn climb<C, T, R>(mut world: World, mut command: C, rungs: &[(R, Mend<'_, C>)]) -> T
where
    C: Decide<Verdict = Result<T, R>>,
    T: Debug,
    R: Debug + PartialEq,
{
    for (rung, (refusal, mend)) in rungs.iter().enumerate() {
        match world.clone().decide(&command) {
            Err(told) => assert_eq!(told, *refusal, "rung {rung}"),
            Ok(done) => panic!("rung {rung} should be {refusal:?}, is {done:?}"),
        }
        mend(&mut world, &mut command);
    }
    world.decide(&command).expect("all is mended")
}

/// A request whose key was used with another body.
fn used_key(world: &mut World) -> Request {
    let request = request();
    let before = Request {
        fingerprint: Fingerprint(Uuid::now_v7()),
        ..request
    };
    let recorded = Recorded::Access(UserId::mint());
    let record = Record::done(&before, recorded, world.now);
    world.records.insert(request.id, record);
    request
}

/// The record says that the request itself is still running.
fn still_running(world: &mut World, request: Request) {
    let record = Record::pending(&request, Uuid::now_v7(), 1, world.now);
    world.records.insert(request.id, record);
}

const REUSED: IdempotencyRefusal = IdempotencyRefusal::KeyReused;
const RUNNING: IdempotencyRefusal = IdempotencyRefusal::InProgress;

#[test]
fn signing_up() {
    let mut world = World::new();
    let command = RegisterUser {
        request: Some(used_key(&mut world)),
        user_id: UserId::mint(),
        name: " ".to_owned(),
    };
    let user = climb(
        world,
        command,
        &[
            (REUSED.into(), &|_, command| command.request = None),
            (RegisterRefusal::InvalidName, &|_, command| {
                command.name = "x".repeat(101);
            }),
            (RegisterRefusal::InvalidName, &|_, command| {
                command.name = "x".repeat(100);
            }),
        ],
    );
    assert_eq!(user.name.len(), 100);
}

#[test]
fn granting_access() {
    let mut world = World::new();
    let command = GrantAccess {
        request: Some(used_key(&mut world)),
        user_id: UserId::mint(),
    };
    climb(
        world,
        command,
        &[
            (REUSED.into(), &|_, command| command.request = None),
            (GrantRefusal::InvalidUser, &|world, command| {
                command.user_id = world.fan();
            }),
        ],
    );
}

fn told_about(refusal: &CatalogRefusal) -> &'static str {
    match refusal {
        CatalogRefusal::Invalid(field) => field.field,
        CatalogRefusal::Idempotency(_) => "key",
        CatalogRefusal::InvalidConcert => "concert",
        CatalogRefusal::ScheduleExists => "exists",
    }
}

/// As [`climb`], by the field that is told about.
fn climb_fields<C, T>(mut world: World, mut command: C, rungs: &[(&str, Mend<'_, C>)])
where
    C: Decide<Verdict = Result<T, CatalogRefusal>>,
    T: Debug,
{
    for (field, mend) in rungs {
        let refusal = world.clone().decide(&command).expect_err(field);
        assert_eq!(told_about(&refusal), *field);
        mend(&mut world, &mut command);
    }
    world.decide(&command).expect("all is mended");
}

#[test]
fn creating_a_concert() {
    let mut world = World::new();
    let command = CreateConcert {
        request: Some(used_key(&mut world)),
        concert_id: ConcertId::mint(),
        title: String::new(),
        venue: "x".repeat(201),
    };
    climb_fields(
        world,
        command,
        &[
            ("key", &|_, command| command.request = None),
            ("title", &|_, command| command.title = "Evening".to_owned()),
            ("venue", &|_, command| command.venue = "x".repeat(200)),
        ],
    );
}

#[test]
fn putting_a_performance_on_sale() {
    let mut world = World::new();
    let taken = world.show(1);
    let mut command = world.schedule_of(ConcertId::mint(), 0);
    command.request = Some(used_key(&mut world));
    command.starts_at = taken.starts_at;
    command.booking_closes_at = taken.starts_at + Duration::MICROSECOND;
    command.booking_opens_at = taken.starts_at;
    command.gate.max_active = 0;
    command.gate.admissions_per_minute = 0;
    command.gate.session_seconds = 86_401;
    let one = world.money(1_000);
    let rungs: &[(&str, Mend<'_, CreateSchedule>)] = &[
        ("key", &|_, command| command.request = None),
        ("booking_closes_at", &|_, command| {
            command.booking_closes_at = command.starts_at;
        }),
        ("booking_opens_at", &|_, command| {
            command.booking_opens_at -= Duration::MICROSECOND;
        }),
        ("seats", &|_, command| {
            command.layout = SeatLayout::numbered(100_001, one);
        }),
        ("seats", &|_, command| {
            command.layout = SeatLayout::numbered(100_000, one);
        }),
        ("gate.max_active", &|_, command| command.gate.max_active = 1_000_000),
        ("gate.admissions_per_minute", &|_, command| {
            command.gate.admissions_per_minute = 1;
        }),
        ("gate.session_seconds", &|_, command| {
            command.gate.session_seconds = 86_400;
        }),
        ("concert", &|_, command| command.concert_id = taken.concert_id),
        ("exists", &|_, command| command.starts_at += Duration::MICROSECOND),
    ];
    climb_fields(world, command, rungs);
}

#[test]
fn joining_as_a_fan() {
    let mut world = World::new();
    let show = world.show(1);
    world.now = show.starts_at;
    let mut command = join_of(&show, UserId::mint());
    command.request = Some(used_key(&mut world));
    command.named = Some(UserId::mint());
    command.target = Err(TargetRefusal::InvalidConcert);
    let joined = climb(
        world,
        command,
        &[
            (REUSED.into(), &|_, command| command.request = None),
            (ActingRefusal::UserMismatch.into(), &|_, command| command.named = None),
            (ActingRefusal::InvalidUser.into(), &|world, command| {
                command.actor = Actor::Fan(world.fan());
            }),
            (JoinRefusal::InvalidConcert, &|_, command| {
                command.target = Err(TargetRefusal::InvalidDate);
            }),
            (JoinRefusal::InvalidDatetime, &|_, command| {
                command.target = Err(TargetRefusal::AmbiguousDate);
            }),
            (JoinRefusal::AmbiguousDate, &|_, command| {
                command.target = Ok(show.clone());
            }),
            (JoinRefusal::InvalidDatetime, &|world, _| {
                world.now = show.booking_closes_at;
            }),
            (JoinRefusal::BookingClosed, &|world, _| {
                world.now -= Duration::MICROSECOND;
            }),
        ],
    );
    assert!(joined.fresh);
}

#[test]
fn joining_for_a_fan() {
    let mut world = World::new();
    let show = world.show(1);
    let mut command = join_of(&show, UserId::mint());
    command.actor = Actor::OnBehalf;
    let joined = climb(
        world,
        command,
        &[
            (ActingRefusal::InvalidUser.into(), &|_, command| {
                command.named = Some(UserId::mint());
            }),
            (ActingRefusal::InvalidUser.into(), &|world, command| {
                command.named = Some(world.fan());
            }),
        ],
    );
    assert!(joined.fresh);
}

#[test]
fn letting_a_user_through() {
    let mut world = World::new();
    let show = world.show(2);
    let gate = &mut world.lines.get_mut(&show.id).unwrap().gate.settings;
    gate.max_active = 1;
    gate.paused = true;
    let inside = world.insider(&show, 1_000);
    let (fan, other) = (world.fan(), world.insider(&show, 0));
    let sold = world.hold(inside, &show, &[1]);
    world.now = show.booking_opens_at - Duration::MICROSECOND;
    let mut command = let_through_of(&show, NamedFan::User(UserId::mint()));
    command.request = Some(used_key(&mut world));
    let let_in = climb(
        world,
        command,
        &[
            (REUSED.into(), &|_, command| command.request = None),
            (LetThroughRefusal::InvalidUser, &|_, command| {
                command.fan = NamedFan::User(fan);
            }),
            (LetThroughRefusal::BookingNotOpen, &|world, _| {
                world.now = show.booking_closes_at;
            }),
            (LetThroughRefusal::BookingClosed, &|world, _| {
                world.now = show.booking_opens_at;
            }),
            (LetThroughRefusal::NotInLine, &|world, _| {
                world.join(&show, fan);
            }),
            (LetThroughRefusal::GateFull(2), &|world, _| {
                let gate = &mut world.lines.get_mut(&show.id).unwrap().gate.settings;
                gate.max_active = 3;
            }),
            (LetThroughRefusal::NoSeatLeft(2), &|world, _| {
                world.decide(&pay_of(inside, sold.id)).unwrap();
            }),
            (LetThroughRefusal::NoSeatLeft(1), &|world, _| {
                world.decide(&LeaveQueue { token: other }).unwrap();
            }),
        ],
    );
    assert!(let_in.fresh);
}

#[test]
fn letting_a_place_through() {
    let mut world = World::new();
    let (show, elsewhere) = (world.show(2), world.show(2));
    let fans = [world.fan(), world.fan()];
    let place = world.join(&show, fans[0]);
    let gone = world.join(&show, fans[1]);
    world.decide(&LeaveQueue { token: gone }).unwrap();
    let stray = world.join(&elsewhere, fans[0]);
    let mut unknown = place;
    unknown.id = TokenId::mint();
    let let_in = climb(
        world,
        let_through_of(&show, NamedFan::Token(stray)),
        &[
            (LetThroughRefusal::TokenScopeMismatch, &|_, command| {
                command.fan = NamedFan::Token(unknown);
            }),
            (LetThroughRefusal::NotInLine, &|_, command| {
                command.fan = NamedFan::Token(gone);
            }),
            (LetThroughRefusal::NotInLine, &|_, command| {
                command.fan = NamedFan::Token(place);
            }),
        ],
    );
    assert!(let_in.fresh);
}

#[test]
fn visiting_and_leaving() {
    let mut world = World::new();
    let show = world.show(1);
    let token = world.insider(&show, 0);
    let mut unknown = token;
    unknown.id = TokenId::mint();
    climb(
        world.clone(),
        Visit { token: unknown },
        &[(UnknownToken, &|_, command| command.token = token)],
    );
    climb(
        world,
        LeaveQueue { token: unknown },
        &[(UnknownToken, &|_, command| command.token = token)],
    );
}

#[test]
fn holding_seats() {
    let mut world = World::new();
    let show = world.show(5);
    let elsewhere = world.show(5);
    let token = world.insider(&show, 0);
    let stranger = world.insider(&show, 0);
    world.hold(stranger, &show, &[1]);
    let before = [world.hold(token, &show, &[2, 3])];
    let mut command = hold_of(token, &show, &[]);
    command.request = Some(used_key(&mut world));
    command.token.id = TokenId::mint();
    command.actor = Actor::Fan(stranger.user_id);
    command.target = Err(TargetRefusal::InvalidConcert);
    let waits = |state| {
        move |world: &mut World, _: &mut HoldSeats| {
            world.tokens.get_mut(&token.id).unwrap().state = state;
        }
    };
    let invalid = || HoldRefusal::from(AdmittanceRefusal::InvalidToken);
    let held = climb(
        world,
        command,
        &[
            (REUSED.into(), &|_, command| command.request = None),
            (invalid(), &|world, command| {
                command.token = token;
                waits(TokenState::Left)(world, command);
            }),
            (invalid(), &waits(TokenState::Waiting)),
            (AdmittanceRefusal::TokenNotActive.into(), &waits(TokenState::Active)),
            (AdmittanceRefusal::UserMismatch.into(), &|_, command| {
                command.actor = Actor::Fan(token.user_id);
            }),
            (HoldRefusal::NoSeats, &|_, command| command.seat_numbers = vec![9, 9]),
            (HoldRefusal::RepeatedSeat(9), &|_, command| {
                command.seat_numbers = vec![9, 1];
            }),
            (TargetRefusal::InvalidConcert.into(), &|_, command| {
                command.target = Err(TargetRefusal::InvalidDate);
            }),
            (TargetRefusal::InvalidDate.into(), &|world, command| {
                command.target = Ok(elsewhere.clone());
                world.pass(-Duration::MICROSECOND);
            }),
            (HoldRefusal::TokenScopeMismatch, &|_, command| {
                command.target = Ok(show.clone());
            }),
            (HoldRefusal::BookingClosed, &|world, _| {
                world.pass(Duration::MICROSECOND);
            }),
            (HoldRefusal::SeatLimitExceeded { limit: 3, have: 2 }, &|world, _| {
                world.decide(&release_of(&before[0])).unwrap();
            }),
            (HoldRefusal::InvalidSeat(vec![9]), &|_, command| {
                command.seat_numbers = vec![4, 1];
            }),
            (HoldRefusal::SeatsTaken(vec![1]), &|_, command| {
                command.seat_numbers = vec![4, 2];
            }),
        ],
    );
    assert_eq!(held.reservation.seat_numbers, [2, 4]);
}

#[test]
fn releasing_a_hold() {
    let mut world = World::new();
    let show = world.show(2);
    let token = world.insider(&show, 0);
    let hold = world.hold(token, &show, &[1]);
    let lapsed = world.hold(token, &show, &[2]);
    world.reservations.get_mut(&lapsed.id).unwrap().held_until = world.now;
    let mut command = release_of(&hold);
    command.reservation_id = ReservationId::mint();
    command.actor = Actor::Fan(UserId::mint());
    let rungs: &[(ReleaseRefusal, Mend<'_, ReleaseHold>)] = &[
        (ReleaseRefusal::InvalidReservation, &|_, command| {
            command.reservation_id = lapsed.id;
        }),
        (ReleaseRefusal::UserMismatch, &|_, command| {
            command.actor = Actor::Fan(token.user_id);
        }),
        (ReleaseRefusal::NotHeld, &|_, command| command.reservation_id = hold.id),
    ];
    climb(world, command, rungs);
}

/// Climbs all that stands between a payment and the money or the provider.
fn climb_payment(approval: Approval) -> PayStep {
    let mut world = World::new();
    let (show, other) = (world.show(5), world.show(5));
    let token = world.insider(&show, 999);
    let stranger = world.insider(&show, 0);
    let own = world.hold(token, &show, &[1]).id;
    let lapsed = world.hold(token, &show, &[2]).id;
    world.reservations.get_mut(&lapsed).unwrap().held_until = world.now;
    let strangers = world.hold(stranger, &show, &[3]).id;
    let visitor = world.insider(&other, 0);
    let elsewhere = world.hold(visitor, &other, &[1]).id;
    let command = PayReservation {
        request: Some(used_key(&mut world)),
        token: TokenRef {
            id: TokenId::mint(),
            ..token
        },
        actor: Actor::Fan(stranger.user_id),
        named: Some(UserId::mint()),
        amount: ClaimedAmount::Malformed,
        approval,
        ..pay_of(token, ReservationId::mint())
    };
    let state = |world: &mut World, state| world.tokens.get_mut(&token.id).unwrap().state = state;
    let (balance, price) = (world.money(999), world.money(1_000));
    climb(
        world,
        command,
        &[
            (REUSED.into(), &|world, command| {
                still_running(world, command.request.unwrap());
            }),
            (RUNNING.into(), &|_, command| command.request = None),
            (AdmittanceRefusal::InvalidToken.into(), &|world, command| {
                command.token = token;
                state(world, TokenState::Completed);
            }),
            (AdmittanceRefusal::InvalidToken.into(), &|world, _| {
                state(world, TokenState::Waiting);
            }),
            (AdmittanceRefusal::TokenNotActive.into(), &|world, _| {
                state(world, TokenState::Active);
            }),
            (AdmittanceRefusal::UserMismatch.into(), &|_, command| {
                command.actor = Actor::Fan(token.user_id);
            }),
            (PayRefusal::InvalidAmount, &|world, command| {
                command.amount = ClaimedAmount::Of(world.money(1));
            }),
            (ActingRefusal::UserMismatch.into(), &|_, command| {
                command.actor = Actor::OnBehalf;
            }),
            (ActingRefusal::InvalidUser.into(), &|_, command| {
                command.named = Some(stranger.user_id);
            }),
            (PayRefusal::UserMismatch, &|_, command| command.named = None),
            (PayRefusal::InvalidReservation, &|_, command| {
                command.reservation_id = elsewhere;
            }),
            (PayRefusal::TokenScopeMismatch, &|_, command| {
                command.reservation_id = lapsed;
            }),
            (PayRefusal::NotHeld, &|_, command| command.reservation_id = strangers),
            (PayRefusal::UserMismatch, &|_, command| command.reservation_id = own),
            (PayRefusal::AmountMismatch { price }, &|_, command| {
                command.amount = ClaimedAmount::Of(price);
            }),
            (PayRefusal::InsufficientBalance { balance, price }, &|world, _| {
                let one_more = world.charge_of(token.user_id, 1);
                world.decide(&one_more).unwrap();
            }),
        ],
    )
}

#[test]
fn paying_without_a_provider() {
    assert!(matches!(climb_payment(Approval::NoProvider), PayStep::Paid(_)));
}

#[test]
fn paying_with_a_provider_up_to_the_question() {
    assert!(matches!(climb_payment(Approval::Ask), PayStep::Ask(_)));
}

#[test]
fn settling_a_payment_that_the_provider_answered() {
    let mut world = World::new();
    let show = world.show(5);
    let token = world.insider(&show, 999);
    let lapsed = world.hold(token, &show, &[2]).id;
    world.reservations.get_mut(&lapsed).unwrap().held_until = world.now;
    let own = world.hold(token, &show, &[1]).id;
    let (balance, price) = (world.money(999), world.money(1_000));
    let command = PayReservation {
        approval: Approval::Answered(Answer::Silent),
        ..pay_of(token, lapsed)
    };
    let paid = climb(
        world,
        command,
        &[
            (PayRefusal::OutcomeUnknown, &|_, command| {
                command.approval = Approval::Answered(Answer::Declined);
            }),
            (PayRefusal::NotHeld, &|_, command| command.reservation_id = own),
            (PayRefusal::InsufficientBalance { balance, price }, &|world, _| {
                let one_more = world.charge_of(token.user_id, 1);
                world.decide(&one_more).unwrap();
            }),
            (PayRefusal::Declined, &|_, command| {
                command.approval = Approval::Answered(Answer::Approved);
            }),
        ],
    );
    assert!(matches!(paid, PayStep::Paid(_)));
}

#[test]
fn charging_a_wallet_by_its_user() {
    let mut world = World::new();
    let command = ChargeWallet {
        request: Some(used_key(&mut world)),
        actor: Actor::Fan(world.fan()),
        amount: None,
        approval: Approval::NoProvider,
        ..world.charge_of(UserId::mint(), 1)
    };
    let most = world.money(10_000_000);
    let asked = climb(
        world,
        command,
        &[
            (ChargeRefusal::InvalidAmount, &|world, command| {
                command.amount = Some(world.money(0));
            }),
            (ChargeRefusal::InvalidAmount, &|world, command| {
                command.amount = Some(world.money(10_000_001));
            }),
            (ChargeRefusal::InvalidAmount, &|_, command| command.amount = Some(most)),
            (REUSED.into(), &|world, command| {
                still_running(world, command.request.unwrap());
            }),
            (RUNNING.into(), &|_, command| command.request = None),
            (ActingRefusal::UserMismatch.into(), &|_, command| {
                command.actor = Actor::OnBehalf;
            }),
            (ActingRefusal::InvalidUser.into(), &|world, command| {
                command.payee = Payee::User(world.fan());
            }),
            (ChargeRefusal::ProviderUnavailable, &|_, command| {
                command.approval = Approval::Ask;
            }),
        ],
    );
    assert!(matches!(asked, ChargeStep::Ask(question) if question.amount == most));
}

#[test]
fn charging_a_wallet_by_its_id() {
    let mut world = World::new();
    let (owner, other) = (world.fan(), world.fan());
    let payee = |owner, named| Payee::Wallet { owner, named };
    let command = ChargeWallet {
        actor: Actor::Fan(other),
        payee: payee(None, Some(other)),
        amount: None,
        approval: Approval::NoProvider,
        ..world.charge_of(owner, 1)
    };
    let charged = climb(
        world,
        command,
        &[
            (ChargeRefusal::InvalidAmount, &|world, command| {
                command.amount = Some(world.money(1));
            }),
            (ChargeRefusal::InvalidWallet, &|_, command| {
                command.payee = payee(Some(owner), Some(other));
            }),
            (ChargeRefusal::WalletUserMismatch, &|_, command| {
                command.actor = Actor::Fan(owner);
            }),
            (ChargeRefusal::WalletUserMismatch, &|_, command| {
                command.payee = payee(Some(owner), Some(owner));
            }),
            (ChargeRefusal::ProviderUnavailable, &|_, command| {
                command.approval = Approval::Answered(Answer::Silent);
            }),
            (ChargeRefusal::OutcomeUnknown, &|_, command| {
                command.approval = Approval::Answered(Answer::Declined);
            }),
            (ChargeRefusal::Declined, &|_, command| {
                command.approval = Approval::Answered(Answer::Approved);
            }),
        ],
    );
    assert!(matches!(charged, ChargeStep::Charged(_)));
}
