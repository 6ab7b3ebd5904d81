//! Reading payments.

use super::{Sqlite, rows::PaymentRow, schema::payments, types::Id};
use async_trait::async_trait;
use diesel::prelude::*;
use frontrow_domain::{
    id::{PaymentId, UserId},
    outcome::StoreError,
    page::{Page, PageRequest},
    payment::{Payment, port::PaymentQueries},
};
use uuid::Uuid;

#[async_trait]
impl PaymentQueries for Sqlite {
    async fn payments(
        &self,
        user: UserId,
        page: PageRequest<PaymentId>,
    ) -> Result<Page<Payment, PaymentId>, StoreError> {
        let currency = self.policy.currency;
        let work = self.readers.run(move |conn| {
            let before = page.before.map_or(Uuid::max(), |id| id.0);
            let found = payments::table
                .filter(payments::user_id.eq(Id(user.0)))
                .filter(payments::payment_id.lt(Id(before)))
                .order(payments::payment_id.desc())
                .limit(i64::from(page.limit) + 1)
                .select(PaymentRow::as_select())
                .load(conn)?;
            Ok(found.into_iter().map(|row| row.in_currency(currency)).collect())
        });
        Ok(Page::from_overfetch(work.await?, page.limit, |payment: &Payment| {
            payment.id
        }))
    }
}
