//! One file per command.

pub mod audit;
pub mod demo;
pub mod keys;
pub mod migrate;
pub mod rehearse;
pub mod serve;
