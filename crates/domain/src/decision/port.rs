//! The one write port.

use super::{Command, Decide, Verdict};
use crate::outcome::StoreError;
use async_trait::async_trait;

/// Carries decisions out: loads, lets the domain decide, stores.
///
/// - The verdicts are those of [`super::decide_each`] over the stored rows at one instant: as if
///   the commands had been decided one after another, in the order given.
/// - `now` is read from the storage's clock after the rows are locked.
/// - What an accepted command changed is durable in full when its verdict is returned, and with
///   it the idempotency record; a refused one leaves nothing but what its refusal says.
/// - `Err` means no verdict is known for any of the commands; it never hides a refusal. Repeating
///   the same commands, with the same ids, is then safe: what was done already is not done again,
///   and a command that made something finds it by its id and gets its success again. (A release
///   makes nothing; repeated, it is told that the reservation is not held.)
/// - Dropping the future does not stop a decision half way.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait Decisions: Send + Sync {
    /// Decides a batch in one transaction.
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError>;
}

/// Decides one command and gives its own kind of verdict.
///
/// # Errors
/// As [`Decisions::decide_each`].
pub async fn decide_one<C>(decisions: &dyn Decisions, command: C) -> Result<C::Verdict, StoreError>
where
    C: Decide + Into<Command>,
    C::Verdict: TryFrom<Verdict>,
{
    let mut verdicts = decisions.decide_each(vec![command.into()]).await?;
    let verdict = verdicts.pop().filter(|_| verdicts.is_empty());
    verdict
        .and_then(|verdict| C::Verdict::try_from(verdict).ok())
        .ok_or_else(|| StoreError::Internal("a verdict that answers another command".to_owned()))
}
