//! The connections that all fans share.

use crate::{
    base::Base,
    client::{Broken, Call, Connection, Reply},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};

/// How long a fan waits for an answer once the call has a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unanswered {
    /// The connection did not come about, or broke.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Nothing came for so long.
    #[error("no answer within {} s", .0.as_secs())]
    Silent(Duration),
}

impl Unanswered {
    /// The word under which it is counted; in the manner of the server's codes, none of which it is.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Unanswered::Broken(Broken::Connect { .. }) => "no_connection",
            Unanswered::Broken(Broken::Http(_)) => "connection_broken",
            Unanswered::Broken(Broken::Unsendable(_)) => "unsendable",
            Unanswered::Silent(_) => "no_answer",
        }
    }
}

/// A call that was answered.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) reply: Reply,
    /// When the call had a connection.
    pub(crate) passed_at: Instant,
    /// When the whole answer was there.
    pub(crate) answered_at: Instant,
}

/// A limited number of kept connections to one server; whoever finds none free waits in line for one.
#[derive(Debug)]
pub(crate) struct Door {
    base: Base,
    free: Semaphore,
    idle: Mutex<Vec<Connection>>,
}

impl Door {
    pub(crate) fn new(base: Base, connections: usize) -> Self {
        Self {
            base,
            free: Semaphore::new(connections),
            idle: Mutex::default(),
        }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.base
    }

    /// Calls over the next connection that is free.
    pub(crate) async fn call(&self, call: Call) -> Result<Exchange, Unanswered> {
        self.call_within(PATIENCE, call).await
    }

    /// Calls over the next connection that is free, and waits so long for the answer.
    pub(crate) async fn call_within(&self, patience: Duration, mut call: Call) -> Result<Exchange, Unanswered> {
        call.path.insert_str(0, &self.base.prefix);
        // An error would mean that the semaphore was closed, which nobody does.
        let _permit = self.free.acquire().await;
        let passed_at = Instant::now();
        let answered = tokio::time::timeout(patience, self.pass(call)).await;
        let reply = answered.map_err(|_| Unanswered::Silent(patience))??;
        Ok(Exchange {
            reply,
            passed_at,
            answered_at: Instant::now(),
        })
    }

    async fn pass(&self, call: Call) -> Result<Reply, Broken> {
        if let Some(mut kept) = self.kept() {
            match kept.send(call.clone()).await {
                // The server closed the kept connection just now, and has seen nothing of the call.
                Err(Broken::Http(error)) if error.is_canceled() => {}
                answered => return self.keep_after(kept, answered),
            }
        }
        let mut fresh = Connection::open(&self.base.authority).await?;
        let answered = fresh.send(call).await;
        self.keep_after(fresh, answered)
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn keep_after(&self, connection: Connection, answered: Result<Reply, Broken>) -> Result<Reply, Broken> {
        if answered.is_ok() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(connection);
        }
        answered
    }
}
