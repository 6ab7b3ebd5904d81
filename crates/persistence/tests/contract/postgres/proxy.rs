//! A way to the server that watches what goes by, and can be broken.
//!
//! It understands as much of the protocol as it takes to tell statements apart.

use super::server::Database;
use async_trait::async_trait;
use frontrow_contract::Fixture;
use frontrow_domain::{policy::Policy, storage::Storage};
use frontrow_persistence::postgres::{Postgres, PostgresSettings};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinHandle,
};

/// How far away the server is made to be. What the client sends within this time is one burst.
const DISTANCE: Duration = Duration::from_millis(10);

/// What went by.
#[derive(Debug, Default, Clone)]
pub struct Traffic {
    /// How often the client waited for an answer.
    pub round_trips: usize,
    /// How many statements were run.
    pub statements: usize,
    /// How many transactions were committed.
    pub commits: usize,
    /// Every statement that was prepared, with the types of its parameters.
    pub prepared: Vec<(String, Vec<u32>)>,
    /// Whether an answer came since the client last sent something.
    answered: bool,
}

/// What goes wrong at the next `COMMIT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never reaches the server, and the connection breaks.
    LosesCommit,
    /// The connection breaks before the server's answer comes back.
    LosesAnswer,
    /// As that, and the server cannot be reached any more.
    LosesServer,
    /// Nothing gets through any more, and nobody is told.
    GoesSilent,
}

#[derive(Default)]
struct State {
    traffic: Traffic,
    fault: Option<Fault>,
    closed: bool,
}

