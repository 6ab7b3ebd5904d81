//! `frontrow serve`: open the storage, listen, work in the background, and stop without losing anything.

use crate::{
    failure::Failure,
    gauges::{GateGauges, Leads, ViewAge},
    output::say,
    secret,
    settings::Settings,
    shutdown::Signals,
    wiring::{self, OpenStorage, Purpose},
    workers::Workers,
};
use frontrow_domain::{
    clock::SystemClock, leadership::service::Candidate, payment::service::Payments, storage::Storage,
};
use frontrow_http::{Api, HttpMetrics, OperatorSecret, Parts, Server};
use frontrow_persistence::metrics::StoreMetrics;
use prometheus_client::registry::Registry;
use secrecy::ExposeSecret as _;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::runtime::Handle;
use tracing::{info, warn};

/// How long background work may take to end. Requests have ten seconds before it, lanes three after it: exit within 15.
const WORKERS_END: Duration = Duration::from_secs(1);
/// A lease that is not given up by then lapses soon anyway.
const RESIGNED: Duration = Duration::from_millis(500);
const LANES_END: Duration = Duration::from_secs(3);

/// Serves until a signal comes.
///
/// # Errors
/// Whatever is in the way of a start, in one line.
pub async fn serve(settings: &Settings) -> Result<(), Failure> {
    settings.check_serving()?;
    let signals = Signals::take().map_err(|error| Failure::Runtime(format!("no signals: {error}")))?;
    let running = Running::start(settings).await?;
    running.announce()?;
    running.until_stopped(signals).await
}

/// A server that has been started.
pub struct Running {
    address: SocketAddr,
    api: Arc<Api>,
    server: Server,
    workers: Workers,
    open: OpenStorage,
}

impl Running {
    /// Starts everything; the server answers once [`Self::until_stopped`] is awaited.
    ///
    /// # Errors
    /// Whatever is in the way, in one line.
    pub async fn start(settings: &Settings) -> Result<Self, Failure> {
        let mut registry = Registry::default();
        let metrics = HttpMetrics::register(&mut registry);
        let gauges = GateGauges::registered(&mut registry);
        let store_metrics = StoreMetrics::default();
        store_metrics.register(registry.sub_registry_with_prefix("frontrow"));

        let open = OpenStorage::open(settings, Purpose::Serve, &store_metrics).await?;
        let storage = open.storage.clone();
        registry.register_collector(Box::new(ViewAge(open.views.clone())));
        let candidate = Arc::new(Candidate::new(storage.leadership.clone()));
        registry.register_collector(Box::new(Leads(candidate.clone())));
        let root = secret::of(&settings.secret, &settings.storage)?;
        let provider = wiring::provider(settings.payments);
        let api = Api::new(Parts {
            storage: storage.clone(),
            views: open.views.clone(),
            payments: Payments::new(storage.decisions.clone(), provider),
            policy: settings.policy,
            clock: Arc::new(SystemClock),
            secret: root,
            operator_key: operator_key(settings),
            runtime: Handle::current(),
            registry: Arc::new(registry),
            metrics: metrics.clone(),
            settings: frontrow_http::Settings {
                open_sign_up: settings.open_signup,
                access_token_life: settings.access_token_life,
                rate_limits: settings.rate_limits,
                trusted_proxies: settings.trusted_proxies.clone(),
                streams: settings.streams,
                streams_per_caller: settings.streams_per_caller,
                ..frontrow_http::Settings::default()
            },
        });
        let listen = settings.listen;
        let blocked = |error: io::Error| Failure::Runtime(format!("cannot listen on {listen}: {error}"));
        let server = Server::bind(listen, settings.workers, &api).map_err(blocked)?;
        let address = server.local_addr().map_err(blocked)?;
        let views = open.views.clone();
        let workers = Workers::start(&storage, candidate, views, gauges, metrics, settings.audit_every);
        Ok(Self {
            address,
            api,
            server,
            workers,
            open,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The storage it serves from.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.open.storage
    }

    /// Says on stdout that callers are welcome.
    ///
    /// # Errors
    /// When stdout takes no more.
    pub fn announce(&self) -> Result<(), Failure> {
        say(&format!("listening on http://{}\n", self.address))
    }

    /// Serves until a signal comes, then finishes what was begun; a second signal ends it at once.
    ///
    /// # Errors
    /// When the server breaks, or was ended before it had finished.
    pub async fn until_stopped(self, mut signals: Signals) -> Result<(), Failure> {
        let stopper = self.server.stopper();
        let mut serving = tokio::spawn(self.server.run_until_stopped());
        let signal = tokio::select! {
            signal = signals.next() => signal,
            ended = &mut serving => {
                let why = ended.map_or_else(|error| error.to_string(), |end| format!("{end:?}"));
                return Err(Failure::Runtime(format!("the server ended by itself: {why}")));
            }
        };
        info!(signal, "stopping: finishing what was begun");
        self.api.drain();
        let finish = async {
            tokio::join!(self.workers.resign(RESIGNED), stopper.stop());
            if let Err(error) = serving.await {
                warn!(%error, "the server did not end well");
            }
            self.workers.stop(WORKERS_END).await;
            if tokio::time::timeout(LANES_END, self.open.close()).await.is_err() {
                warn!("the lanes did not end in time");
            }
        };
        tokio::select! {
            () = finish => {
                info!("stopped");
                Ok(())
            }
            again = signals.next() => Err(Failure::Runtime(format!("{again} again: ended at once"))),
        }
    }
}

/// The settings' operator key, which was checked when they were read.
fn operator_key(settings: &Settings) -> Option<OperatorSecret> {
    let key = settings.operator_key.as_ref()?;
    OperatorSecret::from_text(key.expose_secret()).ok()
}
