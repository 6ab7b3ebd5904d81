//! Many callers, few transactions.
//!
//! Commands go to *lanes*, each a task on a runtime of its own. A lane takes what is waiting, has
//! it decided in one transaction, and hands every caller its verdict. It never waits for a batch
//! to fill: while one batch commits, the next one gathers. Because the lane carries a command out
//! and not the caller's task, a client that hangs up never cancels a write half way.

use crate::metrics::StoreMetrics;
use async_trait::async_trait;
use frontrow_domain::{
    decision::{Command, Decide, Verdict, port::Decisions},
    outcome::StoreError,
};
use futures_util::FutureExt;
use prometheus_client::metrics::gauge::Gauge;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, PoisonError, RwLock},
    time::Instant,
};
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
};

/// How many lanes there are and how much each takes. What is counted are calls, which as a rule
/// carry one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// How many transactions run side by side. Calls for one shard go to one lane.
    pub lanes: usize,
    /// How many calls may wait in one lane; one more is `overloaded`.
    pub capacity: usize,
    /// How many calls one transaction carries at the most.
    pub max_batch: usize,
}

impl Default for LaneSettings {
    fn default() -> Self {
        Self {
            lanes: 4,
            capacity: 4_096,
            max_batch: 256,
        }
    }
}

/// Decides commands in batches, through another [`Decisions`]. The commands of one call stay
/// together, in their order and in one transaction.
pub struct GroupCommit {
    /// `None` once closed.
    lanes: RwLock<Option<Vec<Lane>>>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

/// The way into a lane.
struct Lane {
    calls: mpsc::Sender<Call>,
    depth: Gauge,
}

struct Call {
    commands: Vec<Command>,
    reply: oneshot::Sender<Outcome>,
}

type Outcome = Result<Vec<Verdict>, StoreError>;

impl GroupCommit {
    /// Starts the lanes on `runtime`, which should not be the one that serves clients.
    #[must_use]
    pub fn start(
        inner: &Arc<dyn Decisions>,
        settings: LaneSettings,
        runtime: &Handle,
        metrics: &StoreMetrics,
    ) -> Arc<Self> {
        let mut lanes = Vec::new();
        let mut running = Vec::new();
        for number in 0..settings.lanes.max(1) {
            let (calls, waiting) = mpsc::channel(settings.capacity.max(1));
            let depth = metrics.lane(number);
            let worker = Worker {
                inner: inner.clone(),
                depth: depth.clone(),
                metrics: metrics.clone(),
            };
            running.push(runtime.spawn(worker.run(waiting, settings.max_batch.max(1))));
            lanes.push(Lane { calls, depth });
        }
        Arc::new(Self {
            lanes: RwLock::new(Some(lanes)),
            running: Mutex::new(running),
        })
    }

    /// Accepts no more commands, and waits until every accepted one is answered.
    pub async fn close(&self) {
        drop(self.lanes.write().unwrap_or_else(PoisonError::into_inner).take());
        let mut running = self.running.lock().await;
        while let Some(lane) = running.last_mut() {
            if let Err(error) = lane.await {
                tracing::error!(%error, "a lane ended by itself");
            }
            running.pop();
        }
    }

    /// Puts a call into its lane; what comes back brings the answer.
    fn enqueue(&self, commands: Vec<Command>) -> Result<oneshot::Receiver<Outcome>, StoreError> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.as_deref().map(|lanes| &lanes[lane_of(&commands, lanes.len())]);
        let closed = |why: &str| StoreError::Unavailable(why.to_owned());
        let lane = lane.ok_or_else(|| closed("the service is shutting down"))?;
        let permit = lane.calls.try_reserve().map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(()) => StoreError::Overloaded,
            mpsc::error::TrySendError::Closed(()) => closed("the lane has ended"),
        })?;
        let (reply, answer) = oneshot::channel();
        lane.depth.inc();
        permit.send(Call { commands, reply });
        Ok(answer)
    }
}

