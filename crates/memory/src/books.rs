//! Handing the books to the auditor.

use crate::{Memory, account::Account};
use async_trait::async_trait;
use frontrow_domain::{
    audit::{ScheduleBooks, UserBooks, port::Books},
    id::{ScheduleId, UserId},
    outcome::StoreError,
    payment::{Payment, PaymentStatus},
};
use std::ops::Bound;

#[async_trait]
impl Books for Memory {
    async fn schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        Ok(self.world().shows.keys().copied().collect())
    }

    async fn schedule_books(&self, id: ScheduleId) -> Result<Option<ScheduleBooks>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        Ok(world.shows.get(&id).map(|show| {
            let payments = show.house.payments.iter();
            let payment = |(user, id): &(UserId, _)| world.accounts.get(user)?.payments.get(id).cloned();
            ScheduleBooks {
                schedule_id: id,
                issued: show.line.issued,
                seats: show.house.seats().to_vec(),
                reservations: show.house.reservations().cloned().collect(),
                tokens: show.line.tokens().cloned().collect(),
                payments: payments.filter_map(payment).collect(),
                as_of: now,
            }
        }))
    }

    async fn user_books(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, StoreError> {
        let world = self.world();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let accounts = world.accounts.range((start, Bound::Unbounded));
        let books = accounts.filter_map(|(user, account)| books_of(*user, account));
        Ok(books.take(limit as usize).collect())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// `None` for a user whose only payments failed.
fn books_of(user_id: UserId, account: &Account) -> Option<UserBooks> {
    let succeeded = |payment: &&Payment| payment.status == PaymentStatus::Succeeded;
    let payments: Vec<_> = account.payments.values().filter(succeeded).cloned().collect();
    let empty = account.wallet.is_none() && account.entries.is_empty() && payments.is_empty();
    (!empty).then(|| UserBooks {
        user_id,
        wallet: account.wallet.clone(),
        entries: account.entries.clone(),
        payments,
    })
}
