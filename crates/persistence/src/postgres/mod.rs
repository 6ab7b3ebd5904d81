//! The PostgreSQL adapter.
//!
//! - READ COMMITTED with explicit locks, all of them in `locks.rs`, in one order.
//! - What a lock protects is read in a later statement than the lock; so is the clock.
//! - One statement a table, one round trip a phase: see `decisions.rs`.
//! - Every piece of work runs to its end on the runtime that the adapter was made on. A caller
//!   that goes away loses its answer, never half a transaction.

mod address;
mod assemble;
mod attendant;
mod books;
mod catalog;
mod decisions;
mod deployment;
mod error;
mod grouped;
mod identity;
mod leadership;
mod load;
mod locks;
mod migrate;
mod payment;
mod pool;
mod queue;
mod records;
mod retry;
mod rows;
mod schema;
mod seating;
mod sql;
mod stats;
mod store;
mod store_catalog;
mod store_money;
mod store_seating;
mod sweep;
mod transaction;
mod wallet;

pub use error::OpenError;
pub use migrate::migrate;

use crate::{metrics::StoreMetrics, sold_out::SoldOut};
use address::Address;
use error::Failure;
use frontrow_domain::{outcome::StoreError, policy::Policy};
use futures_util::future::BoxFuture;
use pool::{Lease, Pool};
use retry::Retry;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use transaction::{CommitError, Mode};

/// How long a query may take.
const DEADLINE: Duration = Duration::from_secs(3);

/// How to use a database.
#[derive(Clone)]
pub struct PostgresSettings {
    /// `postgres://user:password@host:port/database`, or the same as `key=value` pairs.
    pub url: String,
    /// The deployment's settings.
    pub policy: Policy,
    /// How many connections there are at the most.
    pub pool_size: usize,
    /// Whether to bring the schema up to date; otherwise it has to be.
    pub migrate: bool,
    /// Where retries and connections are counted.
    pub metrics: StoreMetrics,
}

/// A storage in a PostgreSQL database. It implements every port.
pub struct Postgres {
    inner: Arc<Inner>,
    runtime: Handle,
}

struct Inner {
    policy: Policy,
    pool: Pool,
    metrics: StoreMetrics,
    sold_out: SoldOut,
}

impl Postgres {
    /// Opens the database, and brings its schema up to date if the settings say so. All of its
    /// work will run on the current runtime.
    ///
    /// # Errors
    /// When the URL is none, the database cannot be reached, or its schema is not the one this
    /// binary knows.
    pub async fn connect(settings: PostgresSettings) -> Result<Arc<Self>, OpenError> {
        let address = Address::parse(&settings.url)?;
        if settings.migrate {
            migrate::run(&address).await?;
        } else {
            migrate::verify(&address).await?;
        }
        let pool = Pool::new(&address, settings.pool_size, settings.metrics.clone())?;
        let postgres = Self {
            inner: Arc::new(Inner {
                policy: settings.policy,
                pool,
                metrics: settings.metrics,
                sold_out: SoldOut::default(),
            }),
            runtime: Handle::current(),
        };
        deployment::agree(&postgres).await?;
        Ok(Arc::new(postgres))
    }

    /// Runs work to its end, whether or not somebody still waits for it.
    async fn on_own_runtime<T, F, Fut>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<Inner>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let inner = self.inner.clone();
        let done = self.runtime.spawn(async move { work(inner).await }).await;
        done.unwrap_or_else(|error| Err(StoreError::Internal(format!("storage work ended early: {error}"))))
    }

    /// Runs a query that changes nothing or may be repeated; again on a fresh connection when its
    /// own turns out to be broken.
    async fn query<T: Send + 'static>(&self, query: impl Work<T>) -> Result<T, StoreError> {
        self.on_own_runtime(|inner| async move { inner.query(&query).await })
            .await
    }

    /// Runs work that may be repeated in a transaction, again when that fails for a reason that
    /// passes.
    async fn transact<T: Send + 'static>(&self, mode: Mode, work: impl Work<T>) -> Result<T, StoreError> {
        self.on_own_runtime(move |inner| async move { inner.transact(mode, &work).await })
            .await
    }
}

/// Work on a connection.
trait Work<T>: for<'c> Fn(&'c Inner, &'c Lease) -> BoxFuture<'c, Result<T, Failure>> + Send + Sync + 'static {}

impl<T, W> Work<T> for W where
    W: for<'c> Fn(&'c Inner, &'c Lease) -> BoxFuture<'c, Result<T, Failure>> + Send + Sync + 'static
{
}

impl Inner {
    async fn query<T>(&self, query: &impl Work<T>) -> Result<T, StoreError> {
        let mut retry = Retry::new(&self.metrics);
        loop {
            let attempt = async {
                let lease = self.pool.lease().await?;
                match query(self, &lease).await {
                    Ok(answer) => {
                        lease.give_back();
                        Ok(answer)
                    }
                    Err(failure) => Err(transaction::look_after(lease, failure).await),
                }
            };
            match in_time(DEADLINE, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => retry.again_after(failure).await?,
            }
        }
    }

    async fn transact<T>(&self, mode: Mode, work: &impl Work<T>) -> Result<T, StoreError> {
        let mut retry = Retry::new(&self.metrics);
        loop {
            let attempt = async {
                let lease = self.pool.lease().await?;
                let done = match transaction::begin(&lease, mode).await {
                    Ok(()) => work(self, &lease).await,
                    Err(failure) => Err(failure),
                };
                let done = match done {
                    Ok(done) => done,
                    Err(failure) => return Err(transaction::abandon(lease, failure).await),
                };
                match transaction::commit(lease).await {
                    Ok(()) => Ok(done),
                    Err(CommitError::RolledBack(failure)) => Err(failure),
                    Err(CommitError::Unknown(why)) => Err(Failure::lost(why)),
                }
            };
            match in_time(mode.deadline(), attempt).await {
                Ok(done) => return Ok(done),
                Err(failure) => retry.again_after(failure).await?,
            }
        }
    }
}

/// The connection of work that is late is closed with it.
async fn in_time<T>(deadline: Duration, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let late = |_| Err(Failure::unavailable("the database took too long"));
    tokio::time::timeout(deadline, work).await.unwrap_or_else(late)
}
