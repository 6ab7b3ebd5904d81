//! How long a payment provider is waited for.

use async_trait::async_trait;
use frontrow_domain::payment::{Answer, Question, port::PaymentProvider};
use std::time::Duration;

/// How long a provider may take (SPEC §3).
pub const PROVIDER_LIMIT: Duration = Duration::from_secs(3);

/// Any provider, waited for no longer than [`PROVIDER_LIMIT`]: one that has said nothing by then is silent.
pub struct Patient<P>(pub P);

#[async_trait]
impl<P: PaymentProvider> PaymentProvider for Patient<P> {
    async fn approve<'a>(&self, question: &'a Question, method: Option<&'a str>) -> Answer {
        tokio::time::timeout(PROVIDER_LIMIT, self.0.approve(question, method))
            .await
            .unwrap_or(Answer::Silent)
    }
}
