//! The HTTP contract over real sockets, with everything in memory behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod authorization;
mod bodies;
mod client;
mod documented;
mod house;
mod idempotency;
mod let_through;
mod limits;
mod lists;
mod order;
mod outlook;
mod polls;
mod queue;
mod raw;
mod resilience;
mod seats;
mod story;
mod streams;
