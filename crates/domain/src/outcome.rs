//! What a call to storage can come to besides an answer.

/// A call to storage that brought no verdict. A refusal is never one of these: refusals are data.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// More work waits than can be done soon; nothing was changed.
    #[error("the storage has more work than it can do soon")]
    Overloaded,
    /// The storage cannot be reached or did not do it; nothing was changed.
    #[error("the storage is unavailable: {0}")]
    Unavailable(String),
    /// The connection broke while committing: the change is there in full or not at all, and
    /// repeating the call with the same ids is safe.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// The storage answered what it must not; a defect, never the caller's doing.
    #[error("storage defect: {0}")]
    Internal(String),
}
