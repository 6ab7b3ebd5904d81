//! The background loops. Every instance runs all of them; letting fans in and tidying up is done
//! by the one that leads (SPEC §4).
//!
//! It is the loop of admission that takes and renews the lease. So whoever leads is at work, and
//! where that loop stands still, another instance takes over.
//!
//! A loop never ends by itself: a failing round is told once, retried ever more slowly and told again when it works; a
//! round that panics is restarted.

use crate::gauges::GateGauges;
use async_trait::async_trait;
use frontrow_domain::{
    audit::service::audit, leadership::service::Candidate, outcome::StoreError, queue::service::GateViews,
    storage::Storage,
};
use frontrow_http::HttpMetrics;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet, time::Instant};
use tracing::{error, info, warn};

const ADMISSION_EVERY: Duration = Duration::from_millis(200);
/// What polls are told is at most 250 ms old: there is time to spare for the reading itself.
const VIEWS_EVERY: Duration = Duration::from_millis(100);

const SWEEP_EVERY: Duration = Duration::from_secs(1);
const GAUGES_EVERY: Duration = Duration::from_secs(10);
/// Soon enough for the line to move again within two seconds when storage is back.
const SLOWEST_RETRY: Duration = Duration::from_secs(1);
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Looking at everything may take a twentieth of the time at the most, however much there is.
const PAUSE_SHARE: u32 = 19;

/// Looking for what is left may take a quarter: those who wait are to know within a second.
const STOCK_PAUSE_SHARE: u32 = 3;

/// A server that has just started has more urgent things to do than to audit what is there.
const FIRST_AUDIT_AFTER: Duration = Duration::from_secs(5);

/// Something that is done over and over again, in bounded rounds.
#[async_trait]
trait Chore: Send + Sync + 'static {
    /// What it is called in logs.
    fn name(&self) -> &'static str;

    /// When the first round is due.
    fn first_after(&self) -> Duration {
        Duration::ZERO
    }

    /// One round; answers when the next one is due.
    async fn round(&self) -> Result<Duration, StoreError>;
}

struct Admission {
    storage: Storage,
    candidate: Arc<Candidate>,
    /// In which epoch this instance was seen to lead the last time.
    led: Mutex<Option<u64>>,
}

impl Admission {
    /// Says so when this instance has begun or ceased to lead.
    fn notice(&self) {
        let mut led = self.led.lock().unwrap_or_else(PoisonError::into_inner);
        let leads = self.candidate.leads();
        if *led == leads {
            return;
        }
        match leads {
            Some(epoch) => info!(epoch, "this instance leads: it lets fans in and tidies up for all"),
            None => info!(epoch = *led, "this instance does not lead any more"),
        }
        *led = leads;
    }
}

#[async_trait]
impl Chore for Admission {
    fn name(&self) -> &'static str {
        "admission"
    }

    async fn round(&self) -> Result<Duration, StoreError> {
        let stood = self.candidate.stand().await;
        self.notice();
        let Some(epoch) = stood? else {
            return Ok(ADMISSION_EVERY);
        };
        let done = self.storage.attendant.admit_due_in(Some(epoch)).await?;
        Ok(if done.more { Duration::ZERO } else { ADMISSION_EVERY })
    }
}

struct Views(Arc<GateViews>);

#[async_trait]
impl Chore for Views {
    fn name(&self) -> &'static str {
        "views of the lines"
    }

    async fn round(&self) -> Result<Duration, StoreError> {
        self.0.refresh().await?;
        Ok(VIEWS_EVERY)
    }
}

struct Stocks(Arc<GateViews>);

#[async_trait]
impl Chore for Stocks {
    fn name(&self) -> &'static str {
        "stock behind the lines"
    }

    async fn round(&self) -> Result<Duration, StoreError> {
        let started = Instant::now();
        self.0.refresh_stock().await?;
        Ok(VIEWS_EVERY.max(started.elapsed() * STOCK_PAUSE_SHARE))
    }
}

struct Sweeper(Storage, Arc<Candidate>);

