//! What all workers of one process share.

use crate::{
    HttpMetrics, Limits, OperatorSecret, RootSecret, TrustedProxies,
    code::Code,
    credentials::Signer,
    fresh::{FEW, OwnWrites, Shared},
    gather::Gathered,
    metrics::Counts,
    problem::Problem,
    seats::{Rendered, Shape},
    streams::{Halls, Streams, Watchers, watch_gates, watch_insiders},
};
use frontrow_domain::{
    catalog::service::Catalog,
    clock::Clock,
    id::{ConcertId, ScheduleId, TokenId},
    outcome::StoreError,
    payment::service::Payments,
    policy::Policy,
    queue::{TokenRef, TokenStatus, service::GateViews},
    seating::{
        SeatMap,
        port::{Availability, Stock},
    },
    storage::Storage,
};
use prometheus_client::registry::Registry;
use std::{
    rc::Rc,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::runtime::Handle;

/// How many seat maps may be kept for longer than they are of use.
const FEW_MAPS: usize = 8;

/// What the HTTP side needs from the rest of the program.
pub struct Parts {
    /// The ports of the storage.
    pub storage: Storage,
    /// What this instance knows of the lines. Somebody has to keep it up to date, and the decisions
    /// of `storage` have to note in it who leaves.
    pub views: Arc<GateViews>,
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
    /// How many event streams may be open.
    pub streams: usize,
    /// How many of them may be one caller's.
    pub streams_per_caller: usize,
    /// How many requests may be in flight before more are turned away at once.
    pub most_in_flight: usize,
    /// How long a caller waits for storage, all in all, before being told that nobody knows yet.
    /// Longer than a payment provider may take.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            open_sign_up: false,
            access_token_life: time::Duration::days(30),
            rate_limits: true,
            trusted_proxies: TrustedProxies::default(),
            streams: 20_000,
            streams_per_caller: 4,
            most_in_flight: 4_096,
            patience: Duration::from_millis(4_500),
        }
    }
}

/// The HTTP side of one process.
pub struct Api {
    pub(crate) storage: Storage,
    pub(crate) views: Arc<GateViews>,
    pub(crate) payments: Payments,
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) signer: Signer,
    /// The hash of the bootstrap operator key.
    pub(crate) operator_key: Option<[u8; 32]>,
    /// The `OpenAPI` document, once it was asked for.
    pub(crate) document: OnceLock<String>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) metrics: HttpMetrics,
    pub(crate) settings: Settings,
    pub(crate) limits: Limits,
    /// When callers last wrote, for what they may be told from memory.
    pub(crate) writes: OwnWrites,
    /// When callers last claimed the slot behind their place: that changes the place, but no seats.
    pub(crate) claims: OwnWrites,
    /// Asks storage for places in line, for many at once.
    pub(crate) statuses: Gathered<TokenRef, Option<TokenStatus>>,
    /// Places in line as they were a moment ago.
    pub(crate) places: Shared<TokenId, Option<TokenStatus>>,
    /// What there was left of performances a moment ago, for gates that nobody polls.
    pub(crate) stock: Shared<ScheduleId, Option<Stock>>,
    /// What can still be had of a concert, as it was a moment ago.
    pub(crate) availability: Shared<ConcertId, Arc<[Availability]>>,
    /// Seat maps as they were a moment ago. Each can have megabytes.
    pub(crate) seat_maps: Shared<Shape, Arc<Rendered>>,
    /// The seats behind these maps.
    pub(crate) seats: Shared<ScheduleId, Arc<SeatMap>>,
    /// Seats that somebody watches.
    pub(crate) halls: Halls,
    /// The event streams that are open.
    pub(crate) streams: Arc<Streams>,
    /// Who of them is to be called.
    pub(crate) watchers: Arc<Watchers>,
    pub(crate) runtime: Handle,
    draining: AtomicBool,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Arc<Self> {
        let queue = parts.storage.queue.clone();
        let statuses = Gathered::start(&parts.runtime, move |tokens| {
            let queue = queue.clone();
            async move { queue.statuses(tokens).await }
        });
        let api = Arc::new(Self {
            catalog: Catalog::new(parts.storage.catalog.clone()),
            storage: parts.storage,
            views: parts.views,
            payments: parts.payments,
            policy: parts.policy,
            clock: parts.clock,
            signer: Signer::new(&parts.secret),
            operator_key: parts.operator_key.as_ref().map(OperatorSecret::hash),
            document: OnceLock::new(),
            registry: parts.registry,
            metrics: parts.metrics.clone(),
            limits: Limits::new(parts.settings.rate_limits),
            writes: OwnWrites::new(),
            claims: OwnWrites::new(),
            statuses,
            places: Shared::new(FEW),
            stock: Shared::new(FEW),
            availability: Shared::new(FEW),
            seat_maps: Shared::new(FEW_MAPS),
            seats: Shared::new(FEW_MAPS),
            halls: Halls::default(),
            streams: Streams::new(
                parts.settings.streams,
                parts.settings.streams_per_caller,
                parts.metrics.streams,
            ),
            watchers: Arc::default(),
            settings: parts.settings,
            runtime: parts.runtime,
            draining: AtomicBool::new(false),
        });
        api.runtime.spawn(watch_gates(Arc::downgrade(&api)));
        api.runtime.spawn(watch_insiders(Arc::downgrade(&api)));
        api
    }

    /// Turns readiness red, so that a load balancer sends no new callers; those who come are
    /// still served. Event streams end. Call it first when shutting down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
        self.streams.close();
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Runs what touches storage to its end on the runtime, whatever becomes of the caller, and
    /// waits for it as long as `patience` allows.
    pub(crate) async fn run<T, F>(
        self: &Arc<Self>,
        patience: Duration,
        late: StoreError,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let task = self.runtime.spawn(work(self.clone()));
        let outcome = match tokio::time::timeout(patience, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(broken)) => Err(StoreError::Internal(broken.to_string())),
            Err(_) => Err(late),
        };
        outcome.map_err(Problem::from)
    }
}

/// What one worker thread has of the process. Its requests refer to this, and not to what all
/// workers share: counting references takes the other workers' time otherwise.
pub(crate) struct Worker {
    pub(crate) api: Arc<Api>,
    /// What the worker counts into.
    pub(crate) counts: Counts,
}

impl Worker {
    pub(crate) fn new(api: Arc<Api>) -> Rc<Self> {
        let counts = Counts::of(api.metrics.clone());
        Rc::new(Self { api, counts })
    }

    /// Counts a request in; `None` when too many are in flight already.
    pub(crate) fn admit_request(self: &Rc<Self>) -> Option<InFlight> {
        let before = self.api.metrics.in_flight.inc();
        let admitted = InFlight(self.clone());
        let most = i64::try_from(self.api.settings.most_in_flight).unwrap_or(i64::MAX);
        (before < most).then_some(admitted)
    }
}

/// A request that is being worked on.
pub(crate) struct InFlight(Rc<Worker>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.api.metrics.in_flight.dec();
    }
}

/// What storage could not do, as clients see it; the reason goes to the log alone.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::new(Code::Overloaded, "there is more to do than can be done soon"),
            StoreError::Unavailable(reason) => {
                Self::new(Code::StorageUnavailable, "nothing was changed").caused_by(reason)
            }
            StoreError::OutcomeUnknown(reason) => {
                let detail = "it is not known whether this was done; repeat it with the same Idempotency-Key, or look";
                Self::new(Code::OutcomeUnknown, detail).caused_by(reason)
            }
            StoreError::Internal(reason) => Self::defect(reason),
        }
    }
}
