//! Running pgbench and reading what it reports.

use anyhow::{Context as _, Result, bail, ensure};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// How long a run lasts.
#[derive(Debug, Clone, Copy)]
pub enum Length {
    /// In seconds.
    Seconds(u64),
    /// In transactions of each client.
    Transactions(u64),
}

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Runs of the script that were completed.
    pub transactions: u64,
    /// Of them in a second, connecting not counted.
    pub per_second: f64,
}

/// The program.
pub struct Pgbench {
    program: PathBuf,
}

impl Pgbench {
    /// Finds the program where PostgreSQL's own ones lie.
    ///
    /// # Errors
    /// It is not there.
    pub fn find() -> Result<Self> {
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&on_path).collect();
        let mut versions: Vec<PathBuf> = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"]
            .iter()
            .filter_map(|parent| std::fs::read_dir(parent).ok())
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
            .collect();
        versions.sort_unstable();
        folders.extend(versions.into_iter().rev());
        let found = folders
            .into_iter()
            .map(|folder| folder.join("pgbench"))
            .find(|program| program.is_file());
        let program = found.context(
            "pgbench is needed as the reference: on Debian and Ubuntu it comes with the package postgresql, \
             on Fedora and Alpine with postgresql-contrib, with Homebrew's postgresql",
        )?;
        Ok(Self { program })
    }

    /// Runs a script with prepared statements.
    ///
    /// # Errors
    /// A transaction fails, or the report cannot be read.
    pub async fn run(&self, run: &Run<'_>) -> Result<Report> {
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol=prepared"])
            .arg(format!("--client={}", run.clients))
            .arg(format!("--jobs={}", run.clients.min(2)))
            .arg(format!("--file={}", run.script.display()));
        match run.length {
            Length::Seconds(seconds) => command.arg(format!("--time={seconds}")),
            Length::Transactions(count) => command.arg(format!("--transactions={count}")),
        };
        for (name, value) in run.variables {
            command.arg(format!("--define={name}={value}"));
        }
        if let Some(prefix) = run.log_prefix {
            command.arg("--log").arg(format!("--log-prefix={}", prefix.display()));
        }
        let output = command
            .arg(run.database)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {complaint}\n{said}");
        report(&said).with_context(|| format!("pgbench says:\n{said}\n{complaint}"))
    }
}

/// What to run.
pub struct Run<'a> {
    /// The database's address.
    pub database: &'a str,
    /// The script.
    pub script: &'a Path,
    /// How many at once.
    pub clients: u64,
    /// How long.
    pub length: Length,
    /// Variables of the script.
    pub variables: &'a [(&'a str, String)],
    /// Where to log the time of each transaction, if at all.
    pub log_prefix: Option<&'a Path>,
}

fn report(text: &str) -> Result<Report> {
    let after = |label: &str| text.lines().find_map(|line| line.strip_prefix(label)).map(str::trim);
    if let Some(failed) = after("number of failed transactions:")
        && !failed.starts_with("0 ")
    {
        bail!("failed transactions: {failed}");
    }
    let transactions = after("number of transactions actually processed:").context("no number of transactions")?;
    let transactions = transactions.split('/').next().unwrap_or_default();
    let rate = after("tps =").context("no rate")?;
    let rate = rate.split_whitespace().next().unwrap_or_default();
    Ok(Report {
        transactions: transactions.parse()?,
        per_second: rate.parse()?,
    })
}

/// The times of all transactions in the logs that begin with this prefix, in microseconds.
///
/// # Errors
/// A log cannot be read.
pub fn logged_micros(prefix: &Path) -> Result<Vec<f64>> {
    let folder = prefix.parent().context("a log lies in a folder")?;
    let name = prefix.file_name().context("a log has a name")?;
    let mut micros = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let own = path.file_name().is_some_and(|own| {
            let own = own.as_encoded_bytes();
            own.strip_prefix(name.as_encoded_bytes())
                .is_some_and(|rest| rest.starts_with(b"."))
        });
        if own {
            micros.extend(times(&std::fs::read_to_string(path)?)?);
        }
    }
    Ok(micros)
}

/// A line is `client transaction time script epoch microseconds`.
fn times(log: &str) -> Result<Vec<f64>> {
    let time = |line: &str| -> Result<f64> {
        let field = line.split_whitespace().nth(2).context("a line without a time")?;
        Ok(field.parse()?)
    };
    log.lines().map(time).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\
pgbench (15.18 (Debian 15.18-0+deb12u1))
transaction type: hold.sql
query mode: prepared
number of clients: 16
duration: 5 s
number of transactions actually processed: 37011
number of failed transactions: 0 (0.000%)
latency average = 2.160 ms
initial connection time = 20.106 ms
tps = 7408.297171 (without initial connection time)
";

    #[test]
    fn the_report_is_read() {
        let expected = Report {
            transactions: 37_011,
            per_second: 7_408.297_171,
        };
        assert_eq!(report(SAID).unwrap(), expected);
    }

    #[test]
    fn a_run_of_a_set_number_of_transactions_reports_both() {
        let said = SAID.replace("37011", "8000/8000");
        assert_eq!(report(&said).unwrap().transactions, 8_000);
    }

    #[test]
    fn failed_transactions_and_other_texts_are_no_report() {
        assert!(report(&SAID.replace("0 (0.000%)", "3 (0.008%)")).is_err());
        assert!(report("pgbench: error").is_err());
    }

    #[test]
    fn times_are_the_third_field_of_the_log() {
        assert_eq!(
            times("0 199 2241 0 1175850568 995598\n0 200 2465 0 1175850568 998079\n").unwrap(),
            [2_241.0, 2_465.0]
        );
        assert!(times("0 199\n").is_err());
    }
}
