//! All money of one user.

use frontrow_domain::{
    id::PaymentId,
    payment::Payment,
    wallet::{Entry, Wallet},
};
use std::collections::BTreeMap;

/// A user's wallet, its history, and the user's payments.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) wallet: Option<Wallet>,
    /// By number, from 1 without gaps.
    pub(crate) entries: Vec<Entry>,
    pub(crate) payments: BTreeMap<PaymentId, Payment>,
}
