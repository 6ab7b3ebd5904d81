//! Calls over HTTP.

use crate::{Answer, Method, PATIENCE, conventions};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

/// Longer than any story.
const STREAM: Duration = Duration::from_secs(3_600);

/// Somebody who calls one server, or each time any of several, with or without a credential.
#[derive(Debug, Clone)]
pub struct Client {
    bases: Arc<[String]>,
    http: reqwest::Client,
    bearer: Option<String>,
}

impl Client {
    /// Calls go to one of these addresses, chosen anew for each, as by a load balancer.
    pub(crate) fn new(bases: impl IntoIterator<Item = String>) -> Self {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS needs nothing");
        Self {
            bases: bases.into_iter().collect(),
            http,
            bearer: None,
        }
    }

    /// The same client with this bearer credential.
    #[must_use]
    pub fn with_bearer(&self, credential: &str) -> Self {
        Self {
            bearer: Some(credential.to_owned()),
            ..self.clone()
        }
    }

    /// Where the next call goes, as `http://address:port`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.bases[rand::random_range(0..self.bases.len())]
    }

    /// The same client for each of its addresses.
    pub(crate) fn apart(&self) -> impl Iterator<Item = Self> {
        self.bases.iter().map(|base| Self {
            bases: Arc::from([base.clone()]),
            ..self.clone()
        })
    }

    /// A call to be completed and awaited.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let call = Call {
            http: self.http.clone(),
            url: format!("{}{path}", self.base()),
            method,
            headers: HeaderMap::new(),
            body: None,
        };
        match &self.bearer {
            Some(credential) => call.header("authorization", &format!("Bearer {credential}")),
            None => call,
        }
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// A DELETE.
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// The status of a GET, when the server answers at all.
    pub(crate) async fn try_get(&self, path: &str) -> Option<u16> {
        let answer = self.http.get(format!("{}{path}", self.base())).send().await.ok()?;
        Some(answer.status().as_u16())
    }
}

/// A call that is sent when it is awaited, or by [`Call::send`].
#[derive(Clone)]
#[must_use = "a call is sent when it is awaited"]
pub struct Call {
    http: reqwest::Client,
    url: String,
    method: Method,
    headers: HeaderMap,
    body: Option<String>,
}

impl Call {
    /// With a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.raw(body.to_string())
    }

    /// With this very text as its JSON body.
    pub fn raw(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        if self.headers.contains_key("content-type") {
            return self;
        }
        self.header("content-type", "application/json")
    }

    /// With an `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With a `Queue-Token`.
    pub fn queue_token(self, token: &str) -> Self {
        self.header("queue-token", token)
    }

    /// With this header, in place of one of that name.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.insert(name, value);
        self
    }

    /// Without this header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// Sends it; `Err` when there was no whole answer, as when the server is killed meanwhile.
    ///
    /// # Errors
    ///
    /// What the connection died of.
    ///
    /// # Panics
    ///
    /// When the answer breaks a convention of the contract.
    pub async fn send(self) -> Result<Answer, reqwest::Error> {
        loop {
            let (answer, path) = self.exchange().await?;
            // The server had given up waiting for a request on this connection before it saw this one.
            if answer.status == 408 && answer.body.is_empty() {
                continue;
            }
            if self.method != Method::HEAD {
                conventions::check(&answer, &path);
            }
            return Ok(answer);
        }
    }

    /// Sends it; the answer may take as long as it likes.
    pub(crate) async fn begin(&self) -> Result<reqwest::Response, reqwest::Error> {
        let request = self.http.request(self.method.clone(), &self.url);
        request.headers(self.headers.clone()).timeout(STREAM).send().await
    }

    /// The answer, and the path that it is of.
    async fn exchange(&self) -> Result<(Answer, String), reqwest::Error> {
        let mut request = self
            .http
            .request(self.method.clone(), &self.url)
            .headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let path = response.url().path().to_owned();
        let headers = response.headers().clone();
        let body = response.bytes().await?;
        Ok((Answer::new(self.to_string(), status, headers, body.to_vec()), path))
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// Sends it.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let shown = self.to_string();
            match self.send().await {
                Ok(answer) => answer,
                Err(error) => panic!("no answer: {error:?}\n{shown}"),
            }
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = format!("{} {}\n", self.method, self.url);
        for (name, value) in &self.headers {
            writeln!(head, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        write!(f, "{head}\n{}", self.body.as_deref().unwrap_or_default())
    }
}
