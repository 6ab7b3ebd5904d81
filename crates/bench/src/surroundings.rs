//! Where it was measured: figures mean nothing without.

use crate::ground::Ground;
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::path::Path;
use tokio::process::Command;

/// The settings of PostgreSQL that durability and speed depend on.
const SETTINGS: [&str; 7] = [
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "wal_level",
    "shared_buffers",
    "max_wal_size",
    "max_connections",
];

/// The machine, the programs and their settings.
#[derive(Debug, Clone, Serialize)]
pub struct Surroundings {
    /// The day, by the clock of PostgreSQL.
    pub date: String,
    /// The command that measures the same again.
    pub command: String,
    /// Cores.
    pub cores: usize,
    /// The processor's model.
    pub processor: String,
    /// Memory in mebibytes.
    pub memory_mib: u64,
    /// What the service says of itself.
    pub frontrow: String,
    /// The version of PostgreSQL.
    pub postgres: String,
    /// The compiler.
    pub rustc: String,
    /// The settings of PostgreSQL, by name.
    pub postgres_settings: Vec<(String, String)>,
}

impl Surroundings {
    /// Looks around.
    ///
    /// # Errors
    /// Something does not answer.
    pub async fn look(ground: &Ground) -> Result<Self> {
        let mut postgres_settings = Vec::new();
        for name in SETTINGS {
            let value = ground.postgres.text(&format!("SHOW {name}")).await?;
            postgres_settings.push((name.to_owned(), value));
        }
        let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Ok(Self {
            date: ground.postgres.text("SELECT current_date").await?,
            command: command(std::env::args().skip(1)),
            cores: std::thread::available_parallelism()?.get(),
            processor: field(&processors, "model name").unwrap_or("unknown").to_owned(),
            memory_mib: kilobytes(&memory, "MemTotal").unwrap_or_default() / 1024,
            frontrow: version(ground.frontrow()).await?,
            postgres: ground.postgres.text("SHOW server_version").await?,
            rustc: version(Path::new("rustc"))
                .await
                .unwrap_or_else(|_| "unknown".to_owned()),
            postgres_settings,
        })
    }
}

fn command(arguments: impl Iterator<Item = String>) -> String {
    let arguments: Vec<String> = arguments.collect();
    if arguments.is_empty() {
        "make bench".to_owned()
    } else {
        format!("make bench ARGS='{}'", arguments.join(" "))
    }
}

async fn version(program: &Path) -> Result<String> {
    let output = Command::new(program).arg("--version").output().await;
    let output = output.with_context(|| format!("{} does not start", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first field of this name, as `/proc` writes them.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(own, _)| own.trim() == name)?;
    Some(value.trim())
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    field(text, name)?.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_one_to_type() {
        assert_eq!(command(std::iter::empty()), "make bench");
        let arguments = ["--rounds", "5"].map(str::to_owned);
        assert_eq!(command(arguments.into_iter()), "make bench ARGS='--rounds 5'");
    }

    #[test]
    fn fields_are_read_as_the_system_writes_them() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2.50GHz\nprocessor\t: 1\n";
        assert_eq!(field(text, "model name"), Some("Some CPU @ 2.50GHz"));
        assert_eq!(kilobytes("MemTotal:       24576 kB\n", "MemTotal"), Some(24_576));
        assert_eq!(field(text, "flags"), None);
    }
}
