//! The adapters keep the promises of every port, and a few of their own.

#[cfg(feature = "sqlite")]
mod sqlite;