/// Calls for one shard share a lane. The low bits of a `UUIDv7` are random.
fn lane_of(commands: &[Command], lanes: usize) -> usize {
    let shard = commands.first().map_or(0, |command| command.shard().as_u128());
    usize::try_from(shard % (lanes as u128)).unwrap_or(0)
}

#[async_trait]
impl Decisions for GroupCommit {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let lost = || Err(StoreError::OutcomeUnknown("the lane has ended".to_owned()));
        self.enqueue(commands)?.await.unwrap_or_else(|_| lost())
    }
}

/// The lane itself.
struct Worker {
    inner: Arc<dyn Decisions>,
    depth: Gauge,
    metrics: StoreMetrics,
}

impl Worker {
    async fn run(self, mut waiting: mpsc::Receiver<Call>, max_batch: usize) {
        let mut batch = Vec::with_capacity(max_batch);
        while waiting.recv_many(&mut batch, max_batch).await > 0 {
            let (calls, replies): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|call: Call| (call.commands, call.reply)).unzip();
            self.depth.dec_by(i64::try_from(replies.len()).unwrap_or(i64::MAX));
            let outcomes = self.decide(calls).await;
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that has gone does not want its answer.
                let _ = reply.send(outcome);
            }
        }
    }

    /// One outcome for each call. A defect that one call brings on must not fail the others, so
    /// they are then decided one by one; a storage that is away would only be asked in vain.
    async fn decide(&self, calls: Vec<Vec<Command>>) -> Vec<Outcome> {
        let together: Vec<Command> = calls.iter().flatten().cloned().collect();
        match self.attempt(&together).await {
            Ok(verdicts) => dealt_out(&calls, verdicts),
            Err(StoreError::Internal(_)) if calls.len() > 1 => self.decide_one_by_one(&calls).await,
            Err(error) => vec![Err(error); calls.len()],
        }
    }

    async fn decide_one_by_one(&self, calls: &[Vec<Command>]) -> Vec<Outcome> {
        self.metrics.retried("one_by_one");
        let mut outcomes = Vec::with_capacity(calls.len());
        let mut away = None;
        for commands in calls {
            let outcome = match &away {
                Some(error) => Err(StoreError::clone(error)),
                None => self.attempt(commands).await,
            };
            if let Err(error @ (StoreError::Unavailable(_) | StoreError::Overloaded)) = &outcome {
                away = Some(error.clone());
            }
            outcomes.push(outcome);
        }
        outcomes
    }

    /// Has a batch decided; once more when it is unknown whether that changed anything, which is
    /// safe with the same ids. If that brings no verdict either, it stays unknown.
    async fn attempt(&self, commands: &[Command]) -> Outcome {
        match self.ask(commands.to_vec()).await {
            Err(StoreError::OutcomeUnknown(why)) => {
                self.metrics.retried("outcome_unknown");
                let again = self.ask(commands.to_vec()).await;
                again.map_err(|error| StoreError::OutcomeUnknown(format!("{why}; then: {error}")))
            }
            known => known,
        }
    }

    /// Asks the storage, and lets neither a panic nor a wrong number of verdicts through.
    async fn ask(&self, commands: Vec<Command>) -> Outcome {
        let count = commands.len();
        let started = Instant::now();
        let asked = AssertUnwindSafe(async { self.inner.decide_each(commands).await });
        let panicked = || Err(StoreError::Internal("deciding panicked".to_owned()));
        let answer = asked.catch_unwind().await.unwrap_or_else(|_| panicked());
        self.metrics.decided(count, started.elapsed());
        let verdicts = answer?;
        if verdicts.len() == count {
            Ok(verdicts)
        } else {
            let why = format!("{} verdicts for {count} commands", verdicts.len());
            Err(StoreError::Internal(why))
        }
    }
}

/// Gives each call the verdicts of its own commands.
fn dealt_out(calls: &[Vec<Command>], verdicts: Vec<Verdict>) -> Vec<Outcome> {
    let mut verdicts = verdicts.into_iter();
    let own = |commands: &Vec<Command>| Ok(verdicts.by_ref().take(commands.len()).collect());
    calls.iter().map(own).collect()
}

#[cfg(test)]
mod tests;
