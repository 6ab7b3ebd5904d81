//! Wallets, and every movement of money in them.

mod charge;
pub mod port;

pub use charge::{ChargeRefusal, ChargeStep, ChargeWallet, Charged, Payee};

use crate::{
    clock::Timestamp,
    id::{EntryId, ReservationId, UserId, WalletId},
    idempotency::RequestKey,
    money::Money,
};
use serde::{Deserialize, Serialize};

/// A fan's wallet, made by the first charge. The balance is never below zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wallet {
    /// Identifies the wallet.
    pub id: WalletId,
    /// Whose.
    pub user_id: UserId,
    /// The sum of all its entries.
    pub balance: Money,
    /// How many entries it has; the last one carries this number.
    pub entries: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why money moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// Money came in from outside.
    Charge,
    /// A reservation was paid.
    Payment,
}

impl EntryKind {
    /// The kind on the wire and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EntryKind::Charge => "charge",
            EntryKind::Payment => "payment",
        }
    }

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [EntryKind::Charge, EntryKind::Payment]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

/// One movement of money. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Identifies the entry.
    pub id: EntryId,
    /// Whose wallet.
    pub user_id: UserId,
    /// Its place in the wallet's history, from 1, without gaps.
    pub number: u64,
    /// Why money moved.
    pub kind: EntryKind,
    /// How much; a payment is negative.
    pub amount: Money,
    /// The balance afterwards.
    pub balance_after: Money,
    /// What was paid.
    pub reservation_id: Option<ReservationId>,
    /// The `Idempotency-Key` it came with; no two effects share one within its life.
    pub request_key: Option<RequestKey>,
    /// When money moved.
    pub created_at: Timestamp,
}

impl Wallet {
    /// Moves money: adds `amount` (which may be negative) and gives the entry that says so;
    /// `None` when the balance would go below zero or no longer fit.
    pub(crate) fn post(&mut self, id: EntryId, kind: EntryKind, amount: Money, now: Timestamp) -> Option<Entry> {
        let balance = self.balance.checked_add(amount).filter(|b| b.minor() >= 0)?;
        self.balance = balance;
        self.entries += 1;
        Some(Entry {
            id,
            user_id: self.user_id,
            number: self.entries,
            kind,
            amount,
            balance_after: balance,
            reservation_id: None,
            request_key: None,
            created_at: now,
        })
    }
}
