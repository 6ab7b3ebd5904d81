//! Wallets.

use super::{credential::Credential, operation::Operation};
use crate::{
    code::Code,
    wallets::{Charge, ChargeById, ChargedView, EntryView, WalletView},
};
use frontrow_domain::identity::Scope;
use serde_json::{Value, json};

const FAN: Credential = Credential::Fan(Scope::BookingOnBehalf);

/// What a charge can be refused for once it is clear whose wallet it is.
const CHARGE: [Code; 4] = [
    Code::ProviderUnavailable,
    Code::PaymentFailed,
    Code::OutcomeUnknown,
    Code::InvalidAmount,
];

fn wallet() -> Value {
    json!({
        "wallet_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a006",
        "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
        "balance": 150_000,
        "currency": "KRW",
    })
}

fn charged() -> Value {
    json!({
        "status": "success",
        "wallet_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a006",
        "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
        "balance": 150_000,
        "currency": "KRW",
        "entry_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a007",
        "amount": 150_000,
        "charged_at": "2026-12-01T10:58:00.000Z",
    })
}

pub(crate) fn wallet_of_user() -> Operation {
    Operation::new("getWalletOfUser", "wallets", "A fan's wallet")
        .description("Before the first charge there is none: `wallet_id` is null and the balance 0.")
        .credential(FAN)
        .answer::<WalletView>(200, "The wallet", wallet())
        .codes(&[Code::UserMismatch, Code::InvalidUser])
}

pub(crate) fn charge_user() -> Operation {
    Operation::new("chargeWalletOfUser", "wallets", "Put money into a fan's wallet")
        .description("The first charge makes the wallet.")
        .credential(FAN)
        .body::<Charge>(json!({"amount": 150_000, "payment_method": "ok"}))
        .answer::<ChargedView>(201, "Charged", charged())
        .codes(&[Code::UserMismatch, Code::InvalidUser])
        .codes(&CHARGE)
}

pub(crate) fn entries() -> Operation {
    let entry = json!({
        "entry_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a008",
        "kind": "payment",
        "amount": -100_000,
        "balance_after": 50_000,
        "reservation_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a004",
        "created_at": "2026-12-01T11:06:30.000Z",
    });
    Operation::new("listEntries", "wallets", "What moved in a fan's wallet, newest first")
        .credential(FAN)
        .page::<EntryView, u64>("A page of entries", &entry)
        .codes(&[Code::UserMismatch, Code::InvalidUser])
}

pub(crate) fn wallet_by_id() -> Operation {
    Operation::new("getWallet", "wallets", "A wallet by its own id")
        .credential(FAN)
        .answer::<WalletView>(200, "The wallet", wallet())
        .codes(&[Code::InvalidWallet, Code::WalletUserMismatch])
}

pub(crate) fn charge_wallet() -> Operation {
    Operation::new("chargeWallet", "wallets", "Put money into a wallet by its own id")
        .credential(FAN)
        .body::<ChargeById>(json!({"amount": 150_000, "payment_method": "ok"}))
        .answer::<ChargedView>(201, "Charged", charged())
        .codes(&[Code::InvalidWallet, Code::WalletUserMismatch])
        .codes(&CHARGE)
}
