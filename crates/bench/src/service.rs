//! The service under test: the released binary with settings any operator could give it.

use crate::{
    ground::Ground,
    load::{Crew, ask},
    process::Process,
};
use anyhow::{Context as _, Result, ensure};
use frontrow_rehearse::client::{Call, Connection};
use hyper::header::HeaderValue;
use serde_json::Value;
use std::{path::PathBuf, time::Duration};
use tokio::process::Command;

/// A secret and a key for servers that live for minutes and listen on 127.0.0.1 alone.
const SECRET: &str = "frontrow-bench: 32 bytes and more, known to everybody";
const OPERATOR_KEY: &str = "frontrow-bench-operator-key-known-to-everybody";
const OPERATOR: &str = "Bearer frontrow-bench-operator-key-known-to-everybody";

/// How long holds, claims and sessions last: longer than any measurement, so that nothing lapses
/// in one. A session as long as a hold, so that each hold extends its fan's token.
pub const HOLD_SECONDS: u32 = 3_600;

/// What is said to the service besides where its storage is. The document names them all.
pub const SETTINGS: [(&str, &str); 6] = [
    ("FRONTROW_RATE_LIMITS", "off"),
    ("FRONTROW_HOLD_SECONDS", "3600"),
    ("FRONTROW_CLAIM_SECONDS", "3600"),
    // The audit is asked for after each measurement instead of running somewhere within one.
    ("FRONTROW_AUDIT_SECONDS", "0"),
    // No line for each answer, as PostgreSQL logs none for each statement.
    ("FRONTROW_LOG", "info,frontrow::access=warn"),
    ("FRONTROW_LISTEN", "127.0.0.1:0"),
];

/// One storage, and the service that runs on it.
pub struct Service<'g> {
    ground: &'g Ground,
    storage: String,
    log: PathBuf,
    process: Process,
}

impl<'g> Service<'g> {
    /// Starts it on this storage, without a payment provider.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(ground: &'g Ground, storage: &str) -> Result<Self> {
        Self::start_with(ground, storage, "none").await
    }

    async fn start_with(ground: &'g Ground, storage: &str, payments: &str) -> Result<Self> {
        let log = ground.path("frontrow.log");
        let mut command = command(ground, storage, "serve");
        command.env("FRONTROW_PAYMENTS", payments);
        Ok(Self {
            ground,
            storage: storage.to_owned(),
            process: Process::start(command, &log).await?,
            log,
        })
    }

    /// A second instance on the same storage, with the simulated provider: where wallets are
    /// charged.
    ///
    /// # Errors
    /// It does not start.
    pub async fn till(&self) -> Result<Self> {
        Self::start_with(self.ground, &self.storage, "simulated").await
    }

    /// Another instance on the same storage.
    ///
    /// # Errors
    /// It does not start.
    pub async fn sibling(&self) -> Result<Self> {
        Self::start(self.ground, &self.storage).await
    }

    /// Where it listens.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.process.authority()
    }

    /// This many connections to it.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn crew(&self, size: usize) -> Result<Crew> {
        Crew::open(self.authority(), size).await
    }

    /// A call of the operator who may do everything.
    ///
    /// # Errors
    /// The answer has another status, or is no JSON.
    pub async fn operate(&self, call: Call, expected: u16) -> Result<Value> {
        let mut connection = Connection::open(self.authority()).await?;
        let reply = ask(&mut connection, as_operator(call), expected).await?;
        Ok(serde_json::from_slice(&reply.body)?)
    }

    /// A performance's figure, as `/seats/held` of its statistics.
    ///
    /// # Errors
    /// There is no such figure.
    pub async fn figure(&self, schedule_id: &str, pointer: &str) -> Result<u64> {
        let path = format!("/v1/admin/schedules/{schedule_id}/stats");
        let stats = self.operate(Call::get(path), 200).await?;
        let figure = stats.pointer(pointer).and_then(Value::as_u64);
        figure.with_context(|| format!("no {pointer} in {stats}"))
    }

    /// Waits until a performance's figure is this.
    ///
    /// # Errors
    /// It does not become so.
    pub async fn wait_for_figure(&self, schedule_id: &str, pointer: &str, wanted: u64) -> Result<()> {
        const EVERY: Duration = Duration::from_millis(200);
        let reached = async {
            while self.figure(schedule_id, pointer).await? != wanted {
                tokio::time::sleep(EVERY).await;
            }
            anyhow::Ok(())
        };
        let reached = tokio::time::timeout(Duration::from_secs(600), reached).await;
        reached.with_context(|| format!("{pointer} does not become {wanted}"))?
    }

    /// Insists that every invariant holds.
    ///
    /// # Errors
    /// One does not; the report is shown.
    pub async fn audit(&self) -> Result<()> {
        let report = self.operate(Call::get("/v1/admin/audit"), 200).await?;
        ensure!(report["ok"] == true, "the audit is not clean: {report}");
        Ok(())
    }

    /// See [`Process::resident_bytes`].
    ///
    /// # Errors
    /// The system does not say.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// Ends it, and insists that it had nothing to complain about.
    ///
    /// # Errors
    /// It does not stop with success, or logged an error.
    pub async fn stop(self) -> Result<()> {
        self.process.stop().await?;
        let log = std::fs::read_to_string(&self.log)?;
        let error = log.lines().find(|line| line.contains(" ERROR "));
        ensure!(error.is_none(), "the service logged {}", error.unwrap_or_default());
        Ok(())
    }
}

/// The call with the operator's credential.
#[must_use]
pub fn as_operator(call: Call) -> Call {
    call.with("authorization", HeaderValue::from_static(OPERATOR))
}

/// Runs a command of the binary that ends by itself, as `migrate` and `audit`.
///
/// # Errors
/// It does not succeed; what it said is shown.
pub async fn run(ground: &Ground, storage: &str, task: &str) -> Result<()> {
    let output = command(ground, storage, task).output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "frontrow {task} failed:\n{said}{complaint}");
    Ok(())
}

fn command(ground: &Ground, storage: &str, task: &str) -> Command {
    let mut command = Command::new(ground.frontrow());
    command
        .arg(task)
        .env_clear()
        .envs(SETTINGS)
        .env("FRONTROW_STORAGE", storage)
        .env("FRONTROW_SECRET", SECRET)
        .env("FRONTROW_OPERATOR_KEY", OPERATOR_KEY)
        .kill_on_drop(true);
    command
}
