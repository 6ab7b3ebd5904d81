//! Rows as they are stored, and what they mean.

mod caller;
mod catalog;
mod money;
mod queue;
mod seating;

pub(super) use caller::{OperatorKeyRow, RecordRow, UserRow};
pub(super) use catalog::{ScheduleRow, SeatBlockRow};
pub(super) use money::{EntryRow, PaymentRow, WalletRow};
pub(super) use queue::{GateRow, TokenRow};
pub(super) use seating::{ReservationRow, SeatRow};
