//! Asking storage, no longer than a caller can be kept waiting.

use super::Call;
use crate::{api::Api, problem::Problem};
use frontrow_domain::{
    decision::{Command, Decide, Verdict, decide_one},
    outcome::StoreError,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the audit may take: it reads everything.
const AUDIT_PATIENCE: Duration = Duration::from_secs(60);

impl Call {
    /// Decides one command. The decision is carried out even if the caller has gone.
    pub(crate) async fn decide<C>(&self, command: C) -> Result<C::Verdict, Problem>
    where
        C: Decide + Into<Command> + Send + 'static,
        C::Verdict: TryFrom<Verdict> + Send + 'static,
    {
        self.write(|api| async move { decide_one(&*api.storage.decisions, command).await })
            .await
    }

    /// Runs what changes something to its end. A caller who gets no verdict in time is told that.
    pub(crate) async fn write<T, F>(&self, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        self.wait(StoreError::OutcomeUnknown("no verdict in time".to_owned()), work)
            .await
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

    /// Asks storage for everything.
    pub(crate) async fn read_all<T, F>(&self, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let late = StoreError::Unavailable("no answer in time".to_owned());
        self.api.run(AUDIT_PATIENCE, late, work).await
    }

    async fn wait<T, F>(&self, late: StoreError, work: impl FnOnce(Arc<Api>) -> F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let begun = Instant::now();
        let outcome = self.api.run(self.patience.get(), late, work).await;
        self.patience.set(self.patience.get().saturating_sub(begun.elapsed()));
        outcome
    }
}
