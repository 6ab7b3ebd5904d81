//! The load: connections that each ask, wait for the answer, and ask again.

use anyhow::{Context as _, Result, bail, ensure};
use frontrow_rehearse::client::{Call, Connection, Reply};
use hdrhistogram::Histogram;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// What a connection does over and over again.
pub trait Work: Send + Sync + 'static {
    /// Does the next piece; `false` when there is none left. An answer that is not the expected
    /// one is an error: it ends the whole run.
    fn turn(&self, connection: &mut Connection) -> impl Future<Output = Result<bool>> + Send;
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// How many pieces.
    pub count: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// How long each piece took, in microseconds.
    pub micros: Histogram<u64>,
}

impl Done {
    /// Pieces a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.elapsed.as_secs_f64()
    }
}

/// Connections to one server, kept from one run to the next.
pub struct Crew {
    connections: Vec<Connection>,
}

impl Crew {
    /// Opens this many connections.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn open(authority: &str, size: usize) -> Result<Self> {
        Self::spread(&[authority], size).await
    }

    /// Opens this many connections in all, evenly to these servers. Whichever is free makes the next
    /// call, so that no caller is bound to a server.
    ///
    /// # Errors
    /// A server cannot be reached.
    pub async fn spread(authorities: &[&str], size: usize) -> Result<Self> {
        let mut connections = Vec::with_capacity(size);
        for authority in authorities.iter().cycle().take(size) {
            connections.push(Connection::open(authority).await?);
        }
        Ok(Self { connections })
    }

    /// Works until the time is over, or until there is nothing left to do.
    ///
    /// # Errors
    /// An answer was not the expected one.
    pub async fn work<W: Work>(&mut self, work: &Arc<W>, time: Option<Duration>) -> Result<Done> {
        let started = Instant::now();
        let end = time.map(|time| started + time);
        let mut tasks = JoinSet::new();
        for connection in self.connections.drain(..) {
            tasks.spawn(keep_working(connection, work.clone(), end));
        }
        let mut micros = histogram()?;
        while let Some(task) = tasks.join_next().await {
            let (connection, own) = task??;
            micros.add(own)?;
            self.connections.push(connection);
        }
        Ok(Done {
            count: micros.len(),
            elapsed: started.elapsed(),
            micros,
        })
    }

    /// Makes `count` calls, each once, and keeps what is read from the answers, in order.
    ///
    /// # Errors
    /// An answer has another status, or cannot be read.
    pub async fn ask_each<T, C, R>(&mut self, count: usize, expected: u16, call: C, read: R) -> Result<Vec<T>>
    where
        T: Send + 'static,
        C: Fn(usize) -> Call + Send + Sync + 'static,
        R: Fn(&Reply) -> Result<T> + Send + Sync + 'static,
    {
        let shared = Arc::new((AtomicUsize::new(0), call, read));
        let mut tasks = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let shared = shared.clone();
            tasks.spawn(async move {
                let (next, call, read) = &*shared;
                let mut own = Vec::new();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return anyhow::Ok((connection, own));
                    }
                    let reply = ask(&mut connection, call(index), expected).await?;
                    own.push((index, read(&reply)?));
                }
            });
        }
        let mut all = Vec::with_capacity(count);
        while let Some(task) = tasks.join_next().await {
            let (connection, own) = task??;
            self.connections.push(connection);
            all.extend(own);
        }
        ensure!(all.len() == count, "{} answers to {count} calls", all.len());
        all.sort_unstable_by_key(|(index, _)| *index);
        Ok(all.into_iter().map(|(_, value)| value).collect())
    }
}

async fn keep_working<W: Work>(
    mut connection: Connection,
    work: Arc<W>,
    end: Option<Instant>,
) -> Result<(Connection, Histogram<u64>)> {
    let mut micros = histogram()?;
    let mut before = Instant::now();
    while end.is_none_or(|end| before < end) && work.turn(&mut connection).await? {
        let after = Instant::now();
        let took = u64::try_from((after - before).as_micros()).unwrap_or(u64::MAX);
        micros.saturating_record(took);
        before = after;
    }
    Ok((connection, micros))
}

/// A microsecond to a minute, exact to three digits.
fn histogram() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// Calls, and insists on this status.
///
/// # Errors
/// The answer has another one; it is shown.
pub async fn ask(connection: &mut Connection, call: Call, expected: u16) -> Result<Reply> {
    let reply = connection.send(call).await?;
    if reply.status != expected {
        let body = String::from_utf8_lossy(&reply.body);
        let shown: String = body.chars().take(500).collect();
        bail!("{} was answered where {expected} was expected: {shown}", reply.status);
    }
    Ok(reply)
}

/// Calls that are each made once, in order.
pub struct Once {
    calls: std::sync::Mutex<std::vec::IntoIter<Call>>,
    expected: u16,
}

impl Once {
    /// All of these calls, each to be answered with this status.
    #[must_use]
    pub fn new(calls: Vec<Call>, expected: u16) -> Arc<Self> {
        Arc::new(Self {
            calls: std::sync::Mutex::new(calls.into_iter()),
            expected,
        })
    }
}

impl Work for Once {
    async fn turn(&self, connection: &mut Connection) -> Result<bool> {
        let next = self.calls.lock().ok().context("another connection panicked")?.next();
        let Some(call) = next else {
            return Ok(false);
        };
        ask(connection, call, self.expected).await?;
        Ok(true)
    }
}

/// Calls that are made over and over again.
pub struct Cycle {
    calls: Vec<Call>,
    next: AtomicUsize,
    expected: u16,
}

impl Cycle {
    /// These calls in turn, each to be answered with this status.
    #[must_use]
    pub fn new(calls: Vec<Call>, expected: u16) -> Arc<Self> {
        Arc::new(Self {
            calls,
            next: AtomicUsize::new(0),
            expected,
        })
    }
}

impl Work for Cycle {
    async fn turn(&self, connection: &mut Connection) -> Result<bool> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let call = self.calls.get(turn % self.calls.len().max(1));
        let call = call.context("there is nothing to ask")?.clone();
        ask(connection, call, self.expected).await?;
        Ok(true)
    }
}
