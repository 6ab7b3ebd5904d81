//! Races for places in line and slots inside.

use super::{Found, at_once, buyer, check, racing};
use crate::{
    Fixture, Plan, Stage,
    stage::{join_of, let_through_of, own, patiently, pay_of},
};
use frontrow_domain::{
    decision::Command,
    id::TokenId,
    leadership::service::Candidate,
    payment::PayReservation,
    queue::{GatePatch, JoinQueue, LeaveQueue, LetThrough, NamedFan, TokenState},
    seating::{ReservationState, SeatStatus},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use time::Duration;

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

pub async fn one_of_many_takes_the_lease<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    stage.fixture.about_to_race(8);
    let candidates: Vec<_> = (0..8)
        .map(|_| Arc::new(Candidate::new(stage.storage.leadership.clone())))
        .collect();
    let standing = candidates.iter().cloned();
    let standing: Vec<_> = standing
        .map(|candidate| tokio::spawn(async move { candidate.stand().await }))
        .collect();
    let mut leading = Vec::new();
    for stood in standing {
        let stood = stood.await.expect("no contender panics");
        leading.extend(stood.expect("the storage answers"));
    }
    check(leading == [1], "one of them leads", &leading)?;
    let knowing = candidates
        .iter()
        .filter(|candidate| candidate.leads().is_some())
        .count();
    check(knowing == 1, "and knows it", &knowing)
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
        tokio::spawn(async move { patiently(&*decisions, vec![LeaveQueue { token }.into()]).await })
    });
    let leaving: Vec<_> = leaving.collect();
    for left in leaving {
        left.await.expect("no contender panics");
    }
    let admitted = admitting.await.expect("no contender panics");
    admitted.expect("the storage answers");
    for fan in &fans {
        let state = stage.state(fan).await;
        check(state == TokenState::Left, "who left has left", &state)?;
    }
    stage.violations().await
}

pub async fn whoever_leaves_the_line_is_told_of_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.paused = true;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(50).await).await;
    let all_have_left = Arc::new(AtomicBool::new(false));
    let reading = tokio::spawn({
        let (queue, gate, all_have_left) = (stage.storage.queue.clone(), show.id, all_have_left.clone());
        async move {
            let (mut seen, mut told) = (0, Vec::new());
            loop {
                let is_last = all_have_left.load(Ordering::SeqCst);
                let news = queue.gate_news(vec![(gate, seen)]).await.expect("the storage answers");
                let news = news.into_iter().next().expect("a gate");
                told.extend(news.leavers);
                seen = news.seen;
                if is_last {
                    return (seen, told);
                }
                tokio::task::yield_now().await;
            }
        }
    });
    let leaves = fans[..40].iter().map(|fan| LeaveQueue { token: fan.token });
    let left = racing(&stage, leaves.collect())
        .await
        .into_iter()
        .map(own::<LeaveQueue>);
    let mut left: Vec<u64> = left.flatten().flatten().map(|left| left.number).collect();
    all_have_left.store(true, Ordering::SeqCst);
    let (seen, mut told) = reading.await.expect("no contender panics");
    left.sort_unstable();
    told.sort_unstable();
    check(left == (1..=40).collect::<Vec<_>>(), "everybody leaves", &left)?;
    check(seen == 40, "departures run without gaps", &seen)?;
    check(told == left, "each of them is told of once", &told)?;
    let late = stage.join(&show, stage.fan().await).await.status.place;
    let position = late.map(|place| place.position);
    check(position == Some(11), "and everybody else moves up", &position)?;
    stage.violations().await
}

pub async fn a_fan_is_let_through_once<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.paused = true;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(3).await).await;
    let wish = |place: usize| {
        let named = [NamedFan::User(fans[1].user), NamedFan::Token(fans[1].token)][place % 2];
        let_through_of(&show, named)
    };
    let verdicts = racing(&stage, (0..12).map(wish).collect()).await;
    let let_in: Vec<_> = verdicts.into_iter().map(own::<LetThrough>).collect();
    let fresh = let_in.iter().flatten().filter(|let_in| let_in.fresh).count();
    check(
        let_in.iter().all(Result::is_ok) && fresh == 1,
        "one lets in, the others are told",
        &let_in,
    )?;
    let position = stage.position(&fans[2]).await;
    check(position == Some(2), "who is behind moves up once", &position)?;
    stage.violations().await
}

pub async fn whoever_lets_fans_in_keeps_the_cap<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.max_active = 4;
    let show = stage.show(plan).await;
    stage.insider(&show).await;
    let fans = stage.line_up(&show, &stage.fans(12).await).await;
    stage.pass(Duration::milliseconds(10)).await;
    let wishes = fans.iter().rev().take(8);
    stage.fixture.about_to_race(9);
    let wishes: Vec<_> = wishes
        .map(|fan| {
            let wish = let_through_of(&show, NamedFan::Token(fan.token));
            let decisions = stage.storage.decisions.clone();
            tokio::spawn(async move { patiently(&*decisions, vec![wish.into()]).await })
        })
        .collect();
    let attendant = stage.storage.attendant.clone();
    let admitting = tokio::spawn(async move { attendant.admit_due().await });
    let mut through = 0;
    for wish in wishes {
        let verdicts = wish.await.expect("no contender panics").into_iter();
        through += verdicts.map(own::<LetThrough>).filter(Result::is_ok).count() as u64;
    }
    let admitted = admitting.await.expect("no contender panics");
    let admitted = admitted.expect("the storage answers").admitted;
    let tokens = stage.books(&show).await.tokens;
    let inside = tokens.iter().filter(|token| token.state == TokenState::Active).count() as u64;
    check(inside <= 4, "no more are inside than fit", &inside)?;
    check(
        inside == 1 + through + admitted,
        "each of them was let in once",
        &(inside, through, admitted),
    )?;
    let late = stage.join(&show, stage.fan().await).await.status.place;
    let position = late.map(|place| place.position);
    check(position == Some(14 - inside), "everybody else waits", &position)?;
    stage.violations().await
}

pub async fn who_is_let_through_and_leaves_has_left<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let mut plan = Plan::default();
    plan.gate.paused = true;
    let show = stage.show(plan).await;
    let fans = stage.line_up(&show, &stage.fans(2).await).await;
    let token = fans[0].token;
    let commands = vec![
        Command::from(let_through_of(&show, NamedFan::Token(token))),
        LeaveQueue { token }.into(),
    ];
    let verdicts = at_once(&stage, commands).await;
    let token = stage.status(token).await.token;
    check(token.state == TokenState::Left, "who left has left", &token)?;
    let let_in = own::<LetThrough>(verdicts[0].clone());
    check(
        let_in.is_ok() == token.activated_at.is_some(),
        "before it or after it was let in",
        &(&let_in, &token),
    )?;
    check(token.departure == Some(1), "and left the line once", &token)?;
    let position = stage.position(&fans[1]).await;
    check(position == Some(1), "who is behind moves up once", &position)?;
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
