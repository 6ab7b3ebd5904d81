//! Connections on threads of their own. Work goes in as a closure and comes back through a
//! channel, so nobody else's thread ever waits for the disk, and work once begun runs to its end
//! whether or not anybody still wants its result.

use super::{
    connection::Opener,
    error::{OpenError, SqlError},
};
use crate::metrics::StoreMetrics;
use diesel::{
    connection::{AnsiTransactionManager, TransactionManager},
    sqlite::SqliteConnection,
};
use frontrow_domain::outcome::StoreError;
use prometheus_client::metrics::gauge::Gauge;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// How much work may wait for the threads of one pool: what they can do in a few seconds, even
/// when each piece waits for the disk.
const CAPACITY: usize = 512;

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// A few threads that all do the same kind of transaction.
pub(super) struct Pool {
    begin: &'static str,
    jobs: Option<mpsc::Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
    gauges: Gauges,
}

#[derive(Clone)]
struct Gauges {
    in_use: Gauge,
    idle: Gauge,
    waiting: Gauge,
}

impl Pool {
    /// The one thread that writes. Its transactions hold the write lock from their beginning.
    pub(super) fn writer(opener: &Opener, metrics: &StoreMetrics) -> Result<Self, OpenError> {
        Self::start("BEGIN IMMEDIATE", 1, opener, metrics)
    }

    /// Threads that read, each transaction from one snapshot.
    pub(super) fn readers(count: usize, opener: &Opener, metrics: &StoreMetrics) -> Result<Self, OpenError> {
        Self::start("BEGIN", count.max(1), opener, metrics)
    }

    fn start(begin: &'static str, count: usize, opener: &Opener, metrics: &StoreMetrics) -> Result<Self, OpenError> {
        let gauges = Gauges {
            in_use: metrics.in_use(),
            idle: metrics.idle(),
            waiting: metrics.waiting(),
        };
        let (jobs, waiting) = mpsc::channel(CAPACITY);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut threads = Vec::new();
        for _ in 0..count {
            let worker = Worker {
                connection: opener.open()?,
                opener: opener.clone(),
                gauges: gauges.clone(),
            };
            let waiting = waiting.clone();
            let thread = std::thread::Builder::new().name("sqlite".to_owned());
            let spawned = thread.spawn(move || worker.run(&waiting));
            threads.push(spawned.map_err(|error| opener.unreachable(&error))?);
        }
        Ok(Self {
            begin,
            jobs: Some(jobs),
            threads,
            gauges,
        })
    }

    /// Does the work in a transaction, which is committed when the work succeeds and rolled back
    /// when it fails or panics.
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&mut SqliteConnection) -> Result<T, SqlError> + Send + 'static,
    {
        let begin = self.begin;
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            // A caller that has gone does not want its answer.
            let _ = reply.send(in_transaction(conn, begin, work));
        });
        let ended = || StoreError::Unavailable("the database is closed".to_owned());
        let jobs = self.jobs.as_ref().ok_or_else(ended)?;
        self.gauges.waiting.inc();
        if let Err(refused) = jobs.try_send(job) {
            self.gauges.waiting.dec();
            return Err(match refused {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => ended(),
            });
        }
        let lost = |_| StoreError::OutcomeUnknown("the database thread ended".to_owned());
        answer.await.map_err(lost)?
    }
}

/// Waits until everything that was asked for is done and the file is let go.
impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a database thread ended by a panic");
            }
        }
    }
}

struct Worker {
    connection: SqliteConnection,
    opener: Opener,
    gauges: Gauges,
}

impl Worker {
    fn run(mut self, waiting: &Mutex<mpsc::Receiver<Job>>) {
        self.gauges.idle.inc();
        while let Some(job) = next(waiting) {
            self.gauges.waiting.dec();
            self.gauges.idle.dec();
            self.gauges.in_use.inc();
            job(&mut self.connection);
            self.renew_if_broken();
            self.gauges.in_use.dec();
            self.gauges.idle.inc();
        }
        self.gauges.idle.dec();
    }

    /// A connection that did not come out of its transaction cleanly is replaced. While that
    /// fails, so does every transaction on it.
    fn renew_if_broken(&mut self) {
        let status = AnsiTransactionManager::transaction_manager_status_mut(&mut self.connection);
        if matches!(status.transaction_depth(), Ok(None)) {
            return;
        }
        match self.opener.open() {
            Ok(connection) => self.connection = connection,
            Err(error) => tracing::error!(%error, "a broken connection could not be replaced"),
        }
    }
}

fn next(waiting: &Mutex<mpsc::Receiver<Job>>) -> Option<Job> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}

fn in_transaction<T>(
    conn: &mut SqliteConnection,
    begin: &str,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, SqlError>,
) -> Result<T, StoreError> {
    AnsiTransactionManager::begin_transaction_sql(conn, begin).map_err(SqlError::Diesel)?;
    let panicked = |_| Err(StoreError::Internal("the work panicked".to_owned()).into());
    match catch_unwind(AssertUnwindSafe(|| work(conn))).unwrap_or_else(panicked) {
        Ok(value) => {
            // What a failed commit wrote may still turn up after a crash.
            let unknown = |error: diesel::result::Error| StoreError::OutcomeUnknown(error.to_string());
            AnsiTransactionManager::commit_transaction(conn).map_err(unknown)?;
            Ok(value)
        }
        Err(error) => {
            if let Err(error) = AnsiTransactionManager::rollback_transaction(conn) {
                tracing::warn!(%error, "SQLite had rolled back by itself");
            }
            Err(error.into())
        }
    }
}

#[cfg(test)]
mod tests;
