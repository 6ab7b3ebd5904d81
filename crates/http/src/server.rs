//! Listening, serving, and stopping without cutting anyone off.

use crate::{
    api::{Api, Worker},
    edge, routes,
};
#[cfg(target_os = "linux")]
use actix_web::rt::net::TcpStream;
use actix_web::{
    App, HttpServer,
    dev::{Server as ActixServer, ServerHandle},
    middleware::from_fn,
};
#[cfg(target_os = "linux")]
use socket2::SockRef;
use std::{
    any::Any,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an idle connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to acknowledge what it was sent. One that has gone without a word, or
/// never reads, would otherwise keep its connection for a quarter of an hour.
#[cfg(target_os = "linux")]
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long what was begun may take to end when stopping, in seconds; longer than any
/// request that has arrived, but for an audit.
const SHUTDOWN_SECONDS: u64 = 10;

/// A server that listens. Nothing is answered until it [runs](Self::run_until_stopped).
pub struct Server {
    addresses: Vec<SocketAddr>,
    server: ActixServer,
}

impl Server {
    /// Listens on `listen` (port 0 picks a free one) with `workers` threads. Must be called on a
    /// tokio runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn bind(listen: impl ToSocketAddrs, workers: usize, api: &Arc<Api>) -> io::Result<Self> {
        let api = api.clone();
        let app = move || {
            App::new()
                .app_data(Worker::new(api.clone()))
                .wrap(from_fn(edge::edge))
                .configure(routes::configure)
        };
        let server = HttpServer::new(app)
            .workers(workers.max(1))
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_TIMEOUT)
            // A client that has hung up reads no more events.
            .h1_allow_half_closed(false)
            .on_connect(|connection, _| give_up_on_the_silent(connection))
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .bind(listen)?;
        Ok(Self {
            addresses: server.addrs(),
            server: server.run(),
        })
    }

    /// Where it listens; with several, the first.
    ///
    /// # Errors
    /// When it listens nowhere.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.addresses
            .first()
            .copied()
            .ok_or_else(|| io::Error::other("the server listens nowhere"))
    }

    /// A way to stop the server from elsewhere.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.server.handle())
    }

    /// Serves until it is stopped.
    ///
    /// # Errors
    /// When the server breaks.
    pub async fn run_until_stopped(self) -> io::Result<()> {
        self.server.await
    }
}

/// Limits how long what was sent may stay unread.
#[cfg(target_os = "linux")]
fn give_up_on_the_silent(connection: &dyn Any) {
    if let Some(connection) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(connection).set_tcp_user_timeout(Some(UNREAD_TIMEOUT))
    {
        tracing::debug!(%error, "a connection has no time limit for what is unread");
    }
}

/// The system decides how long what was sent may stay unread.
#[cfg(not(target_os = "linux"))]
fn give_up_on_the_silent(_connection: &dyn Any) {}

/// Stops a [`Server`].
#[derive(Clone)]
pub struct Stopper(ServerHandle);

impl Stopper {
    /// Accepts no more connections, lets the requests that were begun end, and stops.
    pub async fn stop(&self) {
        self.0.stop(true).await;
    }
}
