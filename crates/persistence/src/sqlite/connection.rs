//! One connection to the database file, set up so that what is acknowledged survives a crash.

use super::error::OpenError;
use diesel::{Connection, connection::SimpleConnection, sqlite::SqliteConnection};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A commit waits for the disk (FULL). Another process, which may write for a moment, is waited
/// for. What many transactions touch stays in memory (64 MiB) and is copied from the log (16 MiB)
/// into the file once for all of them. The log is cut back after it had to grow.
const WRITING: &str = "
    PRAGMA busy_timeout = 4000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA cache_size = -65536;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA temp_store = MEMORY;
";

const READING: &str = "
    PRAGMA busy_timeout = 4000;
    PRAGMA query_only = ON;
    PRAGMA cache_size = -16384;
    PRAGMA temp_store = MEMORY;
";

/// Opens connections of one kind to one file.
#[derive(Clone)]
pub(super) struct Opener {
    path: PathBuf,
    pragmas: &'static str,
}

impl Opener {
    pub(super) fn writing(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            pragmas: WRITING,
        }
    }

    pub(super) fn reading(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            pragmas: READING,
        }
    }

    pub(super) fn open(&self) -> Result<SqliteConnection, OpenError> {
        let url = self
            .path
            .to_str()
            .ok_or_else(|| self.unreachable(&"its name is not UTF-8"))?;
        let mut connection = SqliteConnection::establish(url).map_err(|error| self.unreachable(&error))?;
        let set_up = connection.batch_execute(self.pragmas);
        set_up.map_err(|error| self.unreachable(&error))?;
        Ok(connection)
    }

    pub(super) fn unreachable(&self, reason: &impl fmt::Display) -> OpenError {
        OpenError::Unreachable {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }
}
