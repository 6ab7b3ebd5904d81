//! Reading wallets.

use super::{
    Sqlite,
    error::SqlError,
    rows::{EntryRow, WalletRow},
    schema::{wallet_entries, wallets},
    types::{Id, Whole},
};
use async_trait::async_trait;
use diesel::{prelude::*, sqlite::SqliteConnection};
use frontrow_domain::{
    id::{UserId, WalletId},
    money::Currency,
    outcome::StoreError,
    page::{Page, PageRequest},
    wallet::{Entry, Wallet, port::WalletQueries},
};

/// After every number there is.
const NEWEST: u64 = i64::MAX.unsigned_abs();

#[async_trait]
impl WalletQueries for Sqlite {
    async fn wallet_of(&self, user: UserId) -> Result<Option<Wallet>, StoreError> {
        let currency = self.policy.currency;
        self.readers.run(move |conn| wallet_of(conn, user, currency)).await
    }

    async fn wallet(&self, id: WalletId) -> Result<Option<Wallet>, StoreError> {
        let currency = self.policy.currency;
        let work = self.readers.run(move |conn| {
            let found = wallets::table.filter(wallets::wallet_id.eq(Id(id.0)));
            let found = found.select(WalletRow::as_select()).get_result(conn).optional()?;
            Ok(found.map(|row: WalletRow| row.in_currency(currency)))
        });
        work.await
    }

    async fn entries(&self, user: UserId, page: PageRequest<u64>) -> Result<Page<Entry, u64>, StoreError> {
        let currency = self.policy.currency;
        let work = self.readers.run(move |conn| {
            let before = page.before.unwrap_or(NEWEST).min(NEWEST);
            let found = wallet_entries::table
                .filter(wallet_entries::user_id.eq(Id(user.0)))
                .filter(wallet_entries::number.lt(Whole(before)))
                .order(wallet_entries::number.desc())
                .limit(i64::from(page.limit) + 1)
                .select(EntryRow::as_select())
                .load(conn)?;
            Ok(found.into_iter().map(|row| row.in_currency(currency)).collect())
        });
        Ok(Page::from_overfetch(work.await?, page.limit, |entry: &Entry| {
            entry.number
        }))
    }
}

pub(super) fn wallet_of(
    conn: &mut SqliteConnection,
    user: UserId,
    currency: Currency,
) -> Result<Option<Wallet>, SqlError> {
    let found = wallets::table.find(Id(user.0)).select(WalletRow::as_select());
    let found = found.get_result(conn).optional()?;
    Ok(found.map(|row| row.in_currency(currency)))
}
