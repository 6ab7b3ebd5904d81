//! The root key of all signatures: given, read, or made on the first start (SPEC §6).

use crate::{
    failure::Failure,
    settings::{SecretSource, StorageUrl, WrongSetting},
};
use frontrow_http::RootSecret;
use secrecy::{ExposeSecret as _, SecretSlice};
use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// The root secret for a server on this storage. Call it while no other server can work on the storage: on the first
/// start with SQLite it makes the secret.
///
/// # Errors
/// The file cannot be read or written, is too short, or others may read the one we made.
pub fn of(source: &SecretSource, storage: &StorageUrl) -> Result<RootSecret, Failure> {
    match (source, storage) {
        (SecretSource::Given(secret), _) => root(secret.expose_secret().as_bytes(), "FRONTROW_SECRET"),
        (SecretSource::File(path), _) => {
            let text = read(path)?;
            root(text.expose_secret(), &path.display().to_string())
        }
        (SecretSource::OfStorage, StorageUrl::Sqlite(database)) => beside(database),
        (SecretSource::OfStorage, StorageUrl::Memory) => {
            root(RootSecret::generate().expose_secret().as_bytes(), "a random secret")
        }
        (SecretSource::OfStorage, StorageUrl::Postgres(_)) => {
            Err(WrongSetting::new("PostgreSQL needs a secret: set FRONTROW_SECRET or FRONTROW_SECRET_FILE").into())
        }
    }
}

/// Where the secret of a `SQLite` database is kept.
#[must_use]
pub fn file_beside(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".secret");
    PathBuf::from(name)
}

fn beside(database: &Path) -> Result<RootSecret, Failure> {
    let path = file_beside(database);
    if !path.exists() {
        write_new(&path).map_err(|error| {
            let path = path.display();
            Failure::Runtime(format!("the secret file {path} cannot be written: {error}"))
        })?;
    }
    refuse_if_others_may_read(&path)?;
    root(read(&path)?.expose_secret(), &path.display().to_string())
}

/// Writes a new secret so that the file is there in full or not at all.
fn write_new(path: &Path) -> io::Result<()> {
    let mut draft = OsString::from(path);
    draft.push(".new");
    let draft = PathBuf::from(draft);
    // One that a crash left behind may have any content and any mode.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    writeln!(file, "{}", RootSecret::generate().expose_secret())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn read(path: &Path) -> Result<SecretSlice<u8>, Failure> {
    let mut bytes = fs::read(path).map_err(|error| {
        let path = path.display();
        WrongSetting::new(format!("the secret file {path} cannot be read: {error}"))
    })?;
    while bytes.last().is_some_and(u8::is_ascii_whitespace) {
        bytes.pop();
    }
    Ok(bytes.into())
}

fn root(secret: &[u8], origin: &str) -> Result<RootSecret, Failure> {
    RootSecret::new(secret.to_vec()).map_err(|weak| WrongSetting::new(format!("{origin}: {weak}")).into())
}

#[cfg(unix)]
fn refuse_if_others_may_read(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let shown = path.display();
    let metadata = fs::metadata(path)
        .map_err(|error| WrongSetting::new(format!("the secret file {shown} cannot be read: {error}")))?;
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(WrongSetting::new(format!(
        "the secret file {shown} can be read by others: chmod 600 it, or delete it to have a new one made, which ends \
         every token that was handed out"
    ))
    .into())
}

#[cfg(not(unix))]
fn refuse_if_others_may_read(_path: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_secret_that_only_the_owner_can_read_and_the_next_start_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        let storage = StorageUrl::Sqlite(database.clone());
        of(&SecretSource::OfStorage, &storage).unwrap();
        let made = fs::read(file_beside(&database)).unwrap();
        of(&SecretSource::OfStorage, &storage).unwrap();
        assert_eq!(fs::read(file_beside(&database)).unwrap(), made);
        let files: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|f| f.unwrap().file_name())
            .collect();
        assert_eq!(files, ["a.db.secret"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        beside(&database).unwrap();
        fs::set_permissions(file_beside(&database), fs::Permissions::from_mode(0o640)).unwrap();
        let refused = beside(&database).err().unwrap().to_string();
        assert!(refused.contains("can be read by others"), "{refused}");
    }

    #[test]
    fn a_short_secret_is_refused_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "hunter2\n").unwrap();
        let refused = of(&SecretSource::File(path), &StorageUrl::Memory)
            .err()
            .unwrap()
            .to_string();
        assert!(
            refused.contains("at least 32 bytes") && !refused.contains("hunter2"),
            "{refused}"
        );
    }
}
