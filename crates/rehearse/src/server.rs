//! The server that a rehearsal starts for itself, and leaves nothing of.

use crate::{base::Base, obstacle::Obstacle};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// How long a start may take.
const START: Duration = Duration::from_secs(30);

/// How long a stop may take before it is made short; a server promises to stop within 15 s.
const STOP: Duration = Duration::from_secs(20);

/// A running server on a storage of its own. When the value goes, so do process and storage.
#[derive(Debug)]
pub(crate) struct OwnServer {
    child: Child,
    folder: TempDir,
    pub(crate) base: Base,
    pub(crate) key: SecretString,
}

impl OwnServer {
    /// Starts `executable serve` on a new file, open to this machine alone.
    pub(crate) async fn start(executable: &Path) -> Result<Self, Obstacle> {
        let failed = |error: std::io::Error| Obstacle::new(format!("cannot start a server: {error}"));
        let folder = TempDir::with_prefix("frontrow-rehearsal-").map_err(failed)?;
        let key: SecretString = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()).into();
        let log = folder.path().join("log");
        let mut command = Command::new(executable);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("FRONTROW_") {
                command.env_remove(variable);
            }
        }
        command
            .arg("serve")
            .current_dir(folder.path())
            .env("FRONTROW_STORAGE", "sqlite:rehearsal.db")
            .env("FRONTROW_LISTEN", "127.0.0.1:0")
            .env("FRONTROW_OPERATOR_KEY", key.expose_secret())
            .env("FRONTROW_PAYMENTS", "simulated")
            .env("FRONTROW_RATE_LIMITS", "off")
            .env("FRONTROW_SEAT_LIMIT", "100")
            .env("FRONTROW_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&log).map_err(failed)?)
            .kill_on_drop(true);
        // Ctrl-C is for the rehearsal, which has questions left for the server.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(failed)?;
        let stdout = child.stdout.take();
        let listening = tokio::time::timeout(START, address(stdout)).await;
        let Ok(Some(base)) = listening else {
            return Err(Obstacle::new(format!("the server did not start: {}", last_line(&log))));
        };
        Ok(Self {
            child,
            folder,
            base,
            key,
        })
    }

    /// Stops it and removes its storage; says what was in the way.
    pub(crate) async fn stop(mut self) -> Result<(), String> {
        terminate(&mut self.child).map_err(|error| format!("the server could not be told to stop: {error}"))?;
        let stopped = tokio::time::timeout(STOP, self.child.wait()).await;
        let path: PathBuf = self.folder.path().to_owned();
        match stopped {
            Ok(Ok(status)) if status.success() => {}
            Ok(Ok(status)) => return Err(format!("the server ended with {status}")),
            Ok(Err(error)) => return Err(format!("the server's end was missed: {error}")),
            Err(_) => return Err(format!("the server did not stop within {} s", STOP.as_secs())),
        }
        let removed = self.folder.close();
        removed.map_err(|error| format!("{} could not be removed: {error}", path.display()))
    }
}

/// Reads on after the address, in a task of its own: a full pipe would stop the server.
async fn address(stdout: Option<ChildStdout>) -> Option<Base> {
    let mut lines = BufReader::new(stdout?).lines();
    let base = loop {
        let line = lines.next_line().await.ok()??;
        if let Some(url) = line.strip_prefix("listening on ") {
            break url.parse().ok()?;
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(base)
}

fn last_line(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.unwrap_or("it said nothing")
        .trim_start_matches("frontrow: ")
        .to_owned()
}

#[cfg(unix)]
fn terminate(child: &mut Child) -> std::io::Result<()> {
    use rustix::process::{Pid, Signal, kill_process};
    // Without an id it has ended already.
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    match id {
        Some(id) => Ok(kill_process(id, Signal::TERM)?),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) -> std::io::Result<()> {
    child.start_kill()
}
