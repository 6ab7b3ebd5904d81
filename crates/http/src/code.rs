//! Every `code` a client can see, with its status and title.

use actix_web::http::StatusCode;

macro_rules! codes {
    ($($variant:ident $code:literal $status:ident $title:literal)+) => {
        /// What went wrong, as a word that clients can rely on (SPEC §2).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(crate) enum Code {$($variant,)+}

        impl Code {
            /// The word.
            pub(crate) fn as_str(self) -> &'static str {
                match self {$(Code::$variant => $code,)+}
            }

            /// The status that goes with it.
            pub(crate) fn status(self) -> StatusCode {
                match self {$(Code::$variant => StatusCode::$status,)+}
            }

            /// A short sentence that is the same every time.
            pub(crate) fn title(self) -> &'static str {
                match self {$(Code::$variant => $title,)+}
            }

            /// The stable `type` of the problem.
            pub(crate) fn type_uri(self) -> &'static str {
                match self {$(Code::$variant => concat!("/problems/", $code),)+}
            }
        }
    };
}

impl Code {
    /// Whether the same request may well succeed a little later.
    pub(crate) fn may_pass(self) -> bool {
        matches!(
            self,
            Code::Overloaded
                | Code::StorageUnavailable
                | Code::OutcomeUnknown
                | Code::RequestInProgress
                | Code::RateLimited
        )
    }
}

codes! {
    MalformedRequest "malformed_request" BAD_REQUEST "The request cannot be read"
    InvalidToken "invalid_token" UNAUTHORIZED "A credential is missing or not valid"
    InsufficientBalance "insufficient_balance" PAYMENT_REQUIRED "The wallet has too little"
    PaymentFailed "payment_failed" PAYMENT_REQUIRED "The payment provider declined"
    Forbidden "forbidden" FORBIDDEN "The credential does not allow this"
    UserMismatch "user_mismatch" FORBIDDEN "This belongs to another user"
    TokenNotActive "token_not_active" FORBIDDEN "The queue token is still waiting"
    TokenScopeMismatch "token_scope_mismatch" FORBIDDEN "The queue token is for something else"
    WalletUserMismatch "wallet_user_mismatch" FORBIDDEN "Wallet, caller and user do not belong together"
    NotFound "not_found" NOT_FOUND "There is nothing here"
    InvalidUser "invalid_user" NOT_FOUND "There is no such user"
    InvalidConcert "invalid_concert" NOT_FOUND "There is no such concert"
    InvalidDate "invalid_date" NOT_FOUND "The concert does not play then"
    InvalidDatetime "invalid_datetime" NOT_FOUND "The concert does not play then, or has started"
    InvalidSchedule "invalid_schedule" NOT_FOUND "There is no such schedule"
    InvalidSeat "invalid_seat" NOT_FOUND "There is no such seat"
    InvalidReservation "invalid_reservation" NOT_FOUND "There is no such reservation"
    InvalidWallet "invalid_wallet" NOT_FOUND "There is no such wallet"
    MethodNotAllowed "method_not_allowed" METHOD_NOT_ALLOWED "The method is not allowed here"
    BookingClosed "booking_closed" CONFLICT "Booking is closed"
    AmbiguousDate "ambiguous_date" CONFLICT "The concert plays more than once that day"
    ScheduleExists "schedule_exists" CONFLICT "The schedule exists already"
    SeatAlreadyReserved "seat_already_reserved" CONFLICT "A seat is taken"
    GateFull "gate_full" CONFLICT "There is no room inside"
    ReservationNotHeld "reservation_not_held" CONFLICT "The reservation is not held"
    RequestInProgress "request_in_progress" CONFLICT "The first request with this key is still running"
    PayloadTooLarge "payload_too_large" PAYLOAD_TOO_LARGE "The body is too large"
    UnsupportedMediaType "unsupported_media_type" UNSUPPORTED_MEDIA_TYPE "The body is not JSON"
    ValidationFailed "validation_failed" UNPROCESSABLE_ENTITY "The request is not acceptable"
    InvalidAmount "invalid_amount" UNPROCESSABLE_ENTITY "The amount is not acceptable"
    AmountMismatch "amount_mismatch" UNPROCESSABLE_ENTITY "The amount is not the price"
    SeatLimitExceeded "seat_limit_exceeded" UNPROCESSABLE_ENTITY "Too many seats for one fan"
    IdempotencyKeyReused "idempotency_key_reused" UNPROCESSABLE_ENTITY "The key was used with another body"
    RateLimited "rate_limited" TOO_MANY_REQUESTS "Too many requests"
    Internal "internal" INTERNAL_SERVER_ERROR "Something broke on our side"
    Overloaded "overloaded" SERVICE_UNAVAILABLE "Too much to do right now"
    StorageUnavailable "storage_unavailable" SERVICE_UNAVAILABLE "The storage does not answer"
    OutcomeUnknown "outcome_unknown" SERVICE_UNAVAILABLE "Nobody knows yet whether it happened"
    ProviderUnavailable "provider_unavailable" SERVICE_UNAVAILABLE "There is no payment provider"
}
