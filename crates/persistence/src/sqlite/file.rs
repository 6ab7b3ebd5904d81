//! The database file itself: whether it can be one, and whose it is.

use super::error::OpenError;
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read},
    path::{Path, PathBuf},
};

/// What every SQLite database begins with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// The absolute path of a file that is a database or can become one.
pub(super) fn check(path: &Path) -> Result<PathBuf, OpenError> {
    if path.is_dir() {
        return Err(OpenError::IsFolder(path.to_owned()));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let name = path.file_name().filter(|_| folder.is_dir());
    let Some(name) = name else {
        return Err(OpenError::NoFolder {
            folder: folder.to_owned(),
            path: path.to_owned(),
        });
    };
    let unreachable = |error: io::Error| OpenError::Unreachable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let known = match path.canonicalize() {
        Ok(known) => known,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(folder.canonicalize().map_err(unreachable)?.join(name));
        }
        Err(error) => return Err(unreachable(error)),
    };
    if fs::metadata(&known).map_err(unreachable)?.permissions().readonly() {
        return Err(OpenError::ReadOnly(known));
    }
    let mut file = match OpenOptions::new().read(true).write(true).open(&known) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => return Err(OpenError::ReadOnly(known)),
        Err(error) => return Err(unreachable(error)),
    };
    match is_database(&mut file) {
        Ok(true) => Ok(known),
        Ok(false) => Err(OpenError::NotADatabase(known)),
        Err(error) => Err(unreachable(error)),
    }
}

/// Whether the file begins as a database does, or is still empty.
fn is_database(file: &mut File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start.is_empty() || start == MAGIC)
}

/// A file that one server has for itself until this is dropped or the process ends in whatever way.
pub(super) struct Taken {
    _beside: File,
    /// Closed after every connection: until then SQLite's own locks hang on the process having no
    /// other handle on the file that it closes.
    _itself: File,
}

/// Takes the file for one server. One lock is on a file beside the database, so that its name is
/// taken, and one on the database, so that it is under all its names. Both are locks that SQLite
/// does not know and maintenance commands do not take.
pub(super) fn take(path: &Path) -> Result<Taken, OpenError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    Ok(Taken {
        _beside: lock(Path::new(&beside), path)?,
        _itself: lock(path, path)?,
    })
}

fn lock(file: &Path, database: &Path) -> Result<File, OpenError> {
    let unreachable = |error: io::Error| OpenError::Unreachable {
        path: file.to_owned(),
        reason: error.to_string(),
    };
    let mut options = OpenOptions::new();
    let lock = options.create(true).truncate(false).write(true).open(file);
    let lock = lock.map_err(unreachable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(database.to_owned())),
        Err(TryLockError::Error(error)) => Err(unreachable(error)),
    }
}
