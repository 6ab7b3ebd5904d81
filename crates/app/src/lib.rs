//! Everything around the server: command line, settings, wiring, workers and shutdown.
