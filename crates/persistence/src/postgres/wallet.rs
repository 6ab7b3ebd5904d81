//! Reading wallets.

use super::{
    Postgres,
    rows::{EntryRow, WalletRow},
    schema::{wallet_entries, wallets},
};
use crate::codec::count_to_db;
use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    id::{UserId, WalletId},
    outcome::StoreError,
    page::{Page, PageRequest},
    wallet::{Entry, Wallet, port::WalletQueries},
};

#[async_trait]
impl WalletQueries for Postgres {
    async fn wallet_of(&self, user: UserId) -> Result<Option<Wallet>, StoreError> {
        self.query(move |inner, lease| {
            Box::pin(async move {
                let row: Option<WalletRow> = wallets::table
                    .filter(wallets::user_id.eq(user.0))
                    .select(WalletRow::as_select())
                    .first(&mut lease.connection()?)
                    .await
                    .optional()?;
                Ok(row.map(|row| row.into_wallet(inner.policy.currency)).transpose()?)
            })
        })
        .await
    }

    async fn wallet(&self, id: WalletId) -> Result<Option<Wallet>, StoreError> {
        self.query(move |inner, lease| {
            Box::pin(async move {
                let row: Option<WalletRow> = wallets::table
                    .filter(wallets::wallet_id.eq(id.0))
                    .select(WalletRow::as_select())
                    .first(&mut lease.connection()?)
                    .await
                    .optional()?;
                Ok(row.map(|row| row.into_wallet(inner.policy.currency)).transpose()?)
            })
        })
        .await
    }

    async fn entries(&self, user: UserId, page: PageRequest<u64>) -> Result<Page<Entry, u64>, StoreError> {
        let before = page.before.map_or(Ok(i64::MAX), count_to_db)?;
        self.query(move |inner, lease| {
            Box::pin(async move {
                let rows: Vec<EntryRow> = wallet_entries::table
                    .filter(wallet_entries::user_id.eq(user.0))
                    .filter(wallet_entries::number.lt(before))
                    .order(wallet_entries::number.desc())
                    .limit(i64::from(page.limit) + 1)
                    .select(EntryRow::as_select())
                    .load(&mut lease.connection()?)
                    .await?;
                let entry = |row: EntryRow| row.into_entry(inner.policy.currency);
                let entries = rows.into_iter().map(entry).collect::<Result<_, _>>()?;
                Ok(Page::from_overfetch(entries, page.limit, |entry: &Entry| entry.number))
            })
        })
        .await
    }
}