/// The way.
pub struct Proxy {
    url: String,
    state: Arc<Mutex<State>>,
    listening: JoinHandle<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A way to the database at this URL.
    pub async fn to(url: &str) -> Self {
        let (before, after) = url.split_once('@').expect("a URL with a user");
        let (server, database) = after.split_once('/').expect("a URL with a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State::default()));
        let listening = tokio::spawn(listen(listener, server.to_owned(), state.clone()));
        Self {
            url: format!("{before}@{here}/{database}"),
            state,
            listening,
        }
    }

    /// The database's URL by this way.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// What went by since this was asked the last time.
    pub fn traffic(&self) -> Traffic {
        std::mem::take(&mut lock(&self.state).traffic)
    }

    /// Lets the next `COMMIT` go wrong.
    pub fn breaks_at_commit(&self, fault: Fault) {
        lock(&self.state).fault = Some(fault);
    }

    /// Whether what was to go wrong has gone wrong.
    pub fn broke(&self) -> bool {
        lock(&self.state).fault.is_none()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, server: String, state: Arc<Mutex<State>>) {
    while let Ok((client, _)) = listener.accept().await {
        if lock(&state).closed {
            continue;
        }
        let server = TcpStream::connect(&server).await.expect("the server is there");
        client.set_nodelay(true).expect("a socket");
        server.set_nodelay(true).expect("a socket");
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let way = Way {
            state: state.clone(),
            loses_answers: Arc::default(),
        };
        let back = tokio::spawn(way.clone().back(from_server, to_client));
        tokio::spawn(async move {
            way.forth(from_client, to_server).await;
            back.abort();
        });
    }
}

/// One connection.
#[derive(Clone)]
struct Way {
    state: Arc<Mutex<State>>,
    loses_answers: Arc<Mutex<Option<Fault>>>,
}

impl Way {
    async fn forth(self, mut client: OwnedReadHalf, mut server: OwnedWriteHalf) -> Option<()> {
        let length = client.read_u32().await.ok()?;
        let greeting = body(&mut client, length).await?;
        server.write_u32(length).await.ok()?;
        server.write_all(&greeting).await.ok()?;
        let mut commits = Commits::default();
        loop {
            let kind = client.read_u8().await.ok()?;
            let length = client.read_u32().await.ok()?;
            let message = body(&mut client, length).await?;
            if commits.is_one(kind, &message) {
                lock(&self.state).traffic.commits += 1;
                self.commit().await?;
            }
            self.watch(kind, &message);
            let mut whole = vec![kind];
            whole.extend(length.to_be_bytes());
            whole.extend(message);
            server.write_all(&whole).await.ok()?;
        }
    }

    /// `None` to break the connection instead of passing the `COMMIT` on.
    async fn commit(&self) -> Option<()> {
        let fault = lock(&self.state).fault.take();
        match fault {
            None => {}
            Some(Fault::LosesCommit) => return None,
            Some(Fault::GoesSilent) => std::future::pending().await,
            Some(fault @ (Fault::LosesAnswer | Fault::LosesServer)) => {
                lock(&self.state).closed = fault == Fault::LosesServer;
                *self.loses_answers.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
            }
        }
        Some(())
    }

    fn watch(&self, kind: u8, message: &[u8]) {
        let mut state = lock(&self.state);
        let traffic = &mut state.traffic;
        match kind {
            b'P' => traffic.prepared.push(parse(message)),
            b'E' => traffic.statements += 1,
            b'Q' => traffic.statements += 1,
            // The driver forgets a prepared statement when it has time; nobody waits for that.
            b'C' | b'S' => return,
            _ => {}
        }
        if traffic.answered || traffic.round_trips == 0 {
            traffic.round_trips += 1;
            traffic.answered = false;
        }
    }

    async fn back(self, mut server: OwnedReadHalf, mut client: OwnedWriteHalf) -> Option<()> {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = server.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            let lost = *self.loses_answers.lock().unwrap_or_else(PoisonError::into_inner);
            if lost.is_some() {
                return None;
            }
            tokio::time::sleep(DISTANCE).await;
            lock(&self.state).traffic.answered = true;
            client.write_all(&buffer[..read]).await.ok()?;
        }
    }
}

/// Tells commits, which may be prepared as any other statement.
#[derive(Default)]
struct Commits {
    names: Vec<Vec<u8>>,
}

impl Commits {
    fn is_one(&mut self, kind: u8, message: &[u8]) -> bool {
        let mut parts = message.split(|byte| *byte == 0);
        match kind {
            b'Q' => message == b"COMMIT\0",
            b'P' => {
                let name = parts.next().expect("a name").to_vec();
                if parts.next() == Some(b"COMMIT") {
                    self.names.push(name);
                }
                false
            }
            b'B' => {
                let name = parts.nth(1).expect("a portal, then a name");
                self.names.iter().any(|commit| commit == name)
            }
            _ => false,
        }
    }
}

async fn body(client: &mut OwnedReadHalf, length: u32) -> Option<Vec<u8>> {
    let mut body = vec![0; length as usize - 4];
    client.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// The text and the parameter types of a `Parse` message: name, text, types.
fn parse(message: &[u8]) -> (String, Vec<u32>) {
    let mut parts = message.splitn(3, |byte| *byte == 0);
    let _name = parts.next().expect("a name");
    let text = String::from_utf8(parts.next().expect("a text").to_vec()).expect("UTF-8");
    let types = parts.next().expect("types").get(2..).unwrap_or_default();
    let types = types
        .chunks_exact(4)
        .map(|oid| u32::from_be_bytes(oid.try_into().expect("four bytes")));
    (text, types.collect())
}

/// A database behind a way that can be broken.
pub struct FarAway {
    pub database: Database,
    pub proxy: Proxy,
}

impl FarAway {
    pub async fn new() -> Self {
        let database = Database::migrated();
        let proxy = Proxy::to(&database.url()).await;
        Self { database, proxy }
    }
}

#[async_trait]
impl Fixture for FarAway {
    async fn storage(&self, policy: Policy) -> Storage {
        let settings = PostgresSettings {
            url: self.proxy.url(),
            ..self.database.settings(policy)
        };
        Storage::of(&Postgres::connect(settings).await.expect("the database opens"))
    }

    async fn pass(&self, time: time::Duration) {
        self.database.pass(time).await;
    }

    fn steers_time(&self) -> bool {
        false
    }
}
