//! Wallets and their histories.

use crate::{
    Fixture, Stage,
    stage::{own, request},
};
use frontrow_domain::{
    id::{UserId, WalletId},
    identity::{ActingRefusal, Actor},
    page::PageRequest,
    payment::{Answer, Approval},
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet, Charged, EntryKind, Payee},
};

async fn charged<F: Fixture>(stage: &Stage<F>, command: ChargeWallet) -> Charged {
    match stage.decide(command).await.expect("charged") {
        ChargeStep::Charged(charged) => charged,
        ChargeStep::Ask(question) => panic!("the provider was asked already: {question:?}"),
    }
}

pub async fn the_first_charge_makes_the_wallet<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let wallets = &stage.storage.wallets;
    assert_eq!(wallets.wallet_of(user).await, Ok(None));

    let mut command = stage.charge_of(user, 300);
    command.request = request(user.0);
    let first = charged(&stage, command.clone()).await;
    assert_eq!((first.wallet_id, first.entry_id), (command.wallet_id, command.entry_id));
    assert_eq!((first.amount, first.balance), (stage.money(300), stage.money(300)));
    let second = charged(&stage, stage.charge_of(user, 50)).await;
    assert_eq!((second.wallet_id, second.balance), (first.wallet_id, stage.money(350)));

    let wallet = wallets.wallet_of(user).await.expect("the storage answers");
    let wallet = wallet.expect("a wallet");
    assert_eq!((wallet.id, wallet.user_id), (first.wallet_id, user));
    assert_eq!((wallet.balance, wallet.entries), (stage.money(350), 2));
    assert_eq!(wallet.created_at, first.charged_at);
    assert_eq!(wallets.wallet(wallet.id).await, Ok(Some(wallet)));
    assert_eq!(wallets.wallet(WalletId::mint()).await, Ok(None));

    let page = wallets
        .entries(
            user,
            PageRequest {
                limit: 10,
                before: None,
            },
        )
        .await;
    let entries = page.expect("the storage answers").items;
    let seen: Vec<_> = entries.iter().map(|entry| (entry.id, entry.number)).collect();
    assert_eq!(seen, [(second.entry_id, 2), (first.entry_id, 1)]);
    let oldest = &entries[1];
    assert_eq!((oldest.kind, oldest.amount), (EntryKind::Charge, stage.money(300)));
    assert_eq!((oldest.user_id, oldest.balance_after), (user, stage.money(300)));
    assert_eq!((oldest.created_at, oldest.reservation_id), (first.charged_at, None));
    assert_eq!(oldest.request_key, command.request.map(|request| request.id.key));
    stage.assert_sound().await;
}

pub async fn entries_come_newest_first_page_by_page<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let users = stage.fans(2).await;
    for user in &users {
        let charges = (1..=7).map(|minor| stage.charge_of(*user, minor).into());
        stage.decide_each(charges.collect()).await;
    }
    let mut numbers = Vec::new();
    let mut before = None;
    loop {
        let page = stage
            .storage
            .wallets
            .entries(users[0], PageRequest { limit: 3, before })
            .await;
        let page = page.expect("the storage answers");
        assert!(page.items.iter().all(|entry| entry.user_id == users[0]));
        numbers.extend(page.items.iter().map(|entry| entry.number));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
    let none = stage
        .storage
        .wallets
        .entries(UserId::mint(), PageRequest { limit: 3, before: None })
        .await;
    assert_eq!(none.expect("the storage answers").items, []);
}

pub async fn each_reason_not_to_charge_is_named_and_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let users = stage.fans(2).await;
    let (owner, other) = (users[0], users[1]);
    let wallet = charged(&stage, stage.charge_of(owner, 100)).await.wallet_id;
    let good = stage.charge_of(owner, 50);
    let with = |change: &dyn Fn(&mut ChargeWallet)| {
        let mut changed = stage.charge_of(owner, 50);
        changed.request = request(owner.0);
        change(&mut changed);
        changed
    };
    let by_wallet = |owner, named| Payee::Wallet { owner, named };
    let cases = [
        (with(&|charge| charge.amount = None), ChargeRefusal::InvalidAmount),
        (
            with(&|charge| charge.amount = Some(stage.money(0))),
            ChargeRefusal::InvalidAmount,
        ),
        (
            with(&|charge| charge.amount = Some(stage.money(10_000_001))),
            ChargeRefusal::InvalidAmount,
        ),
        (
            with(&|charge| charge.payee = by_wallet(None, None)),
            ChargeRefusal::InvalidWallet,
        ),
        (
            with(&|charge| charge.payee = by_wallet(Some(other), None)),
            ChargeRefusal::WalletUserMismatch,
        ),
        (
            with(&|charge| charge.payee = by_wallet(Some(owner), Some(other))),
            ChargeRefusal::WalletUserMismatch,
        ),
        (
            with(&|charge| charge.payee = Payee::User(other)),
            ActingRefusal::UserMismatch.into(),
        ),
        (
            with(&|charge| {
                charge.actor = Actor::OnBehalf;
                charge.payee = Payee::User(UserId::mint());
            }),
            ActingRefusal::InvalidUser.into(),
        ),
        (
            with(&|charge| charge.approval = Approval::NoProvider),
            ChargeRefusal::ProviderUnavailable,
        ),
        (
            with(&|charge| charge.approval = Approval::Answered(Answer::Declined)),
            ChargeRefusal::Declined,
        ),
        (
            with(&|charge| charge.approval = Approval::Answered(Answer::Silent)),
            ChargeRefusal::OutcomeUnknown,
        ),
    ];
    let before = stage.everything().await;
    for (wish, refusal) in cases {
        assert_eq!(stage.decide(wish).await, Err(refusal));
        assert_eq!(stage.everything().await, before);
    }
    charged(&stage, good).await;
    let most = with(&|charge| {
        charge.payee = by_wallet(Some(owner), Some(owner));
        charge.amount = Some(stage.money(10_000_000));
    });
    assert_eq!(charged(&stage, most).await.wallet_id, wallet);
    assert_eq!(stage.balance(owner).await, 10_000_150);
    stage.assert_sound().await;
}

pub async fn charges_in_one_batch_add_up<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let user = stage.fan().await;
    let commands = (1..=5).map(|minor| stage.charge_of(user, minor).into()).collect();
    let verdicts = stage.decide_each(commands).await;
    let balances: Vec<i64> = verdicts
        .into_iter()
        .map(|verdict| match own::<ChargeWallet>(verdict) {
            Ok(ChargeStep::Charged(charged)) => charged.balance.minor(),
            other => panic!("not charged: {other:?}"),
        })
        .collect();
    assert_eq!(balances, [1, 3, 6, 10, 15]);
    assert_eq!(stage.balance(user).await, 15);
    stage.assert_sound().await;
}
