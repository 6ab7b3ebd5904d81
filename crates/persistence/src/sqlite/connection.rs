//! One connection to the database file, set up so that what is acknowledged survives a crash.

use super::error::OpenError;
use diesel::{
    Connection,
    connection::SimpleConnection,
    result::{ConnectionError, ConnectionResult},
    sqlite::SqliteConnection,
};
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
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

/// How often opening is tried again.
const PATIENCE: u32 = 40;

#[expect(
    clippy::disallowed_methods,
    reason = "opening a database blocks, as it says; it never runs on a runtime's thread"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(25));
}

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

    /// Opens a connection. While another process makes or leaves the file, SQLite may answer that
    /// it is locked without waiting for its busy timeout, so this tries for a second.
    pub(super) fn open(&self) -> Result<SqliteConnection, OpenError> {
        let url = self
            .path
            .to_str()
            .ok_or_else(|| self.unreachable(&"its name is not UTF-8"))?;
        for _ in 0..PATIENCE {
            if let Ok(connection) = self.connect(url) {
                return Ok(connection);
            }
            pause();
        }
        self.connect(url).map_err(|error| self.unreachable(&error))
    }

    fn connect(&self, url: &str) -> ConnectionResult<SqliteConnection> {
        let mut connection = SqliteConnection::establish(url)?;
        let set_up = connection.batch_execute(self.pragmas);
        set_up.map_err(ConnectionError::CouldntSetupConfiguration)?;
        Ok(connection)
    }

    pub(super) fn unreachable(&self, reason: &impl fmt::Display) -> OpenError {
        OpenError::Unreachable {
            path: self.path.clone(),
            reason: reason.to_string(),
        }
    }
}
