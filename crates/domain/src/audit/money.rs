//! I3 and the money half of I6.

use super::{Findings, Invariant, check_keys};
use crate::{
    id::UserId,
    payment::{Payment, PaymentStatus},
    wallet::{Entry, EntryKind, Wallet},
};

/// All money of one user, from one snapshot.
#[derive(Debug, Clone)]
pub struct UserBooks {
    /// Whose.
    pub user_id: UserId,
    /// The wallet, if there is one.
    pub wallet: Option<Wallet>,
    /// Every entry, by number.
    pub entries: Vec<Entry>,
    /// Every succeeded payment.
    pub payments: Vec<Payment>,
}

/// Checks the money of these users.
#[must_use]
pub fn check_users(users: &[UserBooks]) -> Findings {
    let mut findings = Findings::default();
    for user in users {
        check_wallet(&mut findings, user);
        check_payments(&mut findings, user);
    }
    for kind in [EntryKind::Charge, EntryKind::Payment] {
        let entries = users.iter().flat_map(|user| &user.entries).filter(|e| e.kind == kind);
        let effects = entries.map(|entry| (entry.request_key, entry.created_at));
        check_keys(&mut findings, &format!("{} entries", kind.as_str()), effects);
    }
    findings
}

fn check_wallet(findings: &mut Findings, user: &UserBooks) {
    let mut balance = 0_i64;
    for (place, entry) in (1_u64..).zip(&user.entries) {
        balance = balance.saturating_add(entry.amount.minor());
        let right_sign = match entry.kind {
            EntryKind::Charge => entry.amount.minor() > 0,
            EntryKind::Payment => entry.amount.minor() < 0,
        };
        let chained = entry.number == place && entry.balance_after.minor() == balance;
        if !right_sign || !chained || balance < 0 {
            let id = entry.id;
            findings.add(
                Invariant::I3,
                format!("entry {id} does not follow from those before it"),
            );
        }
    }
    let stored = user.wallet.as_ref().map_or(0, |wallet| wallet.balance.minor());
    let counted = user.wallet.as_ref().map_or(0, |wallet| wallet.entries);
    if stored != balance || stored < 0 || counted != user.entries.len() as u64 {
        let id = user.user_id;
        findings.add(
            Invariant::I3,
            format!("the wallet of user {id} says {stored}, its entries say {balance}"),
        );
    }
}

fn check_payments(findings: &mut Findings, user: &UserBooks) {
    let mut paid: Vec<_> = user
        .payments
        .iter()
        .filter(|payment| payment.status == PaymentStatus::Succeeded)
        .map(|payment| (Some(payment.reservation_id), -payment.amount.minor()))
        .collect();
    let mut posted: Vec<_> = user
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::Payment)
        .map(|entry| (entry.reservation_id, entry.amount.minor()))
        .collect();
    paid.sort_unstable();
    posted.sort_unstable();
    if paid != posted {
        let id = user.user_id;
        findings.add(
            Invariant::I3,
            format!("payments and payment entries of user {id} differ"),
        );
    }
}
