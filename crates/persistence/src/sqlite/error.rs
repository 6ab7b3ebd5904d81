//! What SQLite's errors come to.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use frontrow_domain::outcome::StoreError;
use std::path::PathBuf;

/// Why a statement or what it read was no good.
#[derive(Debug)]
pub(super) enum SqlError {
    Diesel(DieselError),
    Store(StoreError),
}

impl From<DieselError> for SqlError {
    fn from(error: DieselError) -> Self {
        Self::Diesel(error)
    }
}

impl From<StoreError> for SqlError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// An error after which the transaction is rolled back, so that nothing was changed. A broken
/// constraint is a defect; what SQLite has no kind for is the machine's doing: a full or failing
/// disk, or another process that writes for too long.
impl From<SqlError> for StoreError {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Store(error) => error,
            SqlError::Diesel(error) if is_machines_doing(&error) => StoreError::Unavailable(error.to_string()),
            SqlError::Diesel(error) => StoreError::Internal(error.to_string()),
        }
    }
}

fn is_machines_doing(error: &DieselError) -> bool {
    matches!(
        error,
        DieselError::DatabaseError(
            DatabaseErrorKind::Unknown | DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
            _
        )
    )
}

/// Why a database file was not opened. Each reads as one line for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is missing.
    #[error("the folder {} does not exist, so there can be no database {}", .folder.display(), .path.display())]
    NoFolder {
        /// Where the file should be.
        folder: PathBuf,
        /// The file.
        path: PathBuf,
    },
    /// It is a folder.
    #[error("{} is a folder, not a database file", .0.display())]
    IsFolder(PathBuf),
    /// It holds something else.
    #[error("{} is not an SQLite database", .0.display())]
    NotADatabase(PathBuf),
    /// It may not be written.
    #[error("{} is read-only", .0.display())]
    ReadOnly(PathBuf),
    /// It cannot be reached for another reason.
    #[error("{} cannot be opened: {reason}", .path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// Another server has it.
    #[error("{} is already served by another frontrow process", .0.display())]
    InUse(PathBuf),
    /// A newer frontrow made it.
    #[error("{} was made by a newer frontrow: it has the unknown migration {version}", .path.display())]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The first migration that this one does not know.
        version: String,
    },
    /// Its amounts are of another currency.
    #[error("{} keeps its money in {stored}: serve it with currency = {stored:?}", .path.display())]
    OtherCurrency {
        /// The file.
        path: PathBuf,
        /// The currency it was first served with.
        stored: String,
    },
    /// Migrations are missing and may not be run.
    #[error("{} needs a migration: run `frontrow migrate`", .0.display())]
    NeedsMigration(PathBuf),
}
