//! The HTTP contract of frontrow: routes, credentials, problems and the `OpenAPI` document.
//!
//! How a program serves it:
//!
//! ```ignore
//! let mut registry = Registry::default();
//! let metrics = HttpMetrics::register(&mut registry);      // and the program's own metrics
//! let api = Api::new(Parts { storage, payments, policy, clock, secret, operator_key, runtime,
//!                            registry: Arc::new(registry), metrics, settings });
//! let server = Server::bind("127.0.0.1:0", workers, &api)?; // on a tokio runtime
//! println!("listening on http://{}", server.local_addr()?);
//! let stopper = server.stopper();                           // on a signal: api.drain();
//! server.run_until_stopped().await?;                        // then stopper.stop().await
//! ```
//!
//! [`routes`] is the URL table. Each resource has a file with its handlers, in which the order of
//! the lines is the order of the checks: credential, body, then the row's own, which the domain
//! decides. [`code`] is the table of all errors.

mod admin;
mod api;
mod code;
mod concerts;
mod credentials;
mod dates;
mod docs;
mod edge;
mod endpoint;
mod extract;
mod health;
mod limits;
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
mod users;
mod wallets;
mod wire;

pub use api::{Api, Parts, Settings};
pub use credentials::{AccessToken, OperatorSecret, RootSecret, Signer, UnusableOperatorKey, WeakSecret};
pub use metrics::HttpMetrics;
pub use openapi::openapi_json;
pub use proxies::{InvalidNetwork, TrustedProxies};
pub use server::{Server, Stopper};

use limits::Limits;
