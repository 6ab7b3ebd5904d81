//! Typed identifiers. All of them are `UUIDv7` and are made before the call that uses them, so
//! that repeating a call is safe.

use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new identifier; later ones sort after earlier ones.
            #[must_use]
            pub fn mint() -> Self {
                Self(Uuid::now_v7())
            }

            /// Reads what a client sent. A text that is no UUID names nothing, and so becomes
            /// the nil id, which nothing ever carries (SPEC §2).
            #[must_use]
            pub fn from_client(text: &str) -> Self {
                Self(Uuid::try_parse(text).unwrap_or(Uuid::nil()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

typed_id! {
    /// A fan.
    UserId,
    /// What is sold.
    ConcertId,
    /// One performance of a concert; also names its gate.
    ScheduleId,
    /// A fan's place at a gate.
    TokenId,
    /// Seats held together by one fan.
    ReservationId,
    /// One attempt to pay a reservation.
    PaymentId,
    /// A fan's wallet.
    WalletId,
    /// One movement of money in a wallet.
    EntryId,
    /// An operator's key.
    OperatorKeyId,
    /// One process of the service, from its start to its end.
    InstanceId,
}
