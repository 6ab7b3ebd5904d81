//! Which `code` each refusal of the domain is. No match here has a `_` arm: a new refusal has to
//! choose its code.

use crate::{code::Code, problem::Problem};
use frontrow_domain::{
    catalog::{CatalogRefusal, InvalidField, TargetRefusal},
    idempotency::IdempotencyRefusal,
    identity::{ActingRefusal, GrantRefusal, RegisterRefusal},
    payment::PayRefusal,
    queue::{AdmittanceRefusal, JoinRefusal, LetThroughRefusal, UnknownToken},
    seating::{HoldRefusal, ReleaseRefusal},
    wallet::ChargeRefusal,
};

impl From<IdempotencyRefusal> for Problem {
    fn from(refusal: IdempotencyRefusal) -> Self {
        let code = match refusal {
            IdempotencyRefusal::KeyReused => Code::IdempotencyKeyReused,
            IdempotencyRefusal::InProgress => Code::RequestInProgress,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<ActingRefusal> for Problem {
    fn from(refusal: ActingRefusal) -> Self {
        let code = match refusal {
            ActingRefusal::UserMismatch => Code::UserMismatch,
            ActingRefusal::InvalidUser => Code::InvalidUser,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<AdmittanceRefusal> for Problem {
    fn from(refusal: AdmittanceRefusal) -> Self {
        let code = match refusal {
            AdmittanceRefusal::InvalidToken => Code::InvalidToken,
            AdmittanceRefusal::TokenNotActive => Code::TokenNotActive,
            AdmittanceRefusal::UserMismatch => Code::UserMismatch,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<TargetRefusal> for Problem {
    fn from(refusal: TargetRefusal) -> Self {
        let code = match refusal {
            TargetRefusal::InvalidConcert => Code::InvalidConcert,
            TargetRefusal::InvalidDate => Code::InvalidDate,
            TargetRefusal::AmbiguousDate => Code::AmbiguousDate,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<InvalidField> for Problem {
    fn from(field: InvalidField) -> Self {
        Self::invalid(field.field, field.reason)
    }
}

impl From<RegisterRefusal> for Problem {
    fn from(refusal: RegisterRefusal) -> Self {
        match refusal {
            RegisterRefusal::Idempotency(refusal) => refusal.into(),
            RegisterRefusal::InvalidName => Self::invalid("name", "must have 1 to 100 characters"),
        }
    }
}

impl From<GrantRefusal> for Problem {
    fn from(refusal: GrantRefusal) -> Self {
        match refusal {
            GrantRefusal::Idempotency(refusal) => refusal.into(),
            GrantRefusal::InvalidUser => ActingRefusal::InvalidUser.into(),
        }
    }
}

impl From<CatalogRefusal> for Problem {
    fn from(refusal: CatalogRefusal) -> Self {
        match refusal {
            CatalogRefusal::Idempotency(refusal) => refusal.into(),
            CatalogRefusal::Invalid(field) => field.into(),
            CatalogRefusal::InvalidConcert => TargetRefusal::InvalidConcert.into(),
            CatalogRefusal::ScheduleExists => Self::new(Code::ScheduleExists, refusal.to_string()),
        }
    }
}

impl From<JoinRefusal> for Problem {
    fn from(refusal: JoinRefusal) -> Self {
        let code = match refusal {
            JoinRefusal::Idempotency(refusal) => return refusal.into(),
            JoinRefusal::Acting(refusal) => return refusal.into(),
            JoinRefusal::InvalidConcert => Code::InvalidConcert,
            JoinRefusal::InvalidDatetime => Code::InvalidDatetime,
            JoinRefusal::AmbiguousDate => Code::AmbiguousDate,
            JoinRefusal::BookingClosed => Code::BookingClosed,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<LetThroughRefusal> for Problem {
    fn from(refusal: LetThroughRefusal) -> Self {
        let code = match refusal {
            LetThroughRefusal::Idempotency(refusal) => return refusal.into(),
            LetThroughRefusal::InvalidUser => Code::InvalidUser,
            LetThroughRefusal::TokenScopeMismatch => Code::TokenScopeMismatch,
            LetThroughRefusal::BookingNotOpen | LetThroughRefusal::BookingClosed => Code::BookingClosed,
            LetThroughRefusal::NotInLine => Code::NotFound,
            LetThroughRefusal::GateFull(_) | LetThroughRefusal::NoSeatLeft(_) => Code::GateFull,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<UnknownToken> for Problem {
    fn from(refusal: UnknownToken) -> Self {
        Self::new(Code::NotFound, refusal.to_string())
    }
}

impl From<HoldRefusal> for Problem {
    fn from(refusal: HoldRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            HoldRefusal::Idempotency(refusal) => refusal.into(),
            HoldRefusal::Admittance(refusal) => refusal.into(),
            HoldRefusal::NoSeats | HoldRefusal::RepeatedSeat(_) => Self::invalid("seat_numbers", &detail),
            HoldRefusal::Target(refusal) => refusal.into(),
            HoldRefusal::TokenScopeMismatch => Self::new(Code::TokenScopeMismatch, detail),
            HoldRefusal::BookingClosed => Self::new(Code::BookingClosed, detail),
            HoldRefusal::SeatLimitExceeded { .. } => Self::new(Code::SeatLimitExceeded, detail),
            HoldRefusal::InvalidSeat(seats) => Self::new(Code::InvalidSeat, detail).about_seats(seats),
            HoldRefusal::SeatsTaken(seats) => {
                let seats = seats.into_iter().map(i64::from).collect();
                Self::new(Code::SeatAlreadyReserved, detail).about_seats(seats)
            }
        }
    }
}

impl From<ReleaseRefusal> for Problem {
    fn from(refusal: ReleaseRefusal) -> Self {
        let code = match refusal {
            ReleaseRefusal::InvalidReservation => Code::InvalidReservation,
            ReleaseRefusal::UserMismatch => Code::UserMismatch,
            ReleaseRefusal::NotHeld => Code::ReservationNotHeld,
        };
        Self::new(code, refusal.to_string())
    }
}

impl From<PayRefusal> for Problem {
    fn from(refusal: PayRefusal) -> Self {
        let detail = refusal.to_string();
        let code = match refusal {
            PayRefusal::Idempotency(refusal) => return refusal.into(),
            PayRefusal::Admittance(refusal) => return refusal.into(),
            PayRefusal::Acting(refusal) => return refusal.into(),
            PayRefusal::InvalidAmount => Code::InvalidAmount,
            PayRefusal::InvalidReservation => Code::InvalidReservation,
            PayRefusal::TokenScopeMismatch => Code::TokenScopeMismatch,
            PayRefusal::NotHeld => Code::ReservationNotHeld,
            PayRefusal::UserMismatch => Code::UserMismatch,
            PayRefusal::AmountMismatch { .. } => Code::AmountMismatch,
            PayRefusal::InsufficientBalance { .. } => Code::InsufficientBalance,
            PayRefusal::Declined => Code::PaymentFailed,
            PayRefusal::OutcomeUnknown => Code::OutcomeUnknown,
        };
        Self::new(code, detail)
    }
}

impl From<ChargeRefusal> for Problem {
    fn from(refusal: ChargeRefusal) -> Self {
        let code = match refusal {
            ChargeRefusal::Idempotency(refusal) => return refusal.into(),
            ChargeRefusal::Acting(refusal) => return refusal.into(),
            ChargeRefusal::InvalidAmount => Code::InvalidAmount,
            ChargeRefusal::InvalidWallet => Code::InvalidWallet,
            ChargeRefusal::WalletUserMismatch => Code::WalletUserMismatch,
            ChargeRefusal::ProviderUnavailable => Code::ProviderUnavailable,
            ChargeRefusal::Declined => Code::PaymentFailed,
            ChargeRefusal::OutcomeUnknown => Code::OutcomeUnknown,
        };
        Self::new(code, refusal.to_string())
    }
}
