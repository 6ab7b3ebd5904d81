//! Races of the same request with itself.

use super::{Found, check, racing};
use crate::{
    Fixture, Plan, Stage,
    stage::{hold_of, own, request},
};
use frontrow_domain::{
    id::{EntryId, UserId},
    identity::RegisterUser,
    page::PageRequest,
    payment::Approval,
    seating::HoldSeats,
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet},
};
use uuid::Uuid;

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
