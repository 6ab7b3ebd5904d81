//! How transactions begin and end.

use super::{
    error::Failure,
    pool::Lease,
    sql::{in_order, sql},
    store::{Write, Written},
};
use diesel::QueryResult;
use diesel_async::SimpleAsyncConnection;
use std::time::Duration;

/// How long the server may take to end a transaction.
const DEADLINE: Duration = Duration::from_millis(1_500);

/// What a transaction is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mode {
    /// Changing rows under locks.
    Write,
    /// Letting fans in.
    Admission,
    /// Reading many tables as they are at one moment.
    Snapshot,
}

impl Mode {
    /// How long it may take.
    pub(super) fn deadline(self) -> Duration {
        match self {
            Mode::Write | Mode::Admission => Duration::from_secs(3),
            Mode::Snapshot => Duration::from_secs(30),
        }
    }

    /// The statements that begin it.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Mode::Write => "BEGIN ISOLATION LEVEL READ COMMITTED",
            // A leader that is not heard of any more must not keep its gate from the next one.
            Mode::Admission => {
                "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = '1s'"
            }
            Mode::Snapshot => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '30s'",
        }
    }
}

/// Begins a transaction.
pub(super) async fn begin(lease: &Lease, mode: Mode) -> Result<(), Failure> {
    let mut conn = lease.connection()?;
    Ok(conn.batch_execute(mode.begin()).await?)
}

/// Why it is not certain that a transaction is committed.
pub(super) enum CommitError {
    /// It is not: the server said so, and is still there.
    RolledBack(Failure),
    /// The connection broke after `COMMIT` was sent.
    Unknown(String),
}

/// Sends the last writes of a transaction and, without waiting for their answers, `COMMIT`; then
/// gives the connection back. PostgreSQL takes `COMMIT` for `ROLLBACK` when a write before it has
/// failed, and what is told is the error of that write.
pub(super) async fn write_and_commit(lease: Lease, writes: Vec<Write>, deadline: Duration) -> Result<(), CommitError> {
    let sent = tokio::time::timeout(deadline, send_all(&lease, writes)).await;
    let late = |_| Err(Failure::lost("the database did not end a transaction in time"));
    match sent.unwrap_or_else(late) {
        Ok(written) => {
            lease.give_back();
            // Nothing can be missing here; if it is, deciding again shows what there is.
            let checked = written.into_iter().try_for_each(Written::check);
            checked.map_err(|failure| CommitError::Unknown(format!("{failure:?}")))
        }
        Err(failure) if failure.is_lost() => Err(CommitError::Unknown(format!("{failure:?}"))),
        Err(failure) => {
            // A server that still answers has refused a write or the commit.
            if roll_back(lease).await {
                Err(CommitError::RolledBack(failure))
            } else {
                Err(CommitError::Unknown(format!("{failure:?}")))
            }
        }
    }
}

async fn send_all(lease: &Lease, writes: Vec<Write>) -> Result<Vec<Written>, Failure> {
    // Prepared as the writes are: the order of statements is that of the statement cache, which a
    // plain message would not wait for.
    let commit = Write::of("rows", sql("COMMIT"), 0);
    let conn = lease.connection()?;
    let mut steps: Vec<_> = writes.into_iter().map(|write| write.step(conn)).collect();
    steps.push(commit.step(conn));
    Ok(in_order(steps).await?)
}

/// Commits, and gives the connection back. No statement of the transaction may have failed:
/// PostgreSQL would take `COMMIT` for `ROLLBACK` then, without an error.
pub(super) async fn commit(lease: Lease) -> Result<(), CommitError> {
    match end(&lease, "COMMIT").await {
        Ok(Ok(())) => {
            lease.give_back();
            Ok(())
        }
        Ok(Err(error)) => {
            // A server that still answers has refused to commit.
            let why = error.to_string();
            if roll_back(lease).await {
                Err(CommitError::RolledBack(error.into()))
            } else {
                Err(CommitError::Unknown(why))
            }
        }
        Err(failure) => Err(CommitError::Unknown(format!("{failure:?}"))),
    }
}

/// Rolls back; says whether the server is still there.
pub(super) async fn roll_back(lease: Lease) -> bool {
    let alive = matches!(end(&lease, "ROLLBACK").await, Ok(Ok(())));
    if alive {
        lease.give_back();
    }
    alive
}

/// Ends a transaction that failed. A failure on a connection that turns out to be gone is told as
/// such, whatever the last thing was that the server said.
pub(super) async fn abandon(lease: Lease, failure: Failure) -> Failure {
    part(lease, "ROLLBACK", failure).await
}

/// The same for a statement outside of a transaction: an empty one shows whether the server is
/// still there.
pub(super) async fn look_after(lease: Lease, failure: Failure) -> Failure {
    part(lease, "", failure).await
}

async fn part(lease: Lease, statement: &str, failure: Failure) -> Failure {
    if failure.is_lost() {
        return failure;
    }
    if matches!(end(&lease, statement).await, Ok(Ok(()))) {
        lease.give_back();
        failure
    } else {
        Failure::lost(format!("the connection broke after {failure:?}"))
    }
}

async fn end(lease: &Lease, how: &str) -> Result<QueryResult<()>, Failure> {
    let mut conn = lease.connection()?;
    let ended = tokio::time::timeout(DEADLINE, conn.batch_execute(how)).await;
    ended.map_err(|_| Failure::lost("the database did not end a transaction in time"))
}