#[async_trait]
impl Chore for Sweeper {
    fn name(&self) -> &'static str {
        "sweeper"
    }

    async fn round(&self) -> Result<Duration, StoreError> {
        if self.1.leads().is_none() {
            return Ok(ADMISSION_EVERY);
        }
        self.0.attendant.sweep().await?;
        Ok(SWEEP_EVERY)
    }
}

struct Figures(Storage, GateGauges);

#[async_trait]
impl Chore for Figures {
    fn name(&self) -> &'static str {
        "figures"
    }

    async fn round(&self) -> Result<Duration, StoreError> {
        let started = Instant::now();
        let more = self.1.refresh_next(&self.0).await?;
        let pause = started.elapsed() * PAUSE_SHARE;
        Ok(if more { pause } else { pause.max(GAUGES_EVERY) })
    }
}

struct Auditor(Storage, HttpMetrics, Duration);

#[async_trait]
impl Chore for Auditor {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn first_after(&self) -> Duration {
        FIRST_AUDIT_AFTER.min(self.2)
    }

    async fn round(&self) -> Result<Duration, StoreError> {
        let started = Instant::now();
        let report = audit(&*self.0.books).await?;
        self.1.audited(&report);
        for check in report.checks.iter().filter(|check| check.violations > 0) {
            let sample = check.sample.join("; ");
            error!(
                invariant = check.invariant.name(),
                violations = check.violations,
                sample,
                "invariant violated"
            );
        }
        Ok(self.2.max(started.elapsed() * PAUSE_SHARE))
    }
}

/// The loops of one instance.
pub struct Workers {
    candidate: Arc<Candidate>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts every loop; the audit only when it is wanted.
    #[must_use]
    pub fn start(
        storage: &Storage,
        candidate: Arc<Candidate>,
        views: Arc<GateViews>,
        gates: GateGauges,
        metrics: HttpMetrics,
        audit_every: Option<Duration>,
    ) -> Self {
        let mut workers = Self::none(candidate.clone());
        workers.keep_doing(Admission {
            storage: storage.clone(),
            candidate: candidate.clone(),
            led: Mutex::default(),
        });
        workers.keep_doing(Stocks(views.clone()));
        workers.keep_doing(Views(views));
        workers.keep_doing(Sweeper(storage.clone(), candidate));
        workers.keep_doing(Figures(storage.clone(), gates));
        if let Some(every) = audit_every {
            workers.keep_doing(Auditor(storage.clone(), metrics, every));
        }
        workers
    }

    fn none(candidate: Arc<Candidate>) -> Self {
        Self {
            candidate,
            stop: watch::Sender::new(false),
            tasks: JoinSet::new(),
        }
    }

    /// Leaves it to the other instances to lead, at once and for good.
    pub async fn resign(&self, patience: Duration) {
        match tokio::time::timeout(patience, self.candidate.resign()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "the lease was not given up: it will lapse"),
            Err(_) => warn!("the lease was not given up in time: it will lapse"),
        }
    }

    /// Ends every loop after its round, or after `patience` in the middle of it.
    pub async fn stop(mut self, patience: Duration) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(patience, ended).await.is_err() {
            warn!("background work did not end in time");
        }
    }

    fn keep_doing(&mut self, chore: impl Chore) {
        let chore: Arc<dyn Chore> = Arc::new(chore);
        let mut stop = self.stop.subscribe();
        self.tasks.spawn(async move {
            while !*stop.borrow() {
                // A set of one: unlike a bare handle, it ends its task when it is dropped itself.
                let mut rounds_of_one = JoinSet::new();
                rounds_of_one.spawn(rounds(chore.clone(), stop.clone()));
                match rounds_of_one.join_next().await {
                    None | Some(Ok(())) => return,
                    Some(Err(ended)) => error!(worker = chore.name(), %ended, "restarting a background loop"),
                }
                pause(&mut stop, RESTART_AFTER).await;
            }
        });
    }
}

