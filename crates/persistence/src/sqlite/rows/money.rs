//! Wallets, their entries, payments.

use crate::sqlite::{
    schema::{payments, wallet_entries, wallets},
    types::{Id, Moment, Named, Numbers, Whole},
};
use diesel::prelude::*;
use frontrow_domain::{
    id::{EntryId, PaymentId, ReservationId, ScheduleId, UserId, WalletId},
    idempotency::RequestKey,
    money::Currency,
    payment::{Payment, PaymentStatus},
    wallet::{Entry, EntryKind, Wallet},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = wallets, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct WalletRow {
    user_id: Id,
    wallet_id: Id,
    balance: i64,
    entries: Whole<u64>,
    created_at: Moment,
}

impl WalletRow {
    pub(in crate::sqlite) fn in_currency(self, currency: Currency) -> Wallet {
        Wallet {
            id: WalletId(self.wallet_id.0),
            user_id: UserId(self.user_id.0),
            balance: currency.from_minor(self.balance),
            entries: self.entries.0,
            created_at: self.created_at.0,
        }
    }
}

impl From<&Wallet> for WalletRow {
    fn from(wallet: &Wallet) -> Self {
        Self {
            user_id: Id(wallet.user_id.0),
            wallet_id: Id(wallet.id.0),
            balance: wallet.balance.minor(),
            entries: Whole(wallet.entries),
            created_at: Moment(wallet.created_at),
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = wallet_entries, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct EntryRow {
    user_id: Id,
    number: Whole<u64>,
    entry_id: Id,
    kind: Named<EntryKind>,
    amount: i64,
    balance_after: i64,
    reservation_id: Option<Id>,
    request_key: Option<Id>,
    created_at: Moment,
}

impl EntryRow {
    pub(in crate::sqlite) fn in_currency(self, currency: Currency) -> Entry {
        Entry {
            id: EntryId(self.entry_id.0),
            user_id: UserId(self.user_id.0),
            number: self.number.0,
            kind: self.kind.0,
            amount: currency.from_minor(self.amount),
            balance_after: currency.from_minor(self.balance_after),
            reservation_id: self.reservation_id.map(|id| ReservationId(id.0)),
            request_key: self.request_key.map(|key| RequestKey(key.0)),
            created_at: self.created_at.0,
        }
    }
}

impl From<&Entry> for EntryRow {
    fn from(entry: &Entry) -> Self {
        Self {
            user_id: Id(entry.user_id.0),
            number: Whole(entry.number),
            entry_id: Id(entry.id.0),
            kind: Named(entry.kind),
            amount: entry.amount.minor(),
            balance_after: entry.balance_after.minor(),
            reservation_id: entry.reservation_id.map(|id| Id(id.0)),
            request_key: entry.request_key.map(|key| Id(key.0)),
            created_at: Moment(entry.created_at),
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = payments, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct PaymentRow {
    user_id: Id,
    payment_id: Id,
    schedule_id: Id,
    reservation_id: Id,
    status: Named<PaymentStatus>,
    amount: i64,
    payment_method: Option<String>,
    seat_numbers: Numbers,
    request_key: Option<Id>,
    created_at: Moment,
    paid_at: Option<Moment>,
}

impl PaymentRow {
    pub(in crate::sqlite) fn in_currency(self, currency: Currency) -> Payment {
        Payment {
            id: PaymentId(self.payment_id.0),
            user_id: UserId(self.user_id.0),
            schedule_id: ScheduleId(self.schedule_id.0),
            reservation_id: ReservationId(self.reservation_id.0),
            status: self.status.0,
            amount: currency.from_minor(self.amount),
            payment_method: self.payment_method,
            seat_numbers: self.seat_numbers.0,
            request_key: self.request_key.map(|key| RequestKey(key.0)),
            created_at: self.created_at.0,
            paid_at: self.paid_at.map(|at| at.0),
        }
    }
}

impl From<&Payment> for PaymentRow {
    fn from(payment: &Payment) -> Self {
        Self {
            user_id: Id(payment.user_id.0),
            payment_id: Id(payment.id.0),
            schedule_id: Id(payment.schedule_id.0),
            reservation_id: Id(payment.reservation_id.0),
            status: Named(payment.status),
            amount: payment.amount.minor(),
            payment_method: payment.payment_method.clone(),
            seat_numbers: Numbers(payment.seat_numbers.clone()),
            request_key: payment.request_key.map(|key| Id(key.0)),
            created_at: Moment(payment.created_at),
            paid_at: payment.paid_at.map(Moment),
        }
    }
}
