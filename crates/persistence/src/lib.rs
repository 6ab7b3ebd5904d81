//! The PostgreSQL and SQLite adapters: load, let the domain decide, store, a whole batch at a time.

mod codec;
pub mod group_commit;
pub mod metrics;
#[cfg(feature = "postgres")]
pub mod postgres;
mod sold_out;
#[cfg(feature = "sqlite")]
pub mod sqlite;
