//! The composition root: which adapter stands behind which port.

use crate::{
    failure::Failure,
    patience::Patient,
    settings::{ProviderKind, Settings, StorageUrl},
    simulated::SimulatedProvider,
};
use frontrow_domain::{
    clock::SystemClock, payment::port::PaymentProvider, queue::service::GateViews, storage::Storage,
};
use frontrow_memory::Memory;
use frontrow_persistence::{
    group_commit::{GroupCommit, LaneSettings},
    metrics::StoreMetrics,
    postgres::{OpenError, Postgres, PostgresSettings},
    sqlite::{Sqlite, SqliteSettings},
};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::runtime::Handle;

/// How long a start waits for a database server.
const PATIENCE_AT_START: Duration = Duration::from_secs(5);
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(250);

/// A storage that is open, with what has to be closed behind it.
pub struct OpenStorage {
    /// Its ports. Writes go through the lanes, where there are some.
    pub storage: Storage,
    /// What this instance knows of its lines. The decisions of `storage` note in it who leaves.
    pub views: Arc<GateViews>,
    lanes: Option<Arc<GroupCommit>>,
}

/// What a storage is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve from it.
    Serve,
    /// To work on it beside a server, or before there was one.
    Maintain,
    /// To look at what is there already.
    Inspect,
}

impl OpenStorage {
    /// Opens the storage of the settings.
    ///
    /// # Errors
    /// It cannot be opened, is of another version, or another server has it.
    pub async fn open(settings: &Settings, purpose: Purpose, metrics: &StoreMetrics) -> Result<Self, Failure> {
        match &settings.storage {
            StorageUrl::Memory => {
                let memory = Memory::new(settings.policy, Arc::new(SystemClock));
                Ok(Self::over(Storage::of(&memory), settings))
            }
            StorageUrl::Sqlite(path) => {
                let sqlite = open_sqlite(path, settings, purpose, metrics)?;
                // One transaction at a time is all a file can do.
                let one_lane = LaneSettings {
                    lanes: 1,
                    ..LaneSettings::default()
                };
                Ok(Self::over(Storage::of(&sqlite), settings).for_purpose(purpose, one_lane, metrics))
            }
            StorageUrl::Postgres(url) => {
                let postgres = reach_postgres(url, settings, purpose, metrics).await?;
                let lanes = LaneSettings::default();
                Ok(Self::over(Storage::of(&postgres), settings).for_purpose(purpose, lanes, metrics))
            }
        }
    }

    /// Answers what was accepted, and accepts no more.
    pub async fn close(self) {
        if let Some(lanes) = &self.lanes {
            lanes.close().await;
        }
    }

    fn over(storage: Storage, settings: &Settings) -> Self {
        let views = GateViews::new(&storage, settings.policy, settings.gates);
        let noting = views.noting(storage.decisions.clone());
        Self {
            storage: storage.deciding_through(noting),
            views,
            lanes: None,
        }
    }

    /// Behind lanes when it is to be served from: a command that works alone has nothing to gather.
    fn for_purpose(self, purpose: Purpose, settings: LaneSettings, metrics: &StoreMetrics) -> Self {
        match purpose {
            Purpose::Serve => {
                let lanes = GroupCommit::start(&self.storage.decisions, settings, &Handle::current(), metrics);
                Self {
                    storage: self.storage.deciding_through(lanes.clone()),
                    lanes: Some(lanes),
                    ..self
                }
            }
            Purpose::Maintain | Purpose::Inspect => self,
        }
    }
}

fn open_sqlite(
    path: &Path,
    settings: &Settings,
    purpose: Purpose,
    metrics: &StoreMetrics,
) -> Result<Arc<Sqlite>, Failure> {
    if purpose == Purpose::Inspect && !path.exists() {
        let path = path.display();
        return Err(Failure::Runtime(format!(
            "there is no database {path}; `frontrow serve` makes one"
        )));
    }
    let settings = SqliteSettings {
        path: path.to_owned(),
        policy: settings.policy,
        clock: Arc::new(SystemClock),
        readers: settings.workers,
        exclusive: purpose == Purpose::Serve,
        migrate: settings.migrate && purpose != Purpose::Inspect,
        metrics: metrics.clone(),
    };
    tokio::task::block_in_place(|| Sqlite::open(settings)).map_err(|error| Failure::Runtime(error.to_string()))
}

/// Opens the database, which may be a little behind when everything is started together.
async fn reach_postgres(
    url: &SecretString,
    settings: &Settings,
    purpose: Purpose,
    metrics: &StoreMetrics,
) -> Result<Arc<Postgres>, Failure> {
    let settings = PostgresSettings {
        url: url.expose_secret().to_owned(),
        policy: settings.policy,
        pool_size: match purpose {
            Purpose::Serve => settings.postgres_connections,
            Purpose::Maintain | Purpose::Inspect => 2,
        },
        migrate: settings.migrate && purpose != Purpose::Inspect,
        metrics: metrics.clone(),
    };
    let started = Instant::now();
    loop {
        match Postgres::connect(settings.clone()).await {
            Ok(postgres) => return Ok(postgres),
            Err(OpenError::Unreachable(reason)) if started.elapsed() < PATIENCE_AT_START => {
                tracing::info!(%reason, "the database is not there yet");
                tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            }
            Err(error) => return Err(Failure::Runtime(error.to_string())),
        }
    }
}

/// The payment provider of the settings.
#[must_use]
pub fn provider(kind: ProviderKind) -> Option<Arc<dyn PaymentProvider>> {
    match kind {
        ProviderKind::None => None,
        ProviderKind::Simulated => Some(Arc::new(Patient(SimulatedProvider))),
    }
}
