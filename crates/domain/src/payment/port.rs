//! What storage promises about payments, and what a payment provider promises.

use super::{Answer, Payment, Question};
use crate::{
    id::{PaymentId, UserId},
    outcome::StoreError,
    page::{Page, PageRequest},
};
use async_trait::async_trait;

/// Reads payments.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PaymentQueries: Send + Sync {
    /// A page of a user's payments, newest first.
    async fn payments(
        &self,
        user: UserId,
        page: PageRequest<PaymentId>,
    ) -> Result<Page<Payment, PaymentId>, StoreError>;
}

/// Approves charges and payments.
///
/// - Answers within 3 seconds; [`Answer::Silent`] when it could not tell in time.
/// - Asking again with the same reference never costs anybody anything twice.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Asks for approval; `method` is what the client said about how to pay.
    async fn approve<'a>(&self, question: &'a Question, method: Option<&'a str>) -> Answer;
}
