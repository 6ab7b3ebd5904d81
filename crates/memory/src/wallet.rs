//! Reading wallets.

use crate::Memory;
use async_trait::async_trait;
use frontrow_domain::{
    id::{UserId, WalletId},
    outcome::StoreError,
    page::{Page, PageRequest},
    wallet::{Entry, Wallet, port::WalletQueries},
};

#[async_trait]
impl WalletQueries for Memory {
    async fn wallet_of(&self, user: UserId) -> Result<Option<Wallet>, StoreError> {
        let world = self.world();
        Ok(world.accounts.get(&user).and_then(|account| account.wallet.clone()))
    }

    async fn wallet(&self, id: WalletId) -> Result<Option<Wallet>, StoreError> {
        let world = self.world();
        let owner = world.wallet_owner(id);
        let account = owner.and_then(|owner| world.accounts.get(&owner));
        Ok(account.and_then(|account| account.wallet.clone()))
    }

    async fn entries(&self, user: UserId, page: PageRequest<u64>) -> Result<Page<Entry, u64>, StoreError> {
        let world = self.world();
        let entries = world.accounts.get(&user).map_or(&[][..], |account| &account.entries);
        let end = entries.partition_point(|entry| page.before.is_none_or(|before| entry.number < before));
        let newest = entries[..end].iter().rev();
        let items = newest.take(page.limit as usize + 1).cloned().collect();
        Ok(Page::from_overfetch(items, page.limit, |entry: &Entry| entry.number))
    }
}
