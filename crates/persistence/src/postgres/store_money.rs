//! Writing wallets, their entries and payments.

use super::{
    sql::sql,
    store::{Write, checked, column, text},
    store_seating::array_literal,
};
use crate::codec::count_to_db;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use frontrow_domain::{
    decision::WorkingSet,
    outcome::StoreError,
    payment::Payment,
    wallet::{Entry, Wallet},
};

/// As in `store_seating.rs`, changed rows are inserted over what is there.
macro_rules! add_wallets {
    () => {
        "
    INSERT INTO wallets (user_id, balance, entries, wallet_id, created_at)
    SELECT * FROM unnest($1, $2, $3, $4, $5) AS new"
    };
}

const CHANGE_WALLETS: &str = concat!(
    add_wallets!(),
    " ON CONFLICT (user_id) DO UPDATE SET balance = excluded.balance, entries = excluded.entries"
);

const ADD_WALLETS: &str = add_wallets!();

const ADD_ENTRIES: &str = "
    INSERT INTO wallet_entries (user_id, number, entry_id, kind, amount, balance_after,
        reservation_id, request_key, created_at)
    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)";

const ADD_PAYMENTS: &str = "
    INSERT INTO payments (user_id, payment_id, schedule_id, reservation_id, status, amount,
        payment_method, seat_numbers, request_key, created_at, paid_at)
    SELECT new.user_id, new.payment_id, new.schedule_id, new.reservation_id, new.status, new.amount,
        new.payment_method, new.seat_numbers::integer[], new.request_key, new.created_at, new.paid_at
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        AS new (user_id, payment_id, schedule_id, reservation_id, status, amount, payment_method,
            seat_numbers, request_key, created_at, paid_at)";

pub(super) fn writes(rows: &WorkingSet) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::new();
    let changed: Vec<_> = rows.wallets.changed().map(|(_, wallet)| wallet).collect();
    if !changed.is_empty() {
        writes.push(wallets_write(CHANGE_WALLETS, &changed)?);
    }
    let added: Vec<_> = rows.wallets.inserted().map(|(_, wallet)| wallet).collect();
    if !added.is_empty() {
        writes.push(wallets_write(ADD_WALLETS, &added)?);
    }
    let entries: Vec<&Entry> = rows.entries.iter().collect();
    if !entries.is_empty() {
        writes.push(entries_write(&entries)?);
    }
    let payments: Vec<&Payment> = rows.payments.inserted().map(|(_, payment)| payment).collect();
    if !payments.is_empty() {
        writes.push(payments_write(&payments)?);
    }
    Ok(writes)
}

fn wallets_write(text: &'static str, wallets: &[&Wallet]) -> Result<Write, StoreError> {
    let statement = sql(text)
        .bind::<Array<SqlUuid>, _>(column(wallets, |wallet| wallet.user_id.0))
        .bind::<Array<BigInt>, _>(column(wallets, |wallet| wallet.balance.minor()))
        .bind::<Array<BigInt>, _>(checked(wallets, |wallet| count_to_db(wallet.entries))?)
        .bind::<Array<SqlUuid>, _>(column(wallets, |wallet| wallet.id.0))
        .bind::<Array<Timestamptz>, _>(column(wallets, |wallet| wallet.created_at));
    Ok(Write::of("wallets", statement, wallets.len()))
}

fn entries_write(entries: &[&Entry]) -> Result<Write, StoreError> {
    let add = sql(ADD_ENTRIES)
        .bind::<Array<SqlUuid>, _>(column(entries, |entry| entry.user_id.0))
        .bind::<Array<BigInt>, _>(checked(entries, |entry| count_to_db(entry.number))?)
        .bind::<Array<SqlUuid>, _>(column(entries, |entry| entry.id.0))
        .bind::<Array<Text>, _>(column(entries, |entry| entry.kind.as_str()))
        .bind::<Array<BigInt>, _>(column(entries, |entry| entry.amount.minor()))
        .bind::<Array<BigInt>, _>(column(entries, |entry| entry.balance_after.minor()))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(entries, |entry| entry.reservation_id.map(|id| id.0)))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(entries, |entry| entry.request_key.map(|key| key.0)))
        .bind::<Array<Timestamptz>, _>(column(entries, |entry| entry.created_at));
    Ok(Write::of("wallet entries", add, entries.len()))
}

fn payments_write(payments: &[&Payment]) -> Result<Write, StoreError> {
    let method = |payment: &Payment| payment.payment_method.as_deref().map(text).transpose();
    let add = sql(ADD_PAYMENTS)
        .bind::<Array<SqlUuid>, _>(column(payments, |payment| payment.user_id.0))
        .bind::<Array<SqlUuid>, _>(column(payments, |payment| payment.id.0))
        .bind::<Array<SqlUuid>, _>(column(payments, |payment| payment.schedule_id.0))
        .bind::<Array<SqlUuid>, _>(column(payments, |payment| payment.reservation_id.0))
        .bind::<Array<Text>, _>(column(payments, |payment| payment.status.as_str()))
        .bind::<Array<BigInt>, _>(column(payments, |payment| payment.amount.minor()))
        .bind::<Array<Nullable<Text>>, _>(checked(payments, method)?)
        .bind::<Array<Text>, _>(column(payments, |payment| array_literal(&payment.seat_numbers)))
        .bind::<Array<Nullable<SqlUuid>>, _>(column(payments, |payment| payment.request_key.map(|key| key.0)))
        .bind::<Array<Timestamptz>, _>(column(payments, |payment| payment.created_at))
        .bind::<Array<Nullable<Timestamptz>>, _>(column(payments, |payment| payment.paid_at));
    Ok(Write::of("payments", add, payments.len()))
}
