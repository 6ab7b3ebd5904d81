//! Reading payments.

use super::{Postgres, rows::PaymentRow, schema::payments};
use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    id::{PaymentId, UserId},
    outcome::StoreError,
    page::{Page, PageRequest},
    payment::{Payment, port::PaymentQueries},
};
use uuid::Uuid;

#[async_trait]
impl PaymentQueries for Postgres {
    async fn payments(
        &self,
        user: UserId,
        page: PageRequest<PaymentId>,
    ) -> Result<Page<Payment, PaymentId>, StoreError> {
        let before = page.before.map_or(Uuid::max(), |id| id.0);
        self.query(move |inner, lease| {
            Box::pin(async move {
                let rows: Vec<PaymentRow> = payments::table
                    .filter(payments::user_id.eq(user.0))
                    .filter(payments::payment_id.lt(before))
                    .order(payments::payment_id.desc())
                    .limit(i64::from(page.limit) + 1)
                    .select(PaymentRow::as_select())
                    .load(&mut lease.connection()?)
                    .await?;
                let payment = |row: PaymentRow| row.into_payment(inner.policy.currency);
                let payments = rows.into_iter().map(payment).collect::<Result<_, _>>()?;
                Ok(Page::from_overfetch(payments, page.limit, |payment: &Payment| {
                    payment.id
                }))
            })
        })
        .await
    }
}
