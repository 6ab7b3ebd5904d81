//! Reading payments.

use crate::Memory;
use async_trait::async_trait;
use frontrow_domain::{
    id::{PaymentId, UserId},
    outcome::StoreError,
    page::{Page, PageRequest},
    payment::{Payment, port::PaymentQueries},
};
use std::ops::Bound;

#[async_trait]
impl PaymentQueries for Memory {
    async fn payments(
        &self,
        user: UserId,
        page: PageRequest<PaymentId>,
    ) -> Result<Page<Payment, PaymentId>, StoreError> {
        let world = self.world();
        let end = page.before.map_or(Bound::Unbounded, Bound::Excluded);
        let account = world.accounts.get(&user).into_iter();
        let newest = account.flat_map(|account| account.payments.range((Bound::Unbounded, end)).rev());
        let items = newest
            .take(page.limit as usize + 1)
            .map(|(_, payment)| payment.clone())
            .collect();
        Ok(Page::from_overfetch(items, page.limit, |payment: &Payment| payment.id))
    }
}
