//! Figures for operators: what happens at each gate that sells.

use frontrow_domain::{
    catalog::Schedule,
    clock::{Clock as _, SystemClock},
    id::{ConcertId, ScheduleId},
    leadership::service::Candidate,
    outcome::StoreError,
    page::PageRequest,
    queue::{
        GateSettings,
        port::{Stats, percentile},
        service::GateViews,
    },
    storage::Storage,
};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _},
    metrics::{
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many concerts are looked through at the most, the newest first.
const MOST_CONCERTS: usize = 1_000;

/// How many gates have figures at the most, so that a long season does not drown the monitoring.
const MOST_GATES: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GateLabels {
    schedule_id: String,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PlainLabels {
    schedule_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    schedule_id: String,
    quantile: &'static str,
}

/// What happens at each gate whose booking has not closed.
#[derive(Clone, Default)]
pub struct GateGauges {
    tokens: Family<GateLabels, Gauge>,
    seats: Family<GateLabels, Gauge>,
    waits: Family<WaitLabels, Gauge>,
    plain: [Family<PlainLabels, Gauge>; PLAIN.len()],
    tour: Arc<Mutex<Tour>>,
}

/// The way around the gates.
#[derive(Default)]
struct Tour {
    shown: BTreeSet<ScheduleId>,
    to_come: Vec<ScheduleId>,
}

const TOKEN_STATES: [&str; 2] = ["waiting", "active"];
const SEAT_STATES: [&str; 3] = ["available", "held", "sold"];

/// Which share of the fans let in had waited no longer, as label and in percent.
const QUANTILES: [(&str, usize); 2] = [("0.5", 50), ("0.99", 99)];

/// The figures of which each gate has one, in the order of [`plain_figures`].
const PLAIN: [(&str, &str); 8] = [
    (
        "frontrow_revenue_minor_units",
        "Successful payments of a performance, in minor units",
    ),
    (
        "frontrow_admissions_last_minute",
        "Fans let in at a gate during the last minute",
    ),
    (
        "frontrow_queue_no_shows",
        "Fans who were let in at a gate and lost the slot unclaimed",
    ),
    ("frontrow_queue_leavers", "Fans who left a line before they were let in"),
    ("frontrow_queue_let_through", "Fans whom an operator let in out of turn"),
    ("frontrow_gate_max_active", "How many fans may be inside at once"),
    (
        "frontrow_gate_admissions_per_minute",
        "How many fans a gate lets in a minute at the most",
    ),
    ("frontrow_gate_paused", "1 at a gate that lets nobody in for now"),
];

fn plain_figures(stats: &Stats, gate: &GateSettings) -> [i64; PLAIN.len()] {
    [
        stats.revenue.minor(),
        as_gauge(stats.admissions_last_minute),
        as_gauge(stats.no_shows),
        as_gauge(stats.leavers),
        as_gauge(stats.let_through),
        i64::from(gate.max_active),
        i64::from(gate.admissions_per_minute),
        i64::from(gate.paused),
    ]
}

fn as_gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl GateGauges {
    /// Gauges in a registry.
    #[must_use]
    pub fn registered(registry: &mut Registry) -> Self {
        let gauges = Self::default();
        registry.register(
            "frontrow_queue_tokens",
            "Fans at a gate, by state",
            gauges.tokens.clone(),
        );
        registry.register(
            "frontrow_seats",
            "Seats of a performance, by state",
            gauges.seats.clone(),
        );
        registry.register(
            "frontrow_queue_wait_seconds",
            "How long the last fans let in had waited",
            gauges.waits.clone(),
        );
        for ((name, help), family) in PLAIN.into_iter().zip(&gauges.plain) {
            registry.register(name, help, family.clone());
        }
        gauges
    }

    /// Reads the figures of the next gate, which for a large one is a lot of work; says whether
    /// there are more to come. A tour of all gates begins with finding those that sell, and
    /// forgets the others.
    ///
    /// # Errors
    /// When storage cannot answer; figures read before that are kept.
    pub async fn refresh_next(&self, storage: &Storage) -> Result<bool, StoreError> {
        let Some(schedule) = self.tour().to_come.pop() else {
            let selling = selling(storage).await?;
            let shown: BTreeSet<ScheduleId> = selling.iter().copied().collect();
            let mut tour = self.tour();
            tour.shown.difference(&shown).for_each(|closed| self.forget(*closed));
            tour.shown = shown;
            tour.to_come = selling;
            return Ok(!tour.to_come.is_empty());
        };
        let gate = storage.queue.gate(schedule).await?;
        if let (Some(gate), Some(stats)) = (gate, storage.queue.stats(schedule).await?) {
            self.set(schedule, stats, &gate.settings);
        }
        Ok(!self.tour().to_come.is_empty())
    }

    fn tour(&self) -> MutexGuard<'_, Tour> {
        self.tour.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, schedule: ScheduleId, mut stats: Stats, gate: &GateSettings) {
        let schedule_id = schedule.to_string();
        let set = |family: &Family<GateLabels, Gauge>, state, count: u64| {
            let schedule_id = schedule_id.clone();
            let labels = GateLabels { schedule_id, state };
            family.get_or_create(&labels).set(as_gauge(count));
        };
        let tokens = [stats.tokens.waiting, stats.tokens.active];
        for (state, count) in TOKEN_STATES.into_iter().zip(tokens) {
            set(&self.tokens, state, count);
        }
        let seats = [stats.seats.available, stats.seats.held, stats.seats.sold];
        for (state, count) in SEAT_STATES.into_iter().zip(seats) {
            set(&self.seats, state, count);
        }
        for (quantile, percent) in QUANTILES {
            let schedule_id = schedule_id.clone();
            let labels = WaitLabels { schedule_id, quantile };
            if let Some(waited) = percentile(&mut stats.waits, percent) {
                self.waits.get_or_create(&labels).set(as_gauge(waited));
            }
        }
        let labels = PlainLabels { schedule_id };
        for (family, figure) in self.plain.iter().zip(plain_figures(&stats, gate)) {
            family.get_or_create(&labels).set(figure);
        }
    }

    fn forget(&self, schedule: ScheduleId) {
        let schedule_id = schedule.to_string();
        let labels = |state| GateLabels {
            schedule_id: schedule_id.clone(),
            state,
        };
        for state in TOKEN_STATES {
            self.tokens.remove(&labels(state));
        }
        for state in SEAT_STATES {
            self.seats.remove(&labels(state));
        }
        for (quantile, _) in QUANTILES {
            let schedule_id = schedule_id.clone();
            self.waits.remove(&WaitLabels { schedule_id, quantile });
        }
        let labels = PlainLabels { schedule_id };
        for family in &self.plain {
            family.remove(&labels);
        }
    }
}

/// How old the views of gates are that polls are answered from, at the moment of asking.
pub struct ViewAge(pub Arc<GateViews>);

impl fmt::Debug for ViewAge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViewAge")
    }
}

