//! The account of a rehearsal.

mod html;
mod latency;
mod plot;
mod text;
mod verdict;

use crate::{
    fairness::{Fairness, judge},
    fan::Show,
    live::Sample,
    made::Made,
    obstacle::Obstacle,
    operator::{Audit, SeatCounts},
    plan::{Plan, Sale, Target},
    setup::Ground,
    tally::{Counted, End, Step},
};
pub use latency::Latency;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use time::format_description::well_known::Rfc3339;

/// The account of a rehearsal. It serialises as the JSON report.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// What was rehearsed, and where.
    pub rehearsal: Rehearsed,
    /// Whether every fan's story came to its end.
    pub finished: bool,
    /// What must not be, in sentences; empty when all is well.
    pub findings: Vec<String>,
    /// What else one should know, in sentences.
    pub notes: Vec<String>,
    /// How long the sale took, from the opening to the end of the last story.
    pub seconds: f64,
    /// What became of the fans.
    pub fans: Fans,
    /// What became of the seats.
    pub seats: Seats,
    /// Throughput and latency of every step that was taken.
    pub steps: Vec<StepReport>,
    /// All answers together.
    pub answers: Answers,
    /// Refusals by step and code, and calls without an answer.
    pub refusals: Vec<Refusals>,
    /// How far the rehearsal itself was in the way.
    pub client: ClientReport,
    /// The order of admission against the order of joining.
    pub fairness: Fairness,
    /// What the server's audit found after the sale; null when it gave no verdict.
    pub audit: Option<Audit>,
    /// What stays on the server.
    pub made: Made,
    /// The numbers of each second.
    pub series: Vec<Sample>,
}

/// What was rehearsed, and where.
#[derive(Debug, Clone, Serialize)]
pub struct Rehearsed {
    /// The server.
    pub server: String,
    /// Its version.
    pub server_version: String,
    /// Whether the rehearsal started it.
    pub own_server: bool,
    /// When, by the server's clock.
    pub started_at: String,
    /// The concert.
    pub concert_id: String,
    /// Its performance.
    pub schedule_id: String,
    /// The day of it.
    pub date: String,
    /// Whether the sale was made for the rehearsal.
    pub own_sale: bool,
    /// Fans who were to come.
    pub fans: u32,
    /// Of these, at once.
    pub burst: u32,
    /// Of the others, in a second.
    pub arrivals_per_second: f64,
    /// Seconds of thinking before each step inside, on average.
    pub think_seconds: f64,
    /// The share of fans who give up.
    pub abandon: f64,
    /// Seats each fan wants.
    pub seats_per_fan: u32,
    /// Which of them.
    pub want: String,
    /// Money of each fan; null when there was no provider to charge wallets.
    pub money: Option<u64>,
    /// Connections that all fans shared.
    pub connections: usize,
    /// Repeats all choices.
    pub seed: u64,
}

/// What became of the fans.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Fans {
    /// Who arrived.
    pub arrived: u64,
    /// How their stories ended.
    pub ends: BTreeMap<End, u64>,
    /// Who was still in line.
    pub waiting: u64,
    /// Who was still inside.
    pub inside: u64,
}

/// What became of the seats.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Seats {
    /// Seats that were free when the sale opened.
    pub for_sale: u64,
    /// Seats on the fans' receipts.
    pub receipts: u64,
    /// Seats on more than one receipt.
    pub twice: u64,
    /// Seats that the server counts as sold since the opening; null when it did not say.
    pub sold: Option<u64>,
    /// Seats that the server counts as held at the end.
    pub held: Option<u64>,
}

/// Throughput and latency of a step.
#[derive(Debug, Clone, Serialize)]
pub struct StepReport {
    /// Which.
    pub step: Step,
    /// How often it came to an end.
    pub count: u64,
    /// That, a second.
    pub per_second: f64,
    /// From the moment it was due to its answer: what a fan feels.
    pub felt: Latency,
    /// From having a connection to the answer: what the server took.
    pub served: Latency,
}

/// All answers together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Answers {
    /// How many.
    pub count: u64,
    /// A second, over the whole sale.
    pub per_second: f64,
    /// In the best second.
    pub peak_per_second: f64,
}

/// Refusals of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// Of which step.
    pub step: Step,
    /// The server's code; `no_connection`, `connection_broken` and `no_answer` are the rehearsal's own words.
    pub code: String,
    /// How many.
    pub count: u64,
}

/// How far the rehearsal itself was in the way.
#[derive(Debug, Clone, Serialize)]
pub struct ClientReport {
    /// From the moment a call was due to the moment its fan was awake.
    pub late: Latency,
    /// From then to having a connection.
    pub queued: Latency,
}

