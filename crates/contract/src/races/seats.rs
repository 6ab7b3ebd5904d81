//! Races for seats.

use super::{Found, at_once, buyer, check, racing};
use crate::{
    Fixture, Plan, Stage,
    stage::{MOMENT, hold_of, own, patiently, pay_of, release_of, usual_policy},
};
use frontrow_domain::{
    catalog::CreateSchedule,
    decision::Command,
    id::ScheduleId,
    payment::{PayReservation, PayStep},
    policy::Policy,
    seating::{HoldRefusal, HoldSeats, ReleaseHold},
};
use std::collections::BTreeSet;
use time::Duration;

/// A house with room for everybody, so that they are all let in.
fn large_house() -> Plan {
    Plan {
        seats: 50,
        ..Plan::default()
    }
}

pub async fn one_seat_has_one_holder<F: Fixture>(fixture: F) -> Found {
    let stage = Stage::set(fixture).await;
    let show = stage.show(large_house()).await;
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
    let show = stage.show(large_house()).await;
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
    let decisions = &*stage.storage.decisions;
    let paying = patiently(decisions, vec![pay_of(&fan, hold).into()]);
    let taking = async {
        stage.pass(last).await;
        patiently(decisions, vec![hold_of(&taker, &show, &[1, 2]).into()]).await
    };
    let (mut paid, mut taken) = tokio::join!(paying, taking);
    let paid = own::<PayReservation>(paid.remove(0));
    let taken = own::<HoldSeats>(taken.remove(0));
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
        tokio::spawn(async move { patiently(&*decisions, vec![command]).await })
    });
    let taking: Vec<_> = taking.collect();
    let mut held = Vec::new();
    for taken in taking {
        let mut verdicts = taken.await.expect("no contender panics");
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