impl Collector for ViewAge {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let age = ConstGauge::new(self.0.age().as_secs_f64());
        let help = "Age of the oldest view of a gate that is kept for polls";
        let metric = encoder.encode_descriptor("frontrow_line_view_age_seconds", help, None, age.metric_type())?;
        age.encode(metric)
    }
}

/// Whether this instance leads, at the moment of asking.
pub struct Leads(pub Arc<Candidate>);

impl fmt::Debug for Leads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leads")
    }
}

impl Collector for Leads {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let leads = ConstGauge::new(i64::from(self.0.leads().is_some()));
        let help = "1 on the instance that lets fans in and tidies up for all";
        let metric = encoder.encode_descriptor("frontrow_leader", help, None, leads.metric_type())?;
        leads.encode(metric)
    }
}

/// The performances whose booking has not closed.
async fn selling(storage: &Storage) -> Result<Vec<ScheduleId>, StoreError> {
    let now = SystemClock.now();
    let sells = |schedule: &Schedule| schedule.booking_closes_at > now;
    let mut found = Vec::new();
    let mut before: Option<ConcertId> = None;
    for _ in 0..MOST_CONCERTS / 100 {
        let page = storage.catalog.programmes(PageRequest { limit: 100, before }).await?;
        let schedules = page.items.iter().flat_map(|programme| &programme.schedules);
        found.extend(schedules.filter(|schedule| sells(schedule)).map(|schedule| schedule.id));
        before = page.next;
        if before.is_none() || found.len() >= MOST_GATES {
            break;
        }
    }
    found.truncate(MOST_GATES);
    Ok(found)
}
