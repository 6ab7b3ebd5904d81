//! The PostgreSQL and SQLite adapters: load, let the domain decide, store, a whole batch at a time.
