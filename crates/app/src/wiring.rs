//! The composition root: which adapter stands behind which port.

use crate::{
    failure::Failure,
    patience::Patient,
    settings::{ProviderKind, Settings, StorageUrl},
    simulated::SimulatedProvider,
};
use frontrow_domain::{clock::SystemClock, payment::port::PaymentProvider, storage::Storage};
use frontrow_memory::Memory;
use frontrow_persistence::{
    group_commit::{GroupCommit, LaneSettings},
    metrics::StoreMetrics,
};
use std::sync::Arc;
use tokio::runtime::Handle;

/// A storage that is open, with what has to be closed behind it.
pub struct OpenStorage {
    /// Its ports. Writes go through the lanes, where there are some.
    pub storage: Storage,
    lanes: Option<Arc<GroupCommit>>,
}

/// What a storage is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To serve from it.
    Serve,
    /// To work on it beside a server.
    Maintain,
}

impl OpenStorage {
    /// Opens the storage of the settings.
    ///
    /// # Errors
    /// It cannot be opened, is of another version, or another server has it.
    pub async fn open(settings: &Settings, purpose: Purpose, metrics: &StoreMetrics) -> Result<Self, Failure> {
        match &settings.storage {
            StorageUrl::Memory => Ok(Self::plain(Storage::of(&Memory::new(
                settings.policy,
                Arc::new(SystemClock),
            )))),
            StorageUrl::Sqlite(_) | StorageUrl::Postgres(_) => {
                let _ = (purpose, metrics);
                Err(Failure::Runtime("not yet".to_owned()))
            }
        }
    }

    /// Answers what was accepted, and accepts no more.
    pub async fn close(self) {
        if let Some(lanes) = &self.lanes {
            lanes.close().await;
        }
    }

    fn plain(storage: Storage) -> Self {
        Self { storage, lanes: None }
    }

    fn in_lanes(storage: Storage, settings: LaneSettings, metrics: &StoreMetrics) -> Self {
        let lanes = GroupCommit::start(&storage.decisions, settings, &Handle::current(), metrics);
        Self {
            storage: storage.deciding_through(lanes.clone()),
            lanes: Some(lanes),
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
