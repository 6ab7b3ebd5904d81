//! Many at once, and what must be true afterwards.
//!
//! Each race says what it found broken instead of panicking, so that a control, a storage without
//! guards, can show that it would be found.

use crate::{
    Fan, Fixture, Plan, Show, Stage,
    stage::{MOMENT, hold_of, join_of, own, pay_of, release_of, request, usual_policy},
};
use frontrow_domain::{
    catalog::CreateSchedule,
    decision::{Command, Verdict},
    id::{EntryId, ReservationId, ScheduleId, TokenId, UserId},
    identity::RegisterUser,
    page::PageRequest,
    payment::{Approval, PayReservation, PayStep},
    policy::Policy,
    queue::{GatePatch, JoinQueue, LeaveQueue, TokenState},
    seating::{HoldRefusal, HoldSeats, ReleaseHold, ReservationState, SeatStatus},
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet},
};
use std::{collections::BTreeSet, fmt::Debug, sync::Arc};
use time::Duration;
use tokio::sync::Barrier;
use uuid::Uuid;

/// What a race found: nothing, or what was broken.
pub type Found = Result<(), String>;

fn check(holds: bool, what: &str, seen: &dyn Debug) -> Found {
    if holds {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?}"))
    }
}

/// Decides these commands at the same time, each in a call of its own.
async fn at_once<F: Fixture>(stage: &Stage<F>, commands: Vec<Command>) -> Vec<Verdict> {
    stage.fixture.about_to_race(commands.len());
    let start = Arc::new(Barrier::new(commands.len()));
    let contenders: Vec<_> = commands
        .into_iter()
        .map(|command| {
            let (start, decisions) = (start.clone(), stage.storage.decisions.clone());
            tokio::spawn(async move {
                start.wait().await;
                decisions.decide_each(vec![command]).await
            })
        })
        .collect();
    let mut verdicts = Vec::new();
    for contender in contenders {
        let answer = contender.await.expect("no contender panics");
        verdicts.extend(answer.expect("the storage answers"));
    }
    verdicts
}

async fn racing<F: Fixture, C: Into<Command>>(stage: &Stage<F>, commands: Vec<C>) -> Vec<Verdict> {
    at_once(stage, commands.into_iter().map(Into::into).collect()).await
}

/// A fan with money and a hold on seats 1 and 2.
async fn buyer<F: Fixture>(stage: &Stage<F>, show: &Show) -> (Fan, ReservationId) {
    let fan = stage.insider(show).await;
    stage.charge(fan.user, 5_000).await;
    (fan, stage.held(&fan, show, &[1, 2]).await.id)
}

pub async fn one_seat_has_one_holder<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 40).await;
    let wishes = fans.iter().map(|fan| hold_of(fan, &show, &[1])).collect();
    let verdicts = racing(&stage, wishes).await.into_iter().map(own::<HoldSeats>);
    let (won, lost): (Vec<_>, Vec<_>) = verdicts.partition(Result::is_ok);
    check(won.len() == 1, "one fan gets the seat", &won)?;
    let told = lost.iter().all(|lost| *lost == Err(HoldRefusal::SeatsTaken(vec![1])));
    check(told, "the others are told that it is taken", &lost)?;
    let holder = won.into_iter().flatten().next().map(|held| held.reservation.user_id);
    let (seat, _) = stage.seat(&show, 1).await;
    check(seat.holder() == holder, "the seat knows who got it", &(seat, holder))?;
    stage.violations().await
}

pub async fn overlapping_holds_share_no_seat<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 30).await;
    let wishes = fans.iter().zip(0_u32..).map(|(fan, place)| {
        let seat = |step: u32| (place * 3 + step * 7) % 10 + 1;
        hold_of(fan, &show, &[seat(0), seat(1), seat(2)])
    });
    let wishes = wishes.collect();
    let verdicts = racing(&stage, wishes).await.into_iter().map(own::<HoldSeats>);
    let held: Vec<_> = verdicts.flatten().map(|held| held.reservation.seat_numbers).collect();
    check(!held.is_empty(), "somebody gets seats", &held)?;
    let distinct: BTreeSet<u32> = held.iter().flatten().copied().collect();
    let apart = distinct.len() == held.iter().map(Vec::len).sum::<usize>();
    check(apart, "no seat is in two holds", &held)?;
    stage.violations().await
}

