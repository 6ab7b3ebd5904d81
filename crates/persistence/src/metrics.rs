//! What a storage tells about itself.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::time::Duration;

/// The figures of one storage. Copies count into the same figures.
#[derive(Debug, Clone)]
pub struct StoreMetrics {
    lane_depth: Family<LaneLabel, Gauge>,
    batch_size: Histogram,
    decide_seconds: Histogram,
    retries: Family<RetryLabel, Counter>,
    connections: Family<ConnectionLabel, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabel {
    state: &'static str,
}

impl Default for StoreMetrics {
    fn default() -> Self {
        Self {
            lane_depth: Family::default(),
            batch_size: Histogram::new(exponential_buckets(1.0, 2.0, 10)),
            decide_seconds: Histogram::new(exponential_buckets(0.000_5, 2.0, 14)),
            retries: Family::default(),
            connections: Family::default(),
        }
    }
}

impl StoreMetrics {
    /// Shows the figures in a registry.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "store_lane_depth",
            "Commands that wait in a lane of the group commit",
            self.lane_depth.clone(),
        );
        registry.register(
            "store_batch_size",
            "Commands decided in one transaction",
            self.batch_size.clone(),
        );
        registry.register_with_unit(
            "store_decide",
            "Time from taking a batch to its durable verdicts",
            Unit::Seconds,
            self.decide_seconds.clone(),
        );
        registry.register(
            "store_retries",
            "Transactions run again, by reason",
            self.retries.clone(),
        );
        registry.register(
            "store_connections",
            "Connections in use and idle, and calls that wait for one",
            self.connections.clone(),
        );
    }

    /// The gauge of commands that wait in this lane.
    #[must_use]
    pub fn lane(&self, lane: usize) -> Gauge {
        self.lane_depth.get_or_create_owned(&LaneLabel { lane: lane as u64 })
    }

    /// Counts a batch that was decided.
    pub fn decided(&self, commands: usize, took: Duration) {
        self.batch_size
            .observe(u32::try_from(commands).map_or(f64::MAX, f64::from));
        self.decide_seconds.observe(took.as_secs_f64());
    }

    /// Counts a transaction that is run again.
    pub fn retried(&self, reason: &'static str) {
        self.retries.get_or_create(&RetryLabel { reason }).inc();
    }

    /// The gauge of connections that are working.
    #[must_use]
    pub fn in_use(&self) -> Gauge {
        self.connections_that_are("in_use")
    }

    /// The gauge of connections that are open and have nothing to do.
    #[must_use]
    pub fn idle(&self) -> Gauge {
        self.connections_that_are("idle")
    }

    /// The gauge of calls that wait for a connection.
    #[must_use]
    pub fn waiting(&self) -> Gauge {
        self.connections_that_are("waiting")
    }

    fn connections_that_are(&self, state: &'static str) -> Gauge {
        self.connections.get_or_create_owned(&ConnectionLabel { state })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn every_figure_shows_in_the_registry() {
        let metrics = StoreMetrics::default();
        let mut registry = Registry::with_prefix("frontrow");
        metrics.register(&mut registry);
        metrics.lane(1).inc();
        metrics.decided(3, Duration::from_millis(2));
        metrics.retried("outcome_unknown");
        metrics.in_use().set(1);
        metrics.idle().set(2);
        metrics.waiting().set(4);

        let mut text = String::new();
        encode(&mut text, &registry).unwrap();

        for line in [
            "frontrow_store_lane_depth{lane=\"1\"} 1",
            "frontrow_store_batch_size_sum 3.0",
            "frontrow_store_decide_seconds_count 1",
            "frontrow_store_retries_total{reason=\"outcome_unknown\"} 1",
            "frontrow_store_connections{state=\"in_use\"} 1",
            "frontrow_store_connections{state=\"idle\"} 2",
            "frontrow_store_connections{state=\"waiting\"} 4",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is not in\n{text}");
        }
    }
}
