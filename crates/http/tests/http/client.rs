//! A client that says what it wants in one line and looks at what it gets.

use crate::house::Fan;
use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;

/// A request that is being put together.
pub struct Request(pub reqwest::RequestBuilder);

impl Request {
    pub fn bearer(self, credential: &str) -> Self {
        self.header("authorization", &format!("Bearer {credential}"))
    }

    /// As this fan.
    pub fn by(self, fan: &Fan) -> Self {
        self.bearer(&fan.access_token)
    }

    /// As this fan, with a place in line.
    pub fn inside(self, fan: &Fan, place: &str) -> Self {
        self.by(fan).queue(place)
    }

    pub fn queue(self, token: &str) -> Self {
        self.header("queue-token", token)
    }

    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    pub fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    pub fn body(self, body: impl Into<reqwest::Body>) -> Self {
        Self(self.0.body(body))
    }

    pub async fn send(self) -> Reply {
        let answer = self.0.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let kind = headers.get("content-type");
        // A stream has no end that one could wait for.
        let endless = kind.is_some_and(|kind| kind == "text/event-stream");
        let body = if endless {
            String::new()
        } else {
            answer.text().await.unwrap()
        };
        Reply { status, headers, body }
    }

    /// Sends, and looks only at the head of the answer and how long the body is: it may be packed.
    pub async fn head(self) -> Head {
        let answer = self.0.send().await.unwrap();
        Head {
            headers: answer.headers().clone(),
            bytes: answer.bytes().await.unwrap().len(),
        }
    }

    /// Sends, and has to get this status.
    pub async fn expect(self, status: u16) -> Value {
        let answer = self.send().await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()
        }
    }

    /// Sends until the answer is like this: what was read a moment ago may be told once more.
    pub async fn until(self, is: impl Fn(&Reply) -> bool) -> Reply {
        loop {
            let again = Self(self.0.try_clone().unwrap());
            let answer = again.send().await;
            if is(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Sends, and has to get this problem.
    pub async fn refused(self, status: u16, code: &str) -> Value {
        let answer = self.send().await;
        assert_eq!(
            (answer.status.as_u16(), answer.code().as_str()),
            (status, code),
            "{}",
            answer.body
        );
        answer.json()
    }
}

/// What came back, unread.
pub struct Head {
    pub headers: HeaderMap,
    pub bytes: usize,
}

impl Head {
    pub fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// What came back.
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    pub fn code(&self) -> String {
        serde_json::from_str::<Value>(&self.body).map_or_else(|_| String::new(), |body| text(&body, "code"))
    }

    pub fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }
}

/// A text field, empty when it is not there.
pub fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_default().to_owned()
}

/// One event of a stream.
#[derive(Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub name: String,
    pub data: Value,
}

/// An event stream as a client reads it.
pub struct Events {
    answer: reqwest::Response,
    read: String,
}

impl Events {
    /// The next event; `None` when the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let event = Event::parse(block);
                self.read = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.answer.chunk().await.unwrap()?;
            self.read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event, which has this name.
    pub async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await.unwrap();
        assert_eq!(event.name, name, "{event:?}");
        event
    }

    /// The stream has nothing more to say.
    pub async fn ends(mut self) {
        assert_eq!(self.next().await, None);
    }
}

impl Event {
    /// What is no comment and no instruction.
    fn parse(block: &str) -> Option<Self> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        Some(Self {
            id: field("id: ").map(str::to_owned),
            name: field("event: ")?.to_owned(),
            data: serde_json::from_str(field("data: ")?).unwrap(),
        })
    }
}

impl Request {
    /// Opens an event stream.
    pub async fn events(self) -> Events {
        let answer = self.0.send().await.unwrap();
        let kind = answer.headers().get("content-type").cloned();
        if answer.status() != StatusCode::OK {
            panic!("{}", answer.text().await.unwrap());
        }
        assert_eq!(kind.unwrap(), "text/event-stream");
        let read = String::new();
        Events { answer, read }
    }
}