pub async fn one_fan_stays_within_the_seat_limit<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let wishes = (0..8).map(|pair| hold_of(&fan, &show, &[pair * 2 + 1, pair * 2 + 2]));
    let verdicts = racing(&stage, wishes.collect()).await.into_iter().map(own::<HoldSeats>);
    let held = verdicts.filter(Result::is_ok).count();
    check(held == 2, "two pairs are within the limit of four", &held)?;
    stage.violations().await
}

pub async fn one_reservation_is_paid_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold) = buyer(&stage, &show).await;
    let wishes = (0..20).map(|_| pay_of(&fan, hold)).collect();
    let verdicts = racing(&stage, wishes).await.into_iter().map(own::<PayReservation>);
    let paid = verdicts.filter(Result::is_ok).count();
    check(paid == 1, "one payment succeeds", &paid)?;
    let balance = stage.balance(fan.user).await;
    check(balance == 3_000, "the money goes once", &balance)?;
    stage.violations().await
}

pub async fn a_balance_is_spent_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let first = stage.show(Plan::default()).await;
    let second = stage.show(Plan::default()).await;
    let user = stage.fan().await;
    stage.charge(user, 1_500).await;
    let mut wishes = Vec::new();
    for show in [&first, &second] {
        let fan = stage.let_in(show, &[user]).await[0];
        for seat in [1, 2] {
            wishes.push(pay_of(&fan, stage.held(&fan, show, &[seat]).await.id));
        }
    }
    let verdicts = racing(&stage, wishes).await.into_iter().map(own::<PayReservation>);
    let paid = verdicts.filter(Result::is_ok).count();
    check(paid == 1, "the money is enough for one seat", &paid)?;
    let balance = stage.balance(user).await;
    check(balance == 500, "the rest stays", &balance)?;
    stage.violations().await
}

pub async fn first_charges_make_one_wallet_and_all_count<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let wishes = (1..=30).map(|minor| stage.charge_of(user, minor)).collect();
    let verdicts = racing(&stage, wishes).await.into_iter().map(own::<ChargeWallet>);
    let charged: Vec<_> = verdicts.collect();
    check(charged.iter().all(Result::is_ok), "every charge goes through", &charged)?;
    let wallets: BTreeSet<_> = charged
        .iter()
        .filter_map(|charged| match charged {
            Ok(ChargeStep::Charged(charged)) => Some(charged.wallet_id),
            Ok(ChargeStep::Ask(_)) | Err(_) => None,
        })
        .collect();
    check(wallets.len() == 1, "there is one wallet", &wallets)?;
    let balance = stage.balance(user).await;
    check(balance == (1..=30).sum::<i64>(), "no charge is lost", &balance)?;
    stage.violations().await
}

pub async fn one_key_charges_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let key = request(user.0);
    let charge = |_| ChargeWallet {
        request: key,
        ..stage.charge_of(user, 100)
    };
    let verdicts = racing(&stage, (0..60).map(charge).collect()).await;
    let same = verdicts.windows(2).all(|pair| pair[0] == pair[1]);
    check(same, "everybody gets the same answer", &verdicts)?;
    let page = PageRequest {
        limit: 100,
        before: None,
    };
    let entries = stage.storage.wallets.entries(user, page).await;
    let entries = entries.expect("the storage answers").items;
    check(entries.len() == 1, "there is one entry", &entries)?;
    stage.violations().await
}

pub async fn one_key_asks_the_provider_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let key = request(user.0);
    let charge = |_| ChargeWallet {
        request: key,
        entry_id: EntryId::mint(),
        approval: Approval::Ask,
        ..stage.charge_of(user, 100)
    };
    let verdicts = racing(&stage, (0..30).map(charge).collect()).await;
    let verdicts = verdicts.into_iter().map(own::<ChargeWallet>);
    let (asked, others): (Vec<_>, Vec<_>) = verdicts.partition(Result::is_ok);
    check(asked.len() == 1, "the provider is asked once", &asked)?;
    let running = |other: &Result<ChargeStep, ChargeRefusal>| matches!(other, Err(ChargeRefusal::Idempotency(_)));
    check(others.iter().all(running), "the others wait for the answer", &others)
}