async fn rounds(chore: Arc<dyn Chore>, mut stop: watch::Receiver<bool>) {
    pause(&mut stop, chore.first_after()).await;
    let mut failures = 0_u32;
    while !*stop.borrow() {
        let next = match chore.round().await {
            Ok(next) => {
                if failures > 0 {
                    info!(worker = chore.name(), failures, "background work succeeds again");
                }
                failures = 0;
                next
            }
            Err(error) => {
                if failures == 0 {
                    warn!(worker = chore.name(), %error, "background work failed, trying on");
                }
                failures = failures.saturating_add(1);
                retry_after(failures)
            }
        };
        pause(&mut stop, next).await;
    }
}

fn retry_after(failures: u32) -> Duration {
    (ADMISSION_EVERY * 2_u32.saturating_pow(failures.min(10) - 1)).min(SLOWEST_RETRY)
}

/// Waits, but not beyond the end, and for ever when nobody is left to say so.
async fn pause(stop: &mut watch::Receiver<bool>, duration: Duration) {
    tokio::select! {
        () = tokio::time::sleep(duration) => {}
        Ok(_) = stop.wait_for(|stop| *stop) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontrow_domain::{clock::SystemClock, money::Currency, policy::Policy};
    use frontrow_memory::Memory;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    fn storage() -> Storage {
        let policy = Policy {
            hold: time::Duration::MINUTE,
            claim: time::Duration::MINUTE,
            seat_limit: 4,
            currency: Currency::from_code("KRW").unwrap(),
        };
        Storage::of(&Memory::new(policy, Arc::new(SystemClock)))
    }

    fn admission(storage: &Storage) -> Admission {
        Admission {
            storage: storage.clone(),
            candidate: Arc::new(Candidate::new(storage.leadership.clone())),
            led: Mutex::default(),
        }
    }

    #[tokio::test]
    async fn one_instance_lets_fans_in_until_it_resigns() {
        let storage = storage();
        let (one, other) = (admission(&storage), admission(&storage));
        for admission in [&one, &other, &one] {
            assert_eq!(admission.round().await, Ok(ADMISSION_EVERY));
        }
        assert_eq!((one.candidate.leads(), other.candidate.leads()), (Some(1), None));

        let workers = Workers::none(one.candidate.clone());
        workers.resign(Duration::from_secs(5)).await;
        assert_eq!(other.round().await, Ok(ADMISSION_EVERY));
        assert_eq!((one.candidate.leads(), other.candidate.leads()), (None, Some(2)));
        assert_eq!(
            (*one.led.lock().unwrap(), *other.led.lock().unwrap()),
            (Some(1), Some(2))
        );
        one.round().await.unwrap();
        assert_eq!(*one.led.lock().unwrap(), None, "it is noticed");
    }

    /// Panics, fails, then works.
    struct Clumsy(Arc<AtomicU32>);

    #[async_trait]
    impl Chore for Clumsy {
        fn name(&self) -> &'static str {
            "clumsy"
        }

        async fn round(&self) -> Result<Duration, StoreError> {
            match self.0.fetch_add(1, SeqCst) {
                0 => panic!("dropped everything"),
                1 => Err(StoreError::Unavailable("gone".to_owned())),
                _ => Ok(Duration::from_millis(1)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_outlives_panics_and_failures_and_ends_when_told() {
        let rounds = Arc::new(AtomicU32::new(0));
        let mut workers = Workers::none(admission(&storage()).candidate);
        workers.keep_doing(Clumsy(rounds.clone()));
        while rounds.load(SeqCst) < 5 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        workers.stop(Duration::from_secs(1)).await;
        let done = rounds.load(SeqCst);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(rounds.load(SeqCst), done);
    }

    #[test]
    fn retries_slow_down_to_a_limit() {
        let waits: Vec<_> = [1, 2, 3, 4, 9, u32::MAX].map(retry_after).into();
        let millis: Vec<_> = waits.iter().map(Duration::as_millis).collect();
        assert_eq!(millis, [200, 400, 800, 1_000, 1_000, 1_000]);
    }
}
