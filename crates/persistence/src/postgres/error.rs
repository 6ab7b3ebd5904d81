//! What can go wrong between the service and PostgreSQL.

use diesel::result::{DatabaseErrorKind, Error};
use frontrow_domain::outcome::StoreError;

/// Why a database was not opened. Each reads as one line for the operator, without the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Nobody answers there; this may pass.
    #[error("the database cannot be reached: {0}")]
    Unreachable(String),
    /// It would not help to try again.
    #[error("{0}")]
    Unusable(String),
}

/// A transaction or query that came to nothing. Nothing was changed, unless it is said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Running it again may well succeed.
    Again(Reason),
    /// Running it again would not help.
    Final(StoreError),
}

/// Why something is run again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    /// Another transaction stored a row that this one believed absent or unchanged.
    Raced(String),
    /// The database could not find an order for concurrent transactions.
    Serialization,
    /// Transactions waited for each other.
    Deadlock,
    /// The connection broke; `COMMIT` had not been sent.
    ConnectionLost(String),
}

impl Reason {
    /// How metrics call it.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Reason::Raced(_) => "raced",
            Reason::Serialization => "serialization_failure",
            Reason::Deadlock => "deadlock",
            Reason::ConnectionLost(_) => "connection_lost",
        }
    }

    /// What is said when running it again never succeeded.
    pub(super) fn give_up(self) -> StoreError {
        match self {
            // A row that is always there already has an id that was used before.
            Reason::Raced(what) => StoreError::Internal(format!("another transaction always came first: {what}")),
            Reason::Serialization => StoreError::Unavailable("concurrent transactions always conflicted".to_owned()),
            Reason::Deadlock => StoreError::Unavailable("transactions always waited for each other".to_owned()),
            Reason::ConnectionLost(why) => StoreError::Unavailable(why),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Final(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, info) => of_database(kind, info.message(), info.constraint_name()),
            Error::BrokenTransactionManager => Failure::lost("a broken connection"),
            error @ (Error::InvalidCString(_)
            | Error::NotFound
            | Error::QueryBuilderError(_)
            | Error::DeserializationError(_)
            | Error::SerializationError(_)
            | Error::RollbackErrorOnCommit { .. }
            | Error::RollbackTransaction
            | Error::AlreadyInTransaction
            | Error::NotInTransaction
            | Error::IntegerConversion(_)
            | _) => Failure::defect(error.to_string()),
        }
    }
}

impl Failure {
    pub(super) fn lost(why: impl Into<String>) -> Self {
        Failure::Again(Reason::ConnectionLost(why.into()))
    }

    pub(super) fn raced(what: impl Into<String>) -> Self {
        Failure::Again(Reason::Raced(what.into()))
    }

    pub(super) fn defect(what: impl Into<String>) -> Self {
        Failure::Final(StoreError::Internal(what.into()))
    }

    pub(super) fn unavailable(why: impl Into<String>) -> Self {
        Failure::Final(StoreError::Unavailable(why.into()))
    }

    /// Whether the connection is of no use any more.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Failure::Again(Reason::ConnectionLost(_)))
    }
}

fn of_database(kind: DatabaseErrorKind, message: &str, constraint: Option<&str>) -> Failure {
    match kind {
        DatabaseErrorKind::UniqueViolation => Failure::raced(constraint.unwrap_or(message)),
        DatabaseErrorKind::SerializationFailure => Failure::Again(Reason::Serialization),
        DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ClosedConnection
        // The server is no longer the primary: another connection may lead to the one that is.
        | DatabaseErrorKind::ReadOnlyTransaction => Failure::lost(message),
        DatabaseErrorKind::ForeignKeyViolation
        | DatabaseErrorKind::NotNullViolation
        | DatabaseErrorKind::CheckViolation
        | DatabaseErrorKind::RestrictViolation
        | DatabaseErrorKind::ExclusionViolation => Failure::defect(format!("{message} ({constraint:?})")),
        // Everything else, also what a later diesel may tell apart. The code itself is out of
        // reach here: diesel-async gives the message alone, which `lc_messages=C` keeps in
        // English. Not to know a deadlock by its text costs a retry, no correctness.
        DatabaseErrorKind::Unknown | _ if message == "deadlock detected" => Failure::Again(Reason::Deadlock),
        DatabaseErrorKind::Unknown | _ => Failure::unavailable(message),
    }
}
