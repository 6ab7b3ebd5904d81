//! The HTTP contract over real sockets, with everything in memory behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authorization;
mod bodies;
mod documented;
mod house;
mod idempotency;
mod lists;
mod order;
mod seats;
mod story;
