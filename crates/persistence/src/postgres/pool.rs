//! The connections, and who may use one for how long.

use super::{
    address::{Address, CONNECT_TIMEOUT},
    error::{Failure, OpenError},
};
use crate::metrics::StoreMetrics;
use deadpool::{
    Runtime,
    managed::{Hook, HookError, Object, PoolError, QueueMode},
};
use diesel_async::{
    AsyncPgConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool as diesel_deadpool},
};
use frontrow_domain::outcome::StoreError;
use futures_util::FutureExt;
use std::time::Duration;

/// How long a call waits for a connection before it is told that there is too much to do.
const WAIT: Duration = Duration::from_millis(500);

/// How old a connection gets: its cached plans and its way to the server age with it.
const MOST_AGE: Duration = Duration::from_secs(15 * 60);

type Manager = AsyncDieselConnectionManager<AsyncPgConnection>;

/// A bounded number of connections.
pub(super) struct Pool {
    connections: diesel_deadpool::Pool<AsyncPgConnection>,
    metrics: StoreMetrics,
}

impl Pool {
    /// A pool that opens its connections when they are needed.
    pub(super) fn new(address: &Address, size: usize, metrics: StoreMetrics) -> Result<Self, OpenError> {
        let address = address.for_requests();
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(move |_| {
            let address = address.clone();
            async move { set_up(address.connect().await?).await }.boxed()
        });
        // The manager's own URL is not used: it would be handed to every connection attempt.
        let manager = Manager::new_with_config(String::new(), config);
        let connections = diesel_deadpool::Pool::builder(manager)
            .max_size(size.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .recycle_timeout(Some(CONNECT_TIMEOUT))
            // The last one used is the one whose plans and caches are warm.
            .queue_mode(QueueMode::Lifo)
            .pre_recycle(Hook::sync_fn(|_, metrics| {
                if metrics.age() < MOST_AGE {
                    Ok(())
                } else {
                    Err(HookError::message("old"))
                }
            }))
            .build()
            .map_err(|error| OpenError::Unusable(error.to_string()))?;
        Ok(Self { connections, metrics })
    }

    /// A connection for one transaction or query.
    pub(super) async fn lease(&self) -> Result<Lease, Failure> {
        self.observe();
        let connection = self.connections.get().await.map_err(|error| match error {
            PoolError::Timeout(deadpool::managed::TimeoutType::Wait) => Failure::Final(StoreError::Overloaded),
            PoolError::Timeout(_) => Failure::unavailable("the database does not answer"),
            PoolError::Backend(error) => Failure::unavailable(error.to_string()),
            PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Failure::defect(error.to_string())
            }
        })?;
        self.observe();
        Ok(Lease {
            connection: Some(connection),
        })
    }

    fn observe(&self) {
        let status = self.connections.status();
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics
            .in_use()
            .set(gauge(status.size.saturating_sub(status.available)));
        self.metrics.idle().set(gauge(status.available));
        self.metrics.waiting().set(gauge(status.waiting));
    }
}

/// Only a superuser may choose the language of messages; for all others it is the server's.
async fn set_up(connection: AsyncPgConnection) -> diesel::ConnectionResult<AsyncPgConnection> {
    use diesel_async::SimpleAsyncConnection;
    let mut connection = connection;
    connection
        .batch_execute(
            "SELECT set_config('lc_messages', 'C', false) FROM pg_roles WHERE rolname = current_user AND rolsuper",
        )
        .await
        .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// A connection in use. Dropped without [`Self::give_back`] it is closed: whoever dropped it may
/// have left a transaction open or an answer unread.
pub(super) struct Lease {
    connection: Option<Object<Manager>>,
}

impl Lease {
    /// The connection, which takes statements in parallel and runs them in order.
    pub(super) fn connection(&self) -> Result<&AsyncPgConnection, Failure> {
        self.connection
            .as_deref()
            .ok_or_else(|| Failure::defect("a connection was used after its end"))
    }

    /// Lets others use the connection: no transaction is open and no answer is missing.
    pub(super) fn give_back(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
        }
    }
}
