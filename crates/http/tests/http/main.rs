//! The HTTP contract over real sockets, with everything in memory behind it.

mod house;
mod story;
