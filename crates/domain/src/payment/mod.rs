//! Paying for what is held, and asking the provider that has to approve it.
//!
//! A payment that needs a provider takes three steps: [`Approval::Ask`] checks everything and
//! notes in the idempotency record that a provider is being asked; the provider is asked, with no
//! lock held; [`Approval::Answered`] checks everything again and settles. Money moves in the last
//! step alone, so whatever dies between them costs nobody anything.

mod pay;
pub mod port;
pub mod service;

pub use pay::{ClaimedAmount, PayRefusal, PayReservation, PayStep, PaymentOutcome, Receipt};

use crate::{
    clock::Timestamp,
    id::{PaymentId, ReservationId, ScheduleId, UserId},
    idempotency::RequestKey,
    money::Money,
};
use uuid::Uuid;

/// How a payment attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaymentStatus {
    /// Money moved, the seats are sold.
    Succeeded,
    /// Nothing moved.
    Failed,
}

impl PaymentStatus {
    /// The status on the wire and in storage.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Succeeded => "succeeded",
            PaymentStatus::Failed => "failed",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Succeeded, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// A stored payment. It exists once the provider was asked, or once money moved without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Identifies the payment.
    pub id: PaymentId,
    /// Who pays.
    pub user_id: UserId,
    /// At which performance.
    pub schedule_id: ScheduleId,
    /// For what.
    pub reservation_id: ReservationId,
    /// How it ended.
    pub status: PaymentStatus,
    /// How much.
    pub amount: Money,
    /// What the client said about how to pay.
    pub payment_method: Option<String>,
    /// The seats.
    pub seat_numbers: Vec<u32>,
    /// The `Idempotency-Key` it came with; no two effects share one within its life.
    pub request_key: Option<RequestKey>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When money moved.
    pub paid_at: Option<Timestamp>,
}

/// Where a request stands with the payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The deployment has no provider.
    NoProvider,
    /// The provider is to be asked if all else is well.
    Ask,
    /// The provider was asked.
    Answered(Answer),
}

/// What a payment provider said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Go ahead.
    Approved,
    /// No.
    Declined,
    /// Nothing in time: unknown, which is not a no.
    Silent,
}

/// What to ask a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// How the provider knows the request: the same at every attempt of one key.
    pub reference: Uuid,
    /// 1 for the first time this is asked.
    pub attempt: u32,
    /// How much.
    pub amount: Money,
}
