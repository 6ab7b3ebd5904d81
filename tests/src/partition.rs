//! A network between an instance and its database that can be cut.

use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// A way to a PostgreSQL server. While it is cut nothing gets through in either direction, and neither end is told.
#[derive(Debug)]
pub struct Partition {
    url: String,
    cut: watch::Sender<bool>,
    listening: JoinHandle<()>,
}

impl Partition {
    /// A way to the database at this URL, open.
    ///
    /// # Panics
    ///
    /// When the URL names no host and port.
    pub async fn before(url: &str) -> Self {
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let (authority, database) = rest.split_once('/').expect("a URL with a database");
        let (user, server) = authority.rsplit_once('@').expect("a URL with a user");
        let server = tokio::net::lookup_host(server).await.expect("a host and a port").next();
        let server = server.expect("an address");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let here = listener.local_addr().expect("an address");
        let cut = watch::Sender::new(false);
        let listening = tokio::spawn(listen(listener, server, cut.subscribe()));
        Self {
            url: format!("{scheme}://{user}@{here}/{database}"),
            cut,
            listening,
        }
    }

    /// The database's URL by this way.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets nothing through any more.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Lets everything through again, also what was held up.
    pub fn heal(&self) {
        self.cut.send_replace(false);
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, server: SocketAddr, cut: watch::Receiver<bool>) {
    let cut = Arc::new(cut);
    while let Ok((client, _)) = listener.accept().await {
        let cut = cut.clone();
        tokio::spawn(async move {
            open(&cut).await?;
            let server = TcpStream::connect(server).await.ok()?;
            client.set_nodelay(true).ok()?;
            server.set_nodelay(true).ok()?;
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let _ = tokio::join!(pass(from_client, to_server, &cut), pass(from_server, to_client, &cut));
            Some(())
        });
    }
}

/// Waits until the way is open; `None` when there is no way any more.
async fn open(cut: &watch::Receiver<bool>) -> Option<()> {
    cut.clone().wait_for(|cut| !*cut).await.ok().map(|_| ())
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    cut: &watch::Receiver<bool>,
) -> Option<()> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = from.read(&mut buffer).await.ok()?;
        open(cut).await?;
        if read == 0 {
            return to.shutdown().await.ok();
        }
        to.write_all(&buffer[..read]).await.ok()?;
    }
}
