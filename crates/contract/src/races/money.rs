//! Races for money.

use super::{Found, buyer, check, racing};
use crate::{
    Fixture, Plan, Stage,
    stage::{own, pay_of},
};
use frontrow_domain::{
    payment::PayReservation,
    wallet::{ChargeStep, ChargeWallet},
};
use std::collections::BTreeSet;

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
