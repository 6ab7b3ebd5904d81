//! What all workers of one process share.

use crate::{
    HttpMetrics, Limits, OperatorSecret, RootSecret, TrustedProxies, code::Code, credentials::Signer, problem::Problem,
};
use frontrow_domain::{
    catalog::service::Catalog,
    clock::Clock,
    decision::{Command, Decide, Verdict, decide_one},
    outcome::StoreError,
    payment::service::Payments,
    policy::Policy,
    storage::Storage,
};
use prometheus_client::registry::Registry;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Handle;

/// How long a call may take on storage's side before its caller is told that the outcome is not
/// known yet. Longer than a payment provider may take.
const DEADLINE: Duration = Duration::from_millis(4_500);

/// How long the audit may take: it reads everything.
const AUDIT_DEADLINE: Duration = Duration::from_secs(60);

/// How long storage may take to show that it answers.
const PING_DEADLINE: Duration = Duration::from_secs(1);

/// What the HTTP side needs from the rest of the program.
pub struct Parts {
    /// The ports of the storage.
    pub storage: Storage,
    /// Paying and charging, with the deployment's provider.
    pub payments: Payments,
    /// The deployment's settings that rules depend on; the same that storage decides by.
    pub policy: Policy,
    /// Dates the access tokens.
    pub clock: Arc<dyn Clock>,
    /// The root key of all signatures.
    pub secret: RootSecret,
    /// A bootstrap operator key with every scope.
    pub operator_key: Option<OperatorSecret>,
    /// A multi-thread runtime, on which everything that touches storage runs: a client that hangs
    /// up, or a worker that stops, never cancels it half way.
    pub runtime: Handle,
    /// What `GET /metrics` shows; `metrics` is registered in it.
    pub registry: Arc<Registry>,
    /// Counts requests.
    pub metrics: HttpMetrics,
    /// How this deployment treats callers.
    pub settings: Settings,
}

/// How a deployment treats callers (SPEC §6).
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether anyone may sign up.
    pub open_sign_up: bool,
    /// How long an access token lives.
    pub access_token_life: time::Duration,
    /// Whether callers are limited in what they ask per minute.
    pub rate_limits: bool,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// How many requests may be in flight before more are turned away at once.
    pub most_in_flight: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            open_sign_up: false,
            access_token_life: time::Duration::days(30),
            rate_limits: true,
            trusted_proxies: TrustedProxies::default(),
            most_in_flight: 4_096,
        }
    }
}

/// The HTTP side of one process.
pub struct Api {
    pub(crate) storage: Storage,
    pub(crate) payments: Payments,
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Signer,
    pub(crate) operator_key: Option<OperatorSecret>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: HttpMetrics,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    runtime: Handle,
    in_flight: AtomicUsize,
    draining: AtomicBool,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            catalog: Catalog::new(parts.storage.catalog.clone()),
            storage: parts.storage,
            payments: parts.payments,
            policy: parts.policy,
            clock: parts.clock,
            signer: Signer::new(&parts.secret),
            operator_key: parts.operator_key,
            registry: parts.registry,
            metrics: parts.metrics,
            limits: Limits::new(parts.settings.rate_limits),
            settings: parts.settings,
            runtime: parts.runtime,
            in_flight: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
        })
    }

    /// Turns readiness red, so that a load balancer sends no new callers; those who come are
    /// still served. Call it first when shutting down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Decides one command. The decision is carried out even if the caller has gone.
    pub(crate) async fn decide<C>(self: &Arc<Self>, command: C) -> Result<C::Verdict, Problem>
    where
        C: Decide + Into<Command> + Send + 'static,
        C::Verdict: TryFrom<Verdict> + Send + 'static,
    {
        self.write(|api| async move { decide_one(&*api.storage.decisions, command).await })
            .await
    }

    /// Runs what changes something to its end, whatever becomes of the caller. A caller who is
    /// told nothing in time is told that.
    pub(crate) async fn write<T, F>(self: &Arc<Self>, work: impl FnOnce(Arc<Self>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let late = || StoreError::OutcomeUnknown("no verdict in time".to_owned());
        self.run(DEADLINE, late, work).await
    }

    /// Asks storage.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, work: impl FnOnce(Arc<Self>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let late = || StoreError::Unavailable("no answer in time".to_owned());
        self.run(DEADLINE, late, work).await
    }

    /// Asks storage for more than a caller usually would.
    pub(crate) async fn read_all<T, F>(self: &Arc<Self>, work: impl FnOnce(Arc<Self>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let late = || StoreError::Unavailable("no answer in time".to_owned());
        self.run(AUDIT_DEADLINE, late, work).await
    }

    /// Whether storage answers soon.
    pub(crate) async fn is_storage_up(self: &Arc<Self>) -> bool {
        let late = || StoreError::Unavailable("no answer in time".to_owned());
        let ping = |api: Arc<Self>| async move { api.storage.books.ping().await };
        self.run(PING_DEADLINE, late, ping).await.is_ok()
    }

    async fn run<T, F>(
        self: &Arc<Self>,
        deadline: Duration,
        late: impl FnOnce() -> StoreError,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = self.runtime.spawn(work(self.clone()));
        let outcome = match tokio::time::timeout(deadline, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(broken)) => Err(StoreError::Internal(broken.to_string())),
            Err(_) => Err(late()),
        };
        outcome.map_err(Problem::from)
    }

    /// Counts a request in; `None` when too many are in flight already.
    pub(crate) fn admit_request(self: &Arc<Self>) -> Option<InFlight> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let admitted = InFlight(self.clone());
        self.metrics.in_flight.inc();
        (before < self.settings.most_in_flight).then_some(admitted)
    }
}

/// A request that is being worked on.
pub(crate) struct InFlight(Arc<Api>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.in_flight.dec();
    }
}

/// What storage could not do, as clients see it; the reason goes to the log alone.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::new(Code::Overloaded, "there is more to do than can be done soon"),
            StoreError::Unavailable(reason) => {
                tracing::warn!(%reason, "the storage is unavailable");
                Self::new(Code::StorageUnavailable, "nothing was changed")
            }
            StoreError::OutcomeUnknown(reason) => {
                tracing::warn!(%reason, "the outcome of a write is unknown");
                Self::new(
                    Code::OutcomeUnknown,
                    "repeat the request with the same Idempotency-Key to find out",
                )
            }
            StoreError::Internal(reason) => {
                tracing::error!(%reason, "a defect");
                Self::new(
                    Code::Internal,
                    "the request could not be answered; it is logged under its request_id",
                )
            }
        }
    }
}
