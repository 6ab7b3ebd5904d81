//! The HTTP contract over real sockets, with everything in memory behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod authorization;
mod documented;
mod house;
mod story;
