//! A deployment: one storage, one set of settings, any number of processes.

use crate::{
    binary,
    server::Server,
    storage::{Ground, Storage},
};
use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

/// What processes of the binary share: the storage, a folder to work in, and the settings.
///
/// The defaults here suit stories: fans are signed up by the operator, payments are simulated, no rate limits; the
/// secret and the operator key are random. Nothing of the test's own environment reaches a process.
#[derive(Debug, Clone)]
pub struct Deployment {
    ground: Arc<Ground>,
    settings: BTreeMap<String, String>,
    operator_key: String,
    instances: usize,
}

impl Deployment {
    /// A deployment on a fresh storage of this kind, removed with the last value that refers to it.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is asked for and `FRONTROW_TEST_POSTGRES` names no server.
    #[must_use]
    pub fn on(storage: Storage) -> Self {
        let ground = Arc::new(Ground::new(storage));
        let operator_key = random_text();
        let settings = [
            ("STORAGE", ground.url.clone()),
            ("LISTEN", "127.0.0.1:0".to_owned()),
            ("SECRET", random_text()),
            ("OPERATOR_KEY", operator_key.clone()),
            ("SIGNUP", "closed".to_owned()),
            ("PAYMENTS", "simulated".to_owned()),
            ("RATE_LIMITS", "off".to_owned()),
        ];
        Self {
            ground,
            settings: settings.map(|(name, value)| (format!("FRONTROW_{name}"), value)).into(),
            operator_key,
            instances: 1,
        }
    }

    /// The same deployment with so many processes behind each [`Server`]: every call goes to any of them.
    #[must_use]
    pub fn on_instances(self, instances: usize) -> Self {
        Self { instances, ..self }
    }

    /// The same deployment with the setting `FRONTROW_<name>`: `.with("HOLD_SECONDS", "2")`.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(format!("FRONTROW_{name}"), value.to_string());
        self
    }

    /// The same deployment without the setting `FRONTROW_<name>`.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.settings.remove(&format!("FRONTROW_{name}"));
        self
    }

    /// What kind of storage it is on.
    #[must_use]
    pub fn storage(&self) -> Storage {
        self.ground.storage
    }

    /// The working folder of its processes; an SQLite file is there as `frontrow.db`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.ground.folder()
    }

    /// The bootstrap operator key.
    #[must_use]
    pub fn operator_key(&self) -> &str {
        &self.operator_key
    }

    /// The binary with these arguments in this deployment's folder and environment, not started yet.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.folder())
            .env_clear()
            .env("RUST_BACKTRACE", "1")
            .envs(&self.settings)
            .stdin(Stdio::null());
        command
    }

    /// Starts `frontrow serve` and waits until it is ready. Several at once are several instances of one deployment.
    ///
    /// # Panics
    ///
    /// When it does not become ready; with what it wrote to stderr.
    pub async fn start(&self) -> Server {
        Server::start(self.clone(), self.instances).await
    }

    /// Where the deployment's storage is.
    #[must_use]
    pub fn storage_url(&self) -> &str {
        &self.ground.url
    }

    /// A connection of the test's own to the deployment's PostgreSQL database.
    ///
    /// # Panics
    ///
    /// On another storage, and when the server does not answer.
    pub async fn database(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(self.storage_url(), tokio_postgres::NoTls)
            .await
            .expect("PostgreSQL answers");
        tokio::spawn(connection);
        client
    }

    /// Runs SQL on the deployment's PostgreSQL database, for tests that damage what they keep.
    ///
    /// # Panics
    ///
    /// On another storage, and when the SQL fails.
    pub fn execute(&self, sql: &str) {
        self.ground.execute(sql);
    }
}

/// 64 characters that nobody guesses.
fn random_text() -> String {
    format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>())
}
