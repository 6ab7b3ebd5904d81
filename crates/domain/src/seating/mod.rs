//! Seats, and the reservations that hold them.

mod hold;
mod map;
pub mod port;
mod release;
mod reservation;
mod seat;

pub use hold::{Held, HoldRefusal, HoldSeats};
pub use map::{GROUP, SeatChanges, SeatMap};
pub use release::{ReleaseHold, ReleaseRefusal};
pub(crate) use release::{fit_token, release};
pub use reservation::{Reservation, ReservationState};
pub use seat::{Seat, SeatState, SeatStatus};
