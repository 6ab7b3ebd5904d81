//! The promises of every port as tests, run by the memory, SQLite and PostgreSQL adapters alike.
