//! The harness of the end-to-end tests: it starts the real `frontrow` binary on a storage of its own and talks to it as
//! clients do, over HTTP, knowing nothing but the contract.
//!
//! ```no_run
//! # async fn story() {
//! use e2e::{Deployment, Performance, Storage};
//!
//! let server = Deployment::on(Storage::Memory).with("HOLD_SECONDS", "2").start().await;
//! let show = server.stage(&Performance::of_seats(50)).await;
//! let mut fan = server.fan("Mina").await;
//! fan.enter(&show).await;
//! fan.hold(&show, &[1, 2]).await.expect(201);
//! fan.hold(&show, &[2, 3]).await.problem(409, "seat_already_reserved");
//! server.finish().await;
//! # }
//! ```
//!
//! Every answer is held against the contract's conventions when it arrives: the shape of problems, of times, ids and
//! amounts. A mismatch panics with the whole exchange; a test that fails prints what its servers wrote to stderr.
//! Processes, folders and databases go with the values that own them.

mod answer;
mod binary;
mod call;
mod conventions;
mod deployment;
mod events;
mod fan;
mod forge;
mod operator;
mod partition;
mod server;
mod storage;
mod when;

pub use answer::{Answer, sorted_fields};
pub use binary::binary;
pub use call::{Call, Client};
pub use deployment::Deployment;
pub use events::{Event, Events};
pub use fan::Fan;
pub use forge::{forged, unknown_id};
pub use operator::{Operator, Performance, Show};
pub use partition::Partition;
pub use reqwest::Method;
pub use server::Server;
pub use storage::Storage;
pub use when::{PATIENCE, date_of, eventually, instant, moment, now};

/// Makes three tests of each story, one per storage: `story::memory`, `story::sqlite` and `story::postgres`.
///
/// A story is an `async fn(Deployment)` beside the call.
#[macro_export]
macro_rules! on_every_storage {
    ($($story:ident),+ $(,)?) => { $crate::tell! { $($story {})+ } };
}

/// The same, and `story::three_instances`, where each call goes to any of three instances on one PostgreSQL.
#[macro_export]
macro_rules! on_every_deployment {
    ($($story:ident),+ $(,)?) => {
        $crate::tell! {
            $($story {
                #[tokio::test]
                async fn three_instances() {
                    let deployment = $crate::Deployment::on($crate::Storage::Postgres).on_instances(3);
                    Box::pin(super::$story(deployment)).await;
                }
            })+
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! tell {
    ($($story:ident { $($more:tt)* })+) => {$(
        mod $story {
            $($more)*

            #[tokio::test]
            async fn memory() {
                Box::pin(super::$story($crate::Deployment::on($crate::Storage::Memory))).await;
            }

            #[tokio::test]
            async fn sqlite() {
                Box::pin(super::$story($crate::Deployment::on($crate::Storage::Sqlite))).await;
            }

            #[tokio::test]
            async fn postgres() {
                Box::pin(super::$story($crate::Deployment::on($crate::Storage::Postgres))).await;
            }
        }
    )+};
}
