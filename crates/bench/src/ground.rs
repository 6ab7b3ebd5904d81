//! What all measurements share: the programs, the PostgreSQL server, a folder, and how much of
//! everything there is to be.

use crate::{pgbench::Pgbench, postgres};
use anyhow::{Context as _, Result, ensure};
use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tempfile::TempDir;

/// Connections of the load client, unless a row says otherwise.
pub const CONNECTIONS: usize = 256;

/// How long a server works before what it does counts.
pub const WARM_UP: Duration = Duration::from_secs(1);

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// How often everything is measured.
    pub rounds: u32,
    /// How long each time, in seconds.
    pub seconds: u64,
    /// Fans in a short line.
    pub few_waiting: usize,
    /// Fans in a long line.
    pub many_waiting: usize,
    /// Sold seats in small tables.
    pub few_sold: u64,
    /// Sold seats in large tables.
    pub many_sold: u64,
    /// Seats of the hall whose map is read.
    pub hall: u32,
    /// Streams that are open at once.
    pub streams: usize,
    /// Fans who are told on their streams that everything is sold.
    pub told: usize,
}

impl Scale {
    /// What the document shows.
    pub const FULL: Self = Self {
        rounds: 3,
        seconds: 5,
        few_waiting: 1_000,
        many_waiting: 1_000_000,
        few_sold: 10_000,
        many_sold: 10_000_000,
        hall: 50_000,
        streams: 10_000,
        told: 5_000,
    };

    /// Enough to see that everything works.
    pub const QUICK: Self = Self {
        rounds: 1,
        seconds: 1,
        many_waiting: 10_000,
        many_sold: 400_000,
        streams: 1_000,
        told: 500,
        ..Self::FULL
    };

    /// How long each measurement lasts.
    #[must_use]
    pub fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// How many pieces of work are enough for a measurement, at this rate, and no fewer than
    /// `least`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is positive, and far from the bounds of a number"
    )]
    pub fn enough(&self, rate: f64, least: usize) -> usize {
        ((rate * self.seconds as f64 * 1.3) as usize).max(least)
    }
}

/// See the module.
pub struct Ground {
    /// The server that databases are made on.
    pub postgres: postgres::Server,
    /// The reference.
    pub pgbench: Pgbench,
    /// How much.
    pub scale: Scale,
    frontrow: PathBuf,
    folder: TempDir,
    next: AtomicU32,
}

impl Ground {
    /// Finds everything; the service is the given binary, or the one that lies beside this one.
    ///
    /// # Errors
    /// Something is missing; the error says what.
    pub fn new(scale: Scale, frontrow: Option<PathBuf>) -> Result<Self> {
        let postgres = std::env::var("FRONTROW_TEST_POSTGRES")
            .context("FRONTROW_TEST_POSTGRES names no PostgreSQL server: run `make bench`")?;
        let beside = || anyhow::Ok(std::env::current_exe()?.with_file_name("frontrow"));
        let frontrow = frontrow.map_or_else(beside, Ok)?;
        ensure!(
            frontrow.is_file(),
            "{} is missing: run `make bench`",
            frontrow.display()
        );
        Ok(Self {
            postgres: postgres::Server::new(postgres),
            pgbench: Pgbench::find()?,
            scale,
            frontrow,
            folder: TempDir::with_prefix("frontrow-bench-")?,
            next: AtomicU32::new(1),
        })
    }

    /// The service's binary.
    #[must_use]
    pub fn frontrow(&self) -> &Path {
        &self.frontrow
    }

    /// A path in the run's own folder that nothing else uses; the folder goes with the run.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{number}-{name}"))
    }
}
