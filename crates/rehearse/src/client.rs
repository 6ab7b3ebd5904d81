//! One kept connection to a server, with as little between it and the socket as HTTP allows: what
//! the client burns is missing to the server when both share a machine.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header::{self, HeaderMap, HeaderValue},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why a call got no answer.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// No connection came about.
    #[error("cannot connect to {authority}: {reason}")]
    Connect {
        /// Host and port.
        authority: String,
        /// The system's words.
        reason: std::io::Error,
    },
    /// The connection ended, or what came over it was not HTTP.
    #[error("the connection broke: {0}")]
    Http(#[from] hyper::Error),
    /// Something in the call cannot be sent.
    #[error("this cannot be sent: {0}")]
    Unsendable(#[from] hyper::http::Error),
}

/// What is asked of the server.
#[derive(Debug, Clone)]
pub struct Call {
    /// How.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Headers besides `Host` and `Content-Type`.
    pub headers: HeaderMap,
    /// JSON, unless empty.
    pub body: Bytes,
}

impl Call {
    /// A call without a body.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A call with a JSON body.
    #[must_use]
    pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self {
            method: Method::POST,
            body: body.into(),
            ..Self::get(path)
        }
    }

    /// The same call with one header more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// What the server said.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// A connection that is kept between calls.
#[derive(Debug)]
pub struct Connection {
    host: HeaderValue,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects to `host:port`. Must be called on a tokio runtime, which then drives the
    /// connection.
    ///
    /// # Errors
    /// When there is no connection to be had.
    pub async fn open(authority: &str) -> Result<Self, Broken> {
        let refused = |reason| Broken::Connect {
            authority: authority.to_owned(),
            reason,
        };
        let stream = TcpStream::connect(authority).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended");
            }
        });
        let host = HeaderValue::from_str(authority).map_err(hyper::http::Error::from)?;
        Ok(Self { host, sender })
    }

    /// Whether the server has closed the connection, so that another one is needed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Calls, and waits for the whole answer.
    ///
    /// # Errors
    /// When the connection breaks before the answer is complete; it is of no use then.
    pub async fn send(&mut self, call: Call) -> Result<Reply, Broken> {
        let answer = self.begin(call).await?;
        let (head, body) = answer.into_parts();
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// Calls, and leaves it to the caller to read the answer as it comes. The connection is of no
    /// other use.
    ///
    /// # Errors
    /// When the connection breaks before there is an answer.
    pub async fn stream(mut self, call: Call) -> Result<Events, Broken> {
        let answer = self.begin(call).await?;
        Ok(Events {
            status: answer.status().as_u16(),
            body: answer.into_body(),
            unread: Vec::new(),
            _connection: self,
        })
    }

    async fn begin(&mut self, call: Call) -> Result<Response<Incoming>, Broken> {
        let has_body = !call.body.is_empty();
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.path.parse().map_err(hyper::http::Error::from)?;
        *request.headers_mut() = call.headers;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        if has_body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

/// An answer that is an event stream. It ends when it is dropped.
#[derive(Debug)]
pub struct Events {
    /// The HTTP status.
    pub status: u16,
    body: Incoming,
    unread: Vec<u8>,
    _connection: Connection,
}

impl Events {
    /// The data of the next event; `None` when the stream has ended. Comments, and what clients are
    /// told about coming back, have none and are passed over.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        loop {
            while let Some(end) = self.unread.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let mut lines = block.split(|byte| *byte == b'\n');
                if let Some(data) = lines.find_map(|line| line.strip_prefix(b"data: ")) {
                    return Ok(Some(data.to_vec()));
                }
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            if let Ok(data) = frame?.into_data() {
                self.unread.extend_from_slice(&data);
            }
        }
    }
}
