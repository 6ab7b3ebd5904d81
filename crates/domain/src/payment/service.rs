//! Paying and charging, with the provider asked between two transactions.

use super::{Answer, Approval, PayRefusal, PayReservation, PayStep, Question, Receipt, port::PaymentProvider};
use crate::{
    decision::{decide_one, port::Decisions},
    id::{EntryId, PaymentId},
    outcome::StoreError,
    wallet::{ChargeRefusal, ChargeStep, ChargeWallet, Charged},
};
use std::sync::Arc;

/// The use cases that may need a payment provider.
///
/// Run them to their end even when the caller has gone: the answer of a provider must not get
/// lost. When it does (a crash), the same `Idempotency-Key` asks again after
/// [`crate::policy::Policy::LEASE`].
pub struct Payments {
    decisions: Arc<dyn Decisions>,
    provider: Option<Arc<dyn PaymentProvider>>,
}

impl Payments {
    /// Payments over a storage; without a provider, payments need no approval and charges are
    /// refused.
    #[must_use]
    pub fn new(decisions: Arc<dyn Decisions>, provider: Option<Arc<dyn PaymentProvider>>) -> Self {
        Self { decisions, provider }
    }

    /// Pays a reservation; `approval` in the command is set here.
    ///
    /// # Errors
    /// The outer error says that storage brought no verdict; the inner one is the refusal.
    pub async fn pay(&self, command: PayReservation) -> Result<Result<Receipt, PayRefusal>, StoreError> {
        let first = PayReservation {
            approval: self.first_step(),
            ..command
        };
        let question = match decide_one(&*self.decisions, first.clone()).await? {
            Ok(PayStep::Paid(receipt)) => return Ok(Ok(receipt)),
            Ok(PayStep::Ask(question)) => question,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer = self.ask(&question, first.payment_method.as_deref()).await;
        let settle = PayReservation {
            payment_id: PaymentId(question.reference),
            approval: Approval::Answered(answer),
            ..first
        };
        match decide_one(&*self.decisions, settle).await? {
            Ok(PayStep::Paid(receipt)) => Ok(Ok(receipt)),
            Ok(PayStep::Ask(_)) => Err(asked_twice()),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Puts money into a wallet; `approval` in the command is set here.
    ///
    /// # Errors
    /// The outer error says that storage brought no verdict; the inner one is the refusal.
    pub async fn charge(
        &self,
        command: ChargeWallet,
        payment_method: Option<&str>,
    ) -> Result<Result<Charged, ChargeRefusal>, StoreError> {
        let first = ChargeWallet {
            approval: self.first_step(),
            ..command
        };
        let question = match decide_one(&*self.decisions, first.clone()).await? {
            Ok(ChargeStep::Charged(charged)) => return Ok(Ok(charged)),
            Ok(ChargeStep::Ask(question)) => question,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let answer = self.ask(&question, payment_method).await;
        let settle = ChargeWallet {
            entry_id: EntryId(question.reference),
            approval: Approval::Answered(answer),
            ..first
        };
        match decide_one(&*self.decisions, settle).await? {
            Ok(ChargeStep::Charged(charged)) => Ok(Ok(charged)),
            Ok(ChargeStep::Ask(_)) => Err(asked_twice()),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    fn first_step(&self) -> Approval {
        if self.provider.is_some() {
            Approval::Ask
        } else {
            Approval::NoProvider
        }
    }

    async fn ask(&self, question: &Question, method: Option<&str>) -> Answer {
        match &self.provider {
            Some(provider) => provider.approve(question, method).await,
            None => Answer::Silent,
        }
    }
}

fn asked_twice() -> StoreError {
    StoreError::Internal("a settled payment was asked for again".to_owned())
}
