//! Carrying decisions out: lock and load, let the domain decide, store and commit. Two round trips
//! for one command or for two hundred.

use super::{
    Inner, Postgres,
    assemble::Loaded,
    error::Failure,
    load,
    pool::Lease,
    records::Versions,
    retry::Retry,
    store::{self, Write},
    transaction::{self, CommitError, Mode},
};
use async_trait::async_trait;
use frontrow_domain::{
    decision::{Command, Needs, Verdict, decide_each, needs_of, port::Decisions},
    outcome::StoreError,
};
use std::time::Duration;

/// How long a transaction may take up to its `COMMIT` that adds every seat of a hall. All others
/// are short: a server that is gone without a word must not keep anybody waiting.
const LONG_DEADLINE: Duration = Duration::from_secs(30);

#[async_trait]
impl Decisions for Postgres {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        self.on_own_runtime(|inner| async move { inner.decide_each(&commands).await })
            .await
    }
}

/// Why an attempt brought no verdicts.
enum Miss {
    /// Nothing was changed.
    Failed(Failure),
    /// The connection broke at `COMMIT`: everything was changed, or nothing.
    InDoubt(String),
}

impl Inner {
    /// What time has ended inside a gate is put away before those inside are counted, in a transaction of its
    /// own: one that held such tokens while it waits for others could deadlock with a decision about both.
    ///
    /// After a transaction in doubt the same commands are decided again. That one has ended by
    /// then: they want its locks, or run into the rows it adds. What it did they find by its ids.
    async fn decide_each(&self, commands: &[Command]) -> Result<Vec<Verdict>, StoreError> {
        let needs = needs_of(commands);
        self.end_all_tokens_inside(&needs.gates).await?;
        let mut retry = Retry::new(&self.metrics);
        let mut doubt: Option<String> = None;
        loop {
            let failure = match Box::pin(self.attempt(commands, &needs)).await {
                Ok(verdicts) => return Ok(verdicts),
                Err(Miss::Failed(failure)) => failure,
                Err(Miss::InDoubt(why)) => {
                    tracing::warn!(%why, commands = commands.len(), "a commit is in doubt: deciding again");
                    Failure::lost(doubt.insert(why).as_str())
                }
            };
            retry.again_after(failure).await.map_err(|error| match &doubt {
                Some(why) => StoreError::OutcomeUnknown(format!("{why}; then: {error}")),
                None => error,
            })?;
        }
    }

    async fn attempt(&self, commands: &[Command], needs: &Needs) -> Result<Vec<Verdict>, Miss> {
        let deadline = if needs.concerts.is_empty() {
            Mode::Write.deadline()
        } else {
            LONG_DEADLINE
        };
        let prepared = tokio::time::timeout(deadline, self.prepare(commands, needs)).await;
        // The connection of one that is late was dropped with it, so nothing can be committed.
        let late = |_| Miss::Failed(Failure::unavailable("the database took too long"));
        let (verdicts, pending) = prepared.map_err(late)?.map_err(Miss::Failed)?;
        let Some((lease, writes)) = pending else {
            return Ok(verdicts);
        };
        match transaction::write_and_commit(lease, writes, deadline).await {
            Ok(()) => Ok(verdicts),
            Err(CommitError::RolledBack(failure)) => Err(Miss::Failed(failure)),
            Err(CommitError::Unknown(why)) => Err(Miss::InDoubt(why)),
        }
    }

    /// The verdicts, and the transaction that has to be completed for them to be true, if any.
    async fn prepare(
        &self,
        commands: &[Command],
        needs: &Needs,
    ) -> Result<(Vec<Verdict>, Option<(Lease, Vec<Write>)>), Failure> {
        let lease = self.pool.lease().await?;
        match self.decide_on(&lease, commands, needs).await {
            Ok((verdicts, None)) => {
                transaction::roll_back(lease).await;
                Ok((verdicts, None))
            }
            Ok((verdicts, Some(writes))) => Ok((verdicts, Some((lease, writes)))),
            Err(failure) => Err(transaction::abandon(lease, failure).await),
        }
    }

    /// The verdicts, and what is still to be written for them, if anything is.
    async fn decide_on(
        &self,
        lease: &Lease,
        commands: &[Command],
        needs: &Needs,
    ) -> Result<(Vec<Verdict>, Option<Vec<Write>>), Failure> {
        let conn = lease.connection()?;
        let Loaded { mut rows, now } = load::begin(conn, self.policy, needs).await?;
        let versions = Versions::of(&rows);
        let verdicts = decide_each(commands, &mut rows, now);
        if !rows.is_dirty() {
            return Ok((verdicts, None));
        }
        let writes = store::writes_of(&versions, &rows)?;
        if writes.iter().any(|write| write.contended) {
            store::run(conn, writes).await?;
            return Ok((verdicts, Some(Vec::new())));
        }
        Ok((verdicts, Some(writes)))
    }
}
