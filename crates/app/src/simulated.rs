//! A payment provider for tries and tests: it does what `payment_method` says.

use async_trait::async_trait;
use frontrow_domain::payment::{Answer, Question, port::PaymentProvider};

/// Approves, unless the payment method is one of two words: `decline` is declined, `timeout` is really not answered the
/// first time a question is asked and approved from the second time on. It keeps nothing, so asking again costs nothing.
pub struct SimulatedProvider;

#[async_trait]
impl PaymentProvider for SimulatedProvider {
    async fn approve<'a>(&self, question: &'a Question, method: Option<&'a str>) -> Answer {
        match method {
            Some("decline") => Answer::Declined,
            Some("timeout") if question.attempt <= 1 => std::future::pending().await,
            Some(_) | None => Answer::Approved,
        }
    }
}