pub async fn one_key_holds_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let fan = stage.insider(&show).await;
    let key = request(show.id.0);
    let hold = |_| HoldSeats {
        request: key,
        ..hold_of(&fan, &show, &[1])
    };
    let verdicts = racing(&stage, (0..20).map(hold).collect()).await;
    let same = verdicts.windows(2).all(|pair| pair[0] == pair[1]);
    check(same, "everybody gets the same answer", &verdicts)?;
    let held = stage.books(&show).await.reservations.len();
    check(held == 1, "there is one reservation", &held)?;
    stage.violations().await
}

/// Nothing but the record itself keeps these apart.
pub async fn one_key_signs_up_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let key = request(Uuid::now_v7());
    let register = |_| RegisterUser {
        request: key,
        user_id: UserId::mint(),
        name: "Fan".to_owned(),
    };
    let commands: Vec<RegisterUser> = (0..20).map(register).collect();
    let users: Vec<UserId> = commands.iter().map(|command| command.user_id).collect();
    let verdicts = racing(&stage, commands).await;
    let same = verdicts.windows(2).all(|pair| pair[0] == pair[1]);
    check(same, "everybody gets the same answer", &verdicts)?;
    let mut known = Vec::new();
    for user in users {
        known.extend(stage.storage.identities.user(user).await.expect("the storage answers"));
    }
    check(known.len() == 1, "one user is there", &known)
}

pub async fn a_fan_has_one_live_token<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let user = stage.fan().await;
    let joins = (0..20).map(|_| join_of(&show, user)).collect();
    let verdicts = racing(&stage, joins).await.into_iter().map(own::<JoinQueue>);
    let joined: Vec<_> = verdicts.flatten().collect();
    let tokens: BTreeSet<TokenId> = joined.iter().map(|joined| joined.status.token.id).collect();
    check(
        joined.len() == 20 && tokens.len() == 1,
        "everybody gets the one token",
        &joined,
    )?;
    let fresh = joined.iter().filter(|joined| joined.fresh).count();
    check(fresh == 1, "it is issued once", &fresh)?;
    stage.violations().await
}

pub async fn everybody_in_line_has_a_number_of_their_own<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let users = stage.fans(40).await;
    let joins = users.iter().map(|user| join_of(&show, *user)).collect();
    let verdicts = racing(&stage, joins).await.into_iter().map(own::<JoinQueue>);
    let mut numbers: Vec<u64> = verdicts.flatten().map(|joined| joined.status.token.number).collect();
    numbers.sort_unstable();
    check(
        numbers == (1..=40).collect::<Vec<_>>(),
        "numbers run without gaps",
        &numbers,
    )?;
    stage.violations().await
}

pub async fn leaving_and_paying_exclude_each_other<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold) = buyer(&stage, &show).await;
    let commands = vec![
        pay_of(&fan, hold).into(),
        Command::from(LeaveQueue { token: fan.token }),
    ];
    let paid = own::<PayReservation>(at_once(&stage, commands).await.remove(0));
    let (state, seat) = match paid {
        Ok(_) => (ReservationState::Confirmed, SeatStatus::Sold),
        Err(_) => (ReservationState::Released, SeatStatus::Available),
    };
    let reservation = stage.reservation(hold).await;
    check(
        reservation.state == state,
        "the hold is paid or given back",
        &(&paid, &reservation),
    )?;
    let (_, status) = stage.seat(&show, 1).await;
    check(status == seat, "and so is the seat", &(&paid, status))?;
    let token = stage.state(&fan).await;
    let ended = if paid.is_ok() {
        TokenState::Completed
    } else {
        TokenState::Left
    };
    check(token == ended, "and the token knows", &(&paid, token))?;
    stage.violations().await
}

