//! Stories told to the real binary over real sockets.

mod instances;
mod process;
mod races;
mod refusals;
mod seed_000;
