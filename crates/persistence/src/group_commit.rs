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

/// How many lanes there are and how much each takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// How many transactions run side by side; commands of one shard never do.
    pub lanes: usize,
    /// How many commands may wait in one lane; one more is `overloaded`.
    pub capacity: usize,
    /// How many commands one transaction carries at the most.
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

/// Decides commands in batches, through another [`Decisions`].
pub struct GroupCommit {
    /// `None` once closed.
    lanes: RwLock<Option<Vec<Lane>>>,
    running: Mutex<Vec<JoinHandle<()>>>,
}

/// The way into a lane.
struct Lane {
    jobs: mpsc::Sender<Job>,
    depth: Gauge,
}

struct Job {
    command: Command,
    reply: oneshot::Sender<Outcome>,
}

type Outcome = Result<Verdict, StoreError>;

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
            let (jobs, waiting) = mpsc::channel(settings.capacity.max(1));
            let depth = metrics.lane(number);
            let worker = Worker {
                inner: inner.clone(),
                depth: depth.clone(),
                metrics: metrics.clone(),
            };
            running.push(runtime.spawn(worker.run(waiting, settings.max_batch.max(1))));
            lanes.push(Lane { jobs, depth });
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

    /// Puts all commands into their lanes, or none of them.
    fn enqueue(&self, commands: Vec<Command>) -> Result<Vec<oneshot::Receiver<Outcome>>, StoreError> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let Some(lanes) = lanes.as_deref() else {
            return Err(StoreError::Unavailable("the service is shutting down".to_owned()));
        };
        let lane_of: Vec<usize> = commands.iter().map(|command| lane_of(command, lanes.len())).collect();
        let mut permits = Vec::with_capacity(lanes.len());
        for (number, lane) in lanes.iter().enumerate() {
            let wanted = lane_of.iter().filter(|own| **own == number).count();
            let permit = lane.jobs.try_reserve_many(wanted);
            permits.push(permit.map_err(|error| match error {
                mpsc::error::TrySendError::Full(()) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(()) => StoreError::Unavailable("a lane has ended".to_owned()),
            })?);
        }
        let mut replies = Vec::with_capacity(commands.len());
        for (command, number) in commands.into_iter().zip(lane_of) {
            if let Some(permit) = permits[number].next() {
                let (reply, answer) = oneshot::channel();
                lanes[number].depth.inc();
                permit.send(Job { command, reply });
                replies.push(answer);
            }
        }
        Ok(replies)
    }
}

/// Commands of one shard share a lane. The low bits of a `UUIDv7` are random.
fn lane_of(command: &Command, lanes: usize) -> usize {
    let lane = command.shard().as_u128() % (lanes as u128);
    usize::try_from(lane).unwrap_or(0)
}

#[async_trait]
impl Decisions for GroupCommit {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let mut outcomes = Vec::with_capacity(commands.len());
        for reply in self.enqueue(commands)? {
            let lost = || Err(StoreError::OutcomeUnknown("the lane has ended".to_owned()));
            outcomes.push(reply.await.unwrap_or_else(|_| lost()));
        }
        all_or_error(outcomes)
    }
}

/// Every verdict, or what to say about all commands when some have none.
fn all_or_error(outcomes: Vec<Outcome>) -> Result<Vec<Verdict>, StoreError> {
    let some_decided = outcomes.iter().any(Result::is_ok);
    let verdicts: Result<Vec<Verdict>, StoreError> = outcomes.into_iter().collect();
    match verdicts {
        Err(error) if some_decided => {
            let why = format!("some of the commands were decided; others: {error}");
            Err(StoreError::OutcomeUnknown(why))
        }
        all => all,
    }
}

/// The lane itself.
struct Worker {
    inner: Arc<dyn Decisions>,
    depth: Gauge,
    metrics: StoreMetrics,
}

impl Worker {
    async fn run(self, mut waiting: mpsc::Receiver<Job>, max_batch: usize) {
        let mut batch = Vec::with_capacity(max_batch);
        while waiting.recv_many(&mut batch, max_batch).await > 0 {
            let (commands, replies): (Vec<_>, Vec<_>) =
                batch.drain(..).map(|job: Job| (job.command, job.reply)).unzip();
            self.depth.dec_by(i64::try_from(replies.len()).unwrap_or(i64::MAX));
            let started = Instant::now();
            let outcomes = self.decide(commands).await;
            self.metrics.decided(replies.len(), started.elapsed());
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that has gone does not want its answer.
                let _ = reply.send(outcome);
            }
        }
    }

    /// One outcome for each command. A defect that one command brings on must not fail the others,
    /// so they are then decided one by one; a storage that is away would only be asked in vain.
    async fn decide(&self, commands: Vec<Command>) -> Vec<Outcome> {
        let count = commands.len();
        match self.attempt(&commands).await {
            Ok(verdicts) => verdicts.into_iter().map(Ok).collect(),
            Err(StoreError::Internal(_)) if count > 1 => self.decide_one_by_one(&commands).await,
            Err(error) => vec![Err(error); count],
        }
    }

    async fn decide_one_by_one(&self, commands: &[Command]) -> Vec<Outcome> {
        self.metrics.retried("one_by_one");
        let mut outcomes = Vec::with_capacity(commands.len());
        let mut away = None;
        for command in commands {
            let outcome = match &away {
                Some(error) => Err(StoreError::clone(error)),
                None => self.attempt(std::slice::from_ref(command)).await.and_then(only),
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
    async fn attempt(&self, commands: &[Command]) -> Result<Vec<Verdict>, StoreError> {
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
    async fn ask(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let count = commands.len();
        let asked = AssertUnwindSafe(async { self.inner.decide_each(commands).await });
        let panicked = || Err(StoreError::Internal("deciding panicked".to_owned()));
        let verdicts = asked.catch_unwind().await.unwrap_or_else(|_| panicked())?;
        if verdicts.len() == count {
            Ok(verdicts)
        } else {
            let why = format!("{} verdicts for {count} commands", verdicts.len());
            Err(StoreError::Internal(why))
        }
    }
}

fn only(verdicts: Vec<Verdict>) -> Outcome {
    let missing = || StoreError::Internal("no verdict".to_owned());
    verdicts.into_iter().next().ok_or_else(missing)
}

#[cfg(test)]
mod tests;
