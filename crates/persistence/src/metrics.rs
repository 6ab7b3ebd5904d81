//! What the adapters measure.
