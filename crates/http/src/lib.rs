//! The HTTP contract of frontrow: routes, credentials, problems and the `OpenAPI` document.
//!
//! How a program serves it:
//!
//! ```no_run
//! # use frontrow_http::{Api, Parts, Server};
//! # async fn serve(parts: Parts, stop_signal: impl Future + Send + 'static) -> std::io::Result<()> {
//! // `parts` names what is needed: the storage's ports, payments, secrets, settings, a registry in
//! // which `HttpMetrics::register` has registered, and the runtime that storage calls run on.
//! let api = Api::new(parts);
//! let server = Server::bind("127.0.0.1:0", 2, &api)?; // on a tokio runtime
//! println!("listening on http://{}", server.local_addr()?);
//! let stopper = server.stopper();
//! tokio::spawn(async move {
//!     stop_signal.await;
//!     api.drain(); // readiness turns red, clients are told to connect elsewhere
//!     stopper.stop().await; // what was begun ends first
//! });
//! server.run_until_stopped().await
//! # }
//! ```
//!
//! `routes.rs` is the URL table. Each resource has a file with its handlers, in which the order of
//! the lines is the order of the checks: credential, body, then the row's own, which the domain
//! decides. `code.rs` is the table of all errors.

mod admin;
mod api;
mod code;
mod concerts;
mod credentials;
mod dates;
mod desk;
mod docs;
mod edge;
mod endpoint;
mod extract;
mod fresh;
mod gather;
mod health;
mod limits;
mod lock;
mod metrics;
mod openapi;
mod payments;
mod problem;
mod proxies;
mod queue;
mod refusals;
mod reservations;
mod routes;
mod seats;
mod server;
mod streams;
mod users;
mod wallets;
mod wire;

pub use api::{Api, Parts, Settings};
pub use credentials::{OperatorSecret, RootSecret, UnusableOperatorKey, WeakSecret};
pub use metrics::HttpMetrics;
pub use openapi::openapi_json;
pub use proxies::{InvalidNetwork, TrustedProxies};
pub use server::{Server, Stopper};

use limits::Limits;