pub async fn releasing_and_paying_exclude_each_other<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let (fan, hold) = buyer(&stage, &show).await;
    let reservation = stage.reservation(hold).await;
    let mut commands: Vec<Command> = (0..5).map(|_| release_of(&reservation).into()).collect();
    commands.push(pay_of(&fan, hold).into());
    let mut verdicts = at_once(&stage, commands).await;
    let paid = verdicts.pop().map(own::<PayReservation>);
    let released = verdicts
        .into_iter()
        .map(own::<ReleaseHold>)
        .filter(Result::is_ok)
        .count();
    let won = released + usize::from(matches!(paid, Some(Ok(PayStep::Paid(_)))));
    check(won == 1, "the hold ends once", &(released, &paid))?;
    stage.violations().await
}

pub async fn a_hold_is_paid_in_time_or_taken_over<F: Fixture>(fixture: F) -> Found {
    let policy = Policy {
        hold: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(Plan::default()).await;
    let taker = stage.insider(&show).await;
    let (fan, hold) = buyer(&stage, &show).await;
    let last = Duration::milliseconds(20);
    stage.pass(MOMENT - last).await;
    stage.fixture.about_to_race(2);
    let decisions = &stage.storage.decisions;
    let paying = decisions.decide_each(vec![pay_of(&fan, hold).into()]);
    let taking = async {
        stage.pass(last).await;
        decisions
            .decide_each(vec![hold_of(&taker, &show, &[1, 2]).into()])
            .await
    };
    let (paid, taken) = tokio::join!(paying, taking);
    let paid = own::<PayReservation>(paid.expect("the storage answers").remove(0));
    let taken = own::<HoldSeats>(taken.expect("the storage answers").remove(0));
    check(
        paid.is_ok() != taken.is_ok(),
        "one of them has the seats",
        &(&paid, &taken),
    )?;
    let owner = if paid.is_ok() { fan.user } else { taker.user };
    let (seat, _) = stage.seat(&show, 1).await;
    check(seat.holder() == Some(owner), "and the seat says so", &(seat, owner))?;
    stage.violations().await
}

pub async fn a_sweep_never_frees_what_was_taken_over<F: Fixture>(fixture: F) -> Found {
    let policy = Policy {
        hold: MOMENT,
        ..usual_policy()
    };
    let stage = Stage::set_with(fixture, policy).await;
    let show = stage.show(Plan::default()).await;
    let fans = stage.insiders(&show, 20).await;
    let (sleepers, takers) = fans.split_at(10);
    let lapsing = sleepers.iter().zip(1..).map(|(fan, seat)| hold_of(fan, &show, &[seat]));
    stage.decide_each(lapsing.map(Command::from).collect()).await;
    stage.pass(MOMENT).await;
    let takeovers = takers.iter().zip(1..).map(|(fan, seat)| hold_of(fan, &show, &[seat]));
    let takeovers: Vec<Command> = takeovers.map(Command::from).collect();
    stage.fixture.about_to_race(takeovers.len() + 1);
    let attendant = stage.storage.attendant.clone();
    let sweeping = tokio::spawn(async move { attendant.sweep().await });
    let taking = takeovers.into_iter().map(|command| {
        let decisions = stage.storage.decisions.clone();
        tokio::spawn(async move { decisions.decide_each(vec![command]).await })
    });
    let taking: Vec<_> = taking.collect();
    let mut held = Vec::new();
    for taken in taking {
        let mut verdicts = taken.await.expect("no contender panics").expect("the storage answers");
        held.extend(own::<HoldSeats>(verdicts.remove(0)));
    }
    let swept = sweeping.await.expect("no contender panics");
    swept.expect("the storage answers");
    check(held.len() == 10, "every lapsed seat can be taken over", &held)?;
    for held in held {
        let reservation = held.reservation;
        let number = reservation.seat_numbers[0];
        let (seat, _) = stage.seat(&show, number).await;
        check(
            seat.reservation() == Some(reservation.id),
            "the taker keeps the seat",
            &seat,
        )?;
    }
    stage.violations().await
}

pub async fn two_admission_loops_let_nobody_in_twice<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.max_active = 6;
    let show = stage.show(plan).await;
    let opener = stage.insider(&show).await;
    stage.line_up(&show, &stage.fans(20).await).await;
    let mut reported = 0;
    for _ in 0..10 {
        stage.pass(Duration::milliseconds(10)).await;
        stage.fixture.about_to_race(4);
        let attendant = &stage.storage.attendant;
        let one = || attendant.admit_due();
        let (a, b, c, d) = tokio::join!(one(), one(), one(), one());
        for admitted in [a, b, c, d] {
            reported += admitted.expect("the storage answers").admitted;
        }
        let tokens = stage.books(&show).await.tokens;
        let inside = tokens.iter().filter(|token| token.state == TokenState::Active).count();
        check(inside <= 6, "no more are inside than fit", &inside)?;
        let entered = tokens.iter().filter(|token| token.activated_at.is_some()).count() as u64;
        check(
            entered == reported + 1,
            "each entry is reported once",
            &(entered, reported),
        )?;
    }
    check(reported == 5, "the gate fills up", &reported)?;
    let first = stage.status(opener.token).await.token;
    check(first.number == 1, "the first in line entered first", &first)?;
    stage.violations().await
}

