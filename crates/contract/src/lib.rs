//! The promises of every port as tests, run by the memory, SQLite and PostgreSQL adapters alike.
//!
//! An adapter has one test binary, `tests/contract.rs`, that says how to make a storage and lets
//! the macro expand to one test a promise:
//!
//! ```ignore
//! use frontrow_contract::{Fixture, contract_suite};
//! use frontrow_domain::{policy::Policy, storage::Storage};
//! use time::Duration;
//!
//! struct OnMyAdapter { /* clock, temporary database, … */ }
//!
//! #[async_trait::async_trait]
//! impl Fixture for OnMyAdapter {
//!     async fn storage(&self, policy: Policy) -> Storage { /* empty, and this test's own */ }
//!     async fn pass(&self, time: Duration) { /* move the clock, or wait */ }
//!     fn steers_time(&self) -> bool { /* whether `pass` costs no real time */ }
//! }
//!
//! // Evaluated once a test, in an async context: `OnMyAdapter::start().await` is fine.
//! contract_suite!(OnMyAdapter::new());
//! ```
//!
//! The tests are `seating::a_lapsed_hold_is_a_free_seat` and the like, each on a multi-thread
//! runtime; the adapter's crate needs `tokio` and `time`. Whatever a fixture made goes when it is
//! dropped.

#[expect(missing_docs, reason = "a promise is named after what it promises")]
pub mod seating;
mod stage;

pub use stage::{Fan, Plan, Show, Stage};

use async_trait::async_trait;
use frontrow_domain::{policy::Policy, storage::Storage};
use time::Duration;

/// How an adapter is put under test.
#[async_trait]
pub trait Fixture: Send + Sync + Sized + 'static {
    /// Makes an empty storage with this policy, isolated from every other test's. Called once a
    /// test; the fixture outlives the storage's use.
    async fn storage(&self, policy: Policy) -> Storage;

    /// Lets at least this much time pass on the storage's clock: exactly this much where the
    /// clock is moved by hand. Time that is waited for is short and asked for seldom.
    async fn pass(&self, time: Duration);

    /// Whether the clock moves by [`Self::pass`] alone. Promises about an exact instant, or about
    /// what happens after hours, are only checked where it does.
    fn steers_time(&self) -> bool;

    /// Called right before this many contenders make one call each at the same time. A control
    /// uses it to make them all act on what they read before any of them wrote.
    fn about_to_race(&self, _contenders: usize) {}
}

/// Expands to the tests of every promise, on what the expression makes.
#[macro_export]
macro_rules! contract_suite {
    ($fixture:expr) => {
        $crate::every_promise! { $crate::expand_promises, $fixture }
    };
}

/// Names every promise to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! every_promise {
    ($then:path, $fixture:expr) => {
        $then! {
            $fixture;
            seating {
                a_hold_is_stored_in_full
                a_hold_takes_all_its_seats_or_none
                each_reason_not_to_hold_is_named_and_leaves_no_trace
                seats_held_and_bought_count_against_the_limit
                a_bought_seat_counts_when_the_fan_comes_again
                a_lapsed_hold_is_a_free_seat
                the_version_of_a_map_counts_every_visible_change_once
                a_released_seat_is_free_at_once
                each_reason_not_to_release_is_named
                a_hold_keeps_its_token_and_a_release_lets_it_go
                availability_counts_by_the_clock
                what_does_not_exist_has_no_seats
                nothing_is_held_outside_the_booking_window
            }
        }
    };
}

/// One test a promise.
#[doc(hidden)]
#[macro_export]
macro_rules! expand_promises {
    ($fixture:expr; $($concept:ident { $($promise:ident)* })*) => {$(
        mod $concept {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $promise() {
                    $crate::$concept::$promise($fixture).await;
                }
            )*
        }
    )*};
}
