//! Asking storage, no longer than a caller can be kept waiting.

use crate::{
    api::{Api, Worker},
    problem::Problem,
};
use frontrow_domain::{
    catalog::{DateSelector, Schedule, TargetRefusal},
    decision::{Command, Decide, Verdict, decide_one},
    id::{ConcertId, TokenId},
    outcome::StoreError,
};
use std::{
    cell::Cell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the audit may take: it reads everything.
const AUDIT_PATIENCE: Duration = Duration::from_secs(60);

/// How long one waits for what can be left out.
const HURRY: Duration = Duration::from_millis(250);

fn no_verdict() -> StoreError {
    StoreError::OutcomeUnknown("no verdict in time".to_owned())
}

/// Where a caller is served: it knows how much longer that one can be kept waiting.
pub(crate) struct Desk {
    worker: Rc<Worker>,
    patience: Cell<Duration>,
}

/// A write that changes what is seen behind a place. It may be done later than its caller waits for
/// it: one who hangs up and comes back is told nothing from before it either.
struct Writing<'d> {
    desk: &'d Desk,
    place: TokenId,
    is_done: bool,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let api = self.desk.api();
        if self.is_done {
            api.writes.note(self.place);
        } else {
            api.writes.note_until(self.place, api.settings.patience);
        }
    }
}

impl Desk {
    /// For one who has just come.
    pub(crate) fn of(worker: Rc<Worker>) -> Self {
        Self {
            patience: Cell::new(worker.api.settings.patience),
            worker,
        }
    }

    /// The same for one who has not waited yet.
    pub(crate) fn anew(&self) -> Self {
        Self::of(self.worker.clone())
    }

    /// The same for what can be left out; that takes nothing from the caller's own time.
    pub(crate) fn in_a_hurry(&self) -> Self {
        Self {
            patience: Cell::new(self.patience.get().min(HURRY)),
            worker: self.worker.clone(),
        }
    }

    pub(crate) fn api(&self) -> &Arc<Api> {
        &self.worker.api
    }

    /// Decides one command. The decision is carried out even if the caller has gone, which is the
    /// port's own promise.
    pub(crate) async fn decide<C>(&self, command: C) -> Result<C::Verdict, Problem>
    where
        C: Decide + Into<Command>,
        C::Verdict: TryFrom<Verdict>,
    {
        let begun = Instant::now();
        let decided = decide_one(&*self.api().storage.decisions, command);
        let decided = tokio::time::timeout(self.patience.get(), decided).await;
        self.keep_patience(begun);
        Ok(decided.unwrap_or_else(|_| Err(no_verdict()))?)
    }

    /// The same for a command that changes what the caller sees behind a place in line.
    pub(crate) async fn decide_at<C>(&self, place: TokenId, command: C) -> Result<C::Verdict, Problem>
    where
        C: Decide + Into<Command>,
        C::Verdict: TryFrom<Verdict>,
    {
        let mut writing = Writing {
            desk: self,
            place,
            is_done: false,
        };
        let verdict = self.decide(command).await;
        writing.is_done = true;
        verdict
    }

    /// Runs what changes something to its end. A caller who gets no verdict in time is told that.
    pub(crate) async fn write<T, F>(&self, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.wait(no_verdict(), work).await
    }

    /// Asks storage.
    pub(crate) async fn read<T, F>(&self, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.wait(StoreError::Unavailable("no answer in time".to_owned()), work)
            .await
    }

    /// The performance that a concert and a date name. As a rule it is known.
    pub(crate) async fn performance(
        &self,
        concert: ConcertId,
        date: DateSelector,
    ) -> Result<Result<Arc<Schedule>, TargetRefusal>, Problem> {
        match self.api().catalog.known(concert, date) {
            Some(schedule) => Ok(Ok(schedule)),
            None => {
                self.read(|api| async move { api.catalog.find(concert, date).await })
                    .await
            }
        }
    }

    /// Asks storage for everything.
    pub(crate) async fn read_all<T, F>(&self, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let late = StoreError::Unavailable("no answer in time".to_owned());
        self.api().run(AUDIT_PATIENCE, late, work).await
    }

    async fn wait<T, F>(&self, late: StoreError, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let begun = Instant::now();
        let outcome = self.api().run(self.patience.get(), late, work).await;
        self.keep_patience(begun);
        outcome
    }

    fn keep_patience(&self, begun: Instant) {
        self.patience.set(self.patience.get().saturating_sub(begun.elapsed()));
    }
}