pub async fn who_leaves_is_never_inside<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    stage.insider(&show).await;
    let fans = stage.line_up(&show, &stage.fans(10).await).await;
    stage.pass(Duration::milliseconds(10)).await;
    stage.fixture.about_to_race(fans.len() + 1);
    let attendant = stage.storage.attendant.clone();
    let admitting = tokio::spawn(async move { attendant.admit_due().await });
    let leaving = fans.iter().map(|fan| {
        let (decisions, token) = (stage.storage.decisions.clone(), fan.token);
        tokio::spawn(async move { decisions.decide_each(vec![LeaveQueue { token }.into()]).await })
    });
    let leaving: Vec<_> = leaving.collect();
    for left in leaving {
        left.await.expect("no contender panics").expect("the storage answers");
    }
    let admitted = admitting.await.expect("no contender panics");
    admitted.expect("the storage answers");
    for fan in &fans {
        let state = stage.state(fan).await;
        check(state == TokenState::Left, "who left has left", &state)?;
    }
    stage.violations().await
}

pub async fn a_gate_changed_during_admission_keeps_both_changes<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    stage.insider(&show).await;
    stage.line_up(&show, &stage.fans(10).await).await;
    stage.pass(Duration::milliseconds(10)).await;
    stage.fixture.about_to_race(2);
    let patch = GatePatch {
        max_active: Some(77),
        ..GatePatch::default()
    };
    let admitting = stage.storage.attendant.admit_due();
    let (patched, admitted) = tokio::join!(stage.storage.queue.patch_gate(show.id, patch), admitting);
    let answered = matches!(patched, Ok(Some(Ok(_))));
    check(answered, "the gate is changed", &patched)?;
    let admitted = admitted.expect("the storage answers").admitted;
    let gate = stage.storage.queue.gate(show.id).await.expect("the storage answers");
    let gate = gate.expect("a gate");
    check(gate.settings.max_active == 77, "the change stays", &gate)?;
    check(
        gate.admitted_number == 1 + admitted,
        "the mark stays",
        &(&gate, admitted),
    )?;
    stage.violations().await
}

pub async fn the_same_start_is_put_on_sale_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let concert = stage.concert().await;
    let wish = stage.schedule_of(concert, Plan::default()).await;
    let wishes = (0..8).map(|_| CreateSchedule {
        schedule_id: ScheduleId::mint(),
        ..wish.clone()
    });
    let verdicts = racing(&stage, wishes.collect()).await;
    let created = verdicts.into_iter().map(own::<CreateSchedule>);
    let created = created.filter(Result::is_ok).count();
    check(created == 1, "it is created once", &created)?;
    let schedules = stage.storage.books.schedules().await.expect("the storage answers");
    check(schedules.len() == 1, "and stored once", &schedules)
}