/// What is reported on.
pub(crate) struct Held<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) base: String,
    pub(crate) finished: bool,
    pub(crate) seconds: f64,
    pub(crate) counted: Counted,
    pub(crate) series: Vec<Sample>,
    pub(crate) pays: bool,
    pub(crate) show: Show,
    pub(crate) ground: Ground,
    pub(crate) seats_before: SeatCounts,
    pub(crate) seats_after: Result<SeatCounts, Obstacle>,
    pub(crate) audit_after: Result<Audit, Obstacle>,
    pub(crate) made: Made,
}

impl Report {
    pub(crate) fn of(held: &Held<'_>) -> Self {
        let last = held.series.last().copied().unwrap_or_default();
        let per_second = |count: u64| count as f64 / held.seconds.max(0.001);
        let steps = held.counted.felt.iter().zip(held.counted.served.values());
        let steps = steps.filter(|((_, felt), _)| !felt.is_empty());
        let steps = steps.map(|((step, felt), served)| StepReport {
            step: *step,
            count: felt.len(),
            per_second: per_second(felt.len()),
            felt: Latency::of(felt),
            served: Latency::of(served),
        });
        let refusals = held.counted.refusals.iter().map(|((step, code), count)| Refusals {
            step: *step,
            code: code.clone(),
            count: *count,
        });
        let mut report = Self {
            rehearsal: Rehearsed::of(held),
            finished: held.finished,
            findings: Vec::new(),
            notes: Vec::new(),
            seconds: held.seconds,
            fans: Fans {
                arrived: last.arrived,
                ends: held.counted.ends.clone(),
                waiting: last.waiting,
                inside: last.inside,
            },
            seats: Seats::of(held),
            steps: steps.collect(),
            answers: Answers {
                count: last.answers,
                per_second: per_second(last.answers),
                peak_per_second: peak(&held.series),
            },
            refusals: refusals.collect(),
            client: ClientReport {
                late: Latency::of(&held.counted.late),
                queued: Latency::of(&held.counted.queued),
            },
            fairness: judge(&held.counted.admissions),
            audit: held.audit_after.as_ref().ok().cloned(),
            made: held.made.clone(),
            series: held.series.clone(),
        };
        report.judge(held);
        report
    }

    /// The same with one finding more.
    #[must_use]
    pub(crate) fn with_finding(mut self, finding: String) -> Self {
        self.findings.push(finding);
        self
    }

    /// Why a script should stop here, in one line; `None` when all is well.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        if !self.findings.is_empty() {
            return Some(self.findings.join("; "));
        }
        (!self.finished).then(|| "interrupted; the report covers what happened until then".to_owned())
    }

    /// As JSON.
    #[must_use]
    pub fn json(&self) -> String {
        // Texts, numbers and maps with names for keys are always JSON.
        let mut json = serde_json::to_string_pretty(self).unwrap_or_default();
        json.push('\n');
        json
    }

    /// For a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        text::render(self)
    }

    /// As one page that needs nothing else.
    #[must_use]
    pub fn html(&self) -> String {
        html::render(self)
    }
}

impl Rehearsed {
    fn of(held: &Held<'_>) -> Self {
        let Plan {
            target, sale, crowd, ..
        } = held.plan;
        Self {
            server: held.base.clone(),
            server_version: held.ground.version.clone(),
            own_server: matches!(target, Target::Own),
            started_at: held.ground.now.format(&Rfc3339).unwrap_or_default(),
            concert_id: held.show.concert_id.clone(),
            schedule_id: held.show.schedule_id.clone(),
            date: held.show.date.clone(),
            own_sale: matches!(sale, Sale::New(_)),
            fans: crowd.fans,
            burst: crowd.burst,
            arrivals_per_second: crowd.arrivals_per_second,
            think_seconds: crowd.think.as_secs_f64(),
            abandon: crowd.abandon,
            seats_per_fan: crowd.seats_per_fan,
            want: crowd.want.to_string(),
            money: held.pays.then_some(crowd.money),
            connections: held.plan.connections,
            seed: crowd.seed,
        }
    }
}

impl Seats {
    fn of(held: &Held<'_>) -> Self {
        let receipts = &held.counted.receipts;
        let distinct: BTreeSet<_> = receipts.iter().collect();
        let after = held.seats_after.as_ref().ok();
        Self {
            for_sale: held.seats_before.available,
            receipts: receipts.len() as u64,
            twice: (receipts.len() - distinct.len()) as u64,
            sold: after.map(|after| after.sold.saturating_sub(held.seats_before.sold)),
            held: after.map(|after| after.held),
        }
    }
}

/// The most answers in a second, between two samples.
fn peak(series: &[Sample]) -> f64 {
    let rates = series.windows(2).filter_map(|pair| {
        let seconds = pair[1].second - pair[0].second;
        // A rate of a few milliseconds at the end would say nothing.
        (seconds >= 0.5).then(|| pair[1].answers.saturating_sub(pair[0].answers) as f64 / seconds)
    });
    rates.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests;
