//! The SQLite adapter: one file, one thread that writes, a few that read.
//!
//! Every write is one `BEGIN IMMEDIATE` transaction on the writer's thread: load, let the domain
//! decide, store. Reads come from snapshots that never wait for the writer. The file is in WAL
//! mode and every commit waits for the disk, so what was acknowledged survives the process and
//! the machine.

mod attendant;
mod books;
mod catalog;
mod connection;
mod decisions;
mod error;
mod file;
mod identity;
mod leadership;
mod load;
mod migrate;
mod payment;
mod pool;
mod queue;
mod rows;
mod schema;
mod seating;
mod statement;
mod steady;
mod store;
mod types;
mod wallet;

pub use error::OpenError;

use crate::{metrics::StoreMetrics, sold_out::SoldOut};
use connection::Opener;
use file::Taken;
use frontrow_domain::{clock::Clock, leadership::OwnLease, policy::Policy};
use pool::Pool;
use std::{path::PathBuf, sync::Arc};
use steady::Steady;

/// How a database file is opened.
pub struct SqliteSettings {
    /// The file; made when it does not exist, in a folder that does.
    pub path: PathBuf,
    /// The deployment's settings.
    pub policy: Policy,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How many reads may run side by side.
    pub readers: usize,
    /// Whether this is the one server of the file; maintenance beside it is not.
    pub exclusive: bool,
    /// Whether missing migrations are run.
    pub migrate: bool,
    /// Where connections are counted.
    pub metrics: StoreMetrics,
}

/// A storage in one file. It implements every port.
pub struct Sqlite {
    policy: Policy,
    clock: Arc<Steady>,
    sold_out: Arc<SoldOut>,
    lease: OwnLease,
    // Dropped in this order: the writer closes the file last and leaves no log behind.
    readers: Pool,
    writer: Pool,
    _taken: Option<Taken>,
}

impl Sqlite {
    /// Opens a database file. Blocks for a moment; dropping it waits for what is under way.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(settings: SqliteSettings) -> Result<Arc<Self>, OpenError> {
        let path = file::check(&settings.path)?;
        let taken = settings.exclusive.then(|| file::take(&path)).transpose()?;
        let writing = Opener::writing(&path);
        migrate::bring_up_to_date(&writing, &path, settings.migrate, settings.policy.currency)?;
        let writer = Pool::writer(&writing, &settings.metrics)?;
        let readers = Pool::readers(settings.readers, &Opener::reading(&path), &settings.metrics)?;
        Ok(Arc::new(Self {
            policy: settings.policy,
            clock: Arc::new(Steady::new(settings.clock)),
            sold_out: Arc::default(),
            lease: OwnLease::default(),
            readers,
            writer,
            _taken: taken,
        }))
    }
}
