//! Server processes, and what the system says about them.

use anyhow::{Context as _, Result, bail};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// A process that announced where it listens. It is killed when the value goes.
pub struct Process {
    child: Child,
    authority: String,
    log: PathBuf,
}

impl Process {
    /// Starts the command and waits for its line `listening on http://…`. What it writes to stderr
    /// goes to the file `log`.
    ///
    /// # Errors
    /// It ends, or says nothing; with the end of its log.
    pub async fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} does not start", command.as_std().get_program().display()))?;
        let out = child.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(out).lines();
        let announced = tokio::time::timeout(PATIENCE, address(&mut lines)).await;
        let Some(authority) = announced.context("a server did not say where it listens")?? else {
            bail!("a server ended before it listened:\n{}", tail(log));
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            child,
            authority,
            log: log.to_owned(),
        })
    }

    /// Where it listens, as `host:port`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// How much memory of it is resident, in bytes.
    ///
    /// # Errors
    /// The system does not say (Linux does).
    pub fn resident_bytes(&self) -> Result<u64> {
        let id = self.child.id().context("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        resident_bytes(&status).context("no resident memory in the status of the server")
    }

    /// Ends it as an operator would.
    ///
    /// # Errors
    /// It does not end, or not with success.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.child.id().context("the server has ended by itself")?;
        let signal = Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
        anyhow::ensure!(signal.success(), "SIGTERM cannot be sent");
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let ended = ended.context("a server does not stop")??;
        anyhow::ensure!(ended.success(), "a server stopped with {ended}:\n{}", tail(&self.log));
        Ok(())
    }
}

async fn address(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Option<String>> {
    while let Some(line) = lines.next_line().await? {
        if let Some(authority) = line.strip_prefix("listening on http://") {
            return Ok(Some(authority.to_owned()));
        }
    }
    Ok(None)
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::resident_bytes;

    #[test]
    fn resident_memory_is_read_from_the_status() {
        let status = "Name:\tfrontrow\nVmHWM:\t   20000 kB\nVmRSS:\t   12345 kB\nThreads:\t7\n";
        assert_eq!(resident_bytes(status), Some(12_345 * 1024));
        assert_eq!(resident_bytes("Name:\tfrontrow\n"), None);
    }
}
