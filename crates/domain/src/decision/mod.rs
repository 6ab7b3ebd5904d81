//! Every write of the service, as one state machine.
//!
//! A [`Command`] says what somebody wants, [`Needs`] which rows that takes, [`WorkingSet`] holds
//! them, and [`Decide::decide`] turns them into a verdict and changed rows. Storage adapters load,
//! call [`decide_each`] and store; they know no rule, not even which one applies. Because every
//! command goes through the same three steps, one transaction can carry a mixed batch.

mod needs;
pub mod port;
mod rows;
mod working_set;

pub use needs::Needs;
pub use port::decide_one;
pub use rows::Rows;
pub use working_set::WorkingSet;

use crate::{
    catalog::{CreateConcert, CreateSchedule},
    clock::Timestamp,
    identity::{GrantAccess, RegisterUser},
    payment::PayReservation,
    queue::{JoinQueue, LeaveQueue, LetThrough, Visit},
    seating::{HoldSeats, ReleaseHold},
    wallet::ChargeWallet,
};
use uuid::Uuid;

/// A wish that the domain grants or refuses.
pub trait Decide {
    /// The answer: an effect or a named refusal.
    type Verdict;

    /// What this command is kept together by: commands with the same shard are decided in the
    /// order they came, and gathered into the same batches.
    fn shard(&self) -> Uuid;

    /// Names the rows that [`Self::decide`] will look at.
    fn needs(&self, needs: &mut Needs);

    /// The whole rule, in its order of precedence. Changes rows only for what it accepts.
    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict;
}

macro_rules! commands {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Everything that can be asked for.
        #[derive(Debug, Clone)]
        pub enum Command {$(
            $(#[$doc])*
            $name($name),
        )+}

        /// The answer to a [`Command`] of the same name.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Verdict {$(
            $(#[$doc])*
            $name(<$name as Decide>::Verdict),
        )+}

        impl Command {
            /// The command's name, for metrics and logs.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {$(Command::$name(_) => stringify!($name),)+}
            }
        }

        impl Decide for Command {
            type Verdict = Verdict;

            fn shard(&self) -> Uuid {
                match self {$(Command::$name(command) => command.shard(),)+}
            }

            fn needs(&self, needs: &mut Needs) {
                match self {$(Command::$name(command) => command.needs(needs),)+}
            }

            fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Verdict {
                match self {$(
                    Command::$name(command) => Verdict::$name(command.decide(rows, now)),
                )+}
            }
        }

        $(
            impl From<$name> for Command {
                fn from(command: $name) -> Self {
                    Command::$name(command)
                }
            }

            impl TryFrom<Verdict> for <$name as Decide>::Verdict {
                type Error = Verdict;

                fn try_from(verdict: Verdict) -> Result<Self, Verdict> {
                    if let Verdict::$name(own) = verdict { Ok(own) } else { Err(verdict) }
                }
            }
        )+
    };
}

commands! {
    /// Sign a fan up.
    RegisterUser,
    /// Grant an access token.
    GrantAccess,
    /// Put a concert on the list.
    CreateConcert,
    /// Put a performance on sale.
    CreateSchedule,
    /// Take a place in line.
    JoinQueue,
    /// Claim the slot after admission.
    Visit,
    /// Give the place or the slot back.
    LeaveQueue,
    /// Let a fan in out of turn.
    LetThrough,
    /// Hold seats.
    HoldSeats,
    /// Give held seats back.
    ReleaseHold,
    /// Pay a reservation.
    PayReservation,
    /// Put money into a wallet.
    ChargeWallet,
}

/// All rows that a batch needs.
#[must_use]
pub fn needs_of(commands: &[Command]) -> Needs {
    let mut needs = Needs::default();
    for command in commands {
        command.needs(&mut needs);
    }
    needs
}

/// Decides a batch: exactly what deciding one command at a time, in order, would give.
pub fn decide_each(commands: &[Command], rows: &mut WorkingSet, now: Timestamp) -> Vec<Verdict> {
    commands.iter().map(|command| command.decide(rows, now)).collect()
}
