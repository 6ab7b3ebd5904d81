//! Calls over HTTP.

use crate::{Answer, Method, PATIENCE, conventions};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    pin::Pin,
};

/// Somebody who calls one server, with or without a credential.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    http: reqwest::Client,
    bearer: Option<String>,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        let http = reqwest::Client::builder()
            .timeout(PATIENCE)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client without TLS needs nothing");
        Self {
            base: base.trim_end_matches('/').to_owned(),
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

    /// Where it calls, as `http://address:port`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A call to be completed and awaited.
    pub fn call(&self, method: Method, path: &str) -> Call {
        let call = Call {
            http: self.http.clone(),
            url: format!("{}{path}", self.base),
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
        let answer = self.http.get(format!("{}{path}", self.base)).send().await.ok()?;
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
        let exchange = self.to_string();
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
        let answer = Answer::new(exchange, status, headers, body.to_vec());
        if self.method != Method::HEAD {
            conventions::check(&answer, &path);
        }
        Ok(answer)
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
