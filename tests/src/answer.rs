//! Answers, and what is expected of them.

use reqwest::header::HeaderMap;
use serde_json::Value;
use std::{
    fmt::{self, Write as _},
    ops::Index,
};
use time::OffsetDateTime;

/// What a server answered. It is shown with the request it answers.
#[derive(Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub json: Value,
    request: String,
}

impl Answer {
    pub(crate) fn new(request: String, status: u16, headers: HeaderMap, body: Vec<u8>) -> Self {
        let json = serde_json::from_slice(&body).unwrap_or_default();
        Self {
            status,
            headers,
            body,
            json,
            request,
        }
    }

    /// Asserts the status.
    ///
    /// # Panics
    ///
    /// When it is another one; with the whole exchange.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "expected {status}\n{self}");
        self
    }

    /// Asserts that this is the problem of that code.
    ///
    /// # Panics
    ///
    /// When it is anything else; with the whole exchange.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        assert!(
            self.status == status && self.json["code"] == code,
            "expected {status} {code}\n{self}"
        );
        self
    }

    /// The field, as text.
    ///
    /// # Panics
    ///
    /// When it is absent or no text.
    #[must_use]
    #[track_caller]
    pub fn text(&self, field: &str) -> &str {
        match self[field].as_str() {
            Some(text) => text,
            None => panic!("{field} is no text\n{self}"),
        }
    }

    /// The field, as a whole number.
    ///
    /// # Panics
    ///
    /// When it is absent or no whole number.
    #[must_use]
    #[track_caller]
    pub fn number(&self, field: &str) -> i64 {
        match self[field].as_i64() {
            Some(number) => number,
            None => panic!("{field} is no whole number\n{self}"),
        }
    }

    /// The field, as a moment.
    ///
    /// # Panics
    ///
    /// When it is absent or none.
    #[must_use]
    #[track_caller]
    pub fn instant(&self, field: &str) -> OffsetDateTime {
        crate::instant(self.text(field))
    }

    /// The field, as a list.
    ///
    /// # Panics
    ///
    /// When it is absent or no list.
    #[must_use]
    #[track_caller]
    pub fn list(&self, field: &str) -> &[Value] {
        match self[field].as_array() {
            Some(list) => list,
            None => panic!("{field} is no list\n{self}"),
        }
    }

    /// Whether there is such a field, null or not.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.json.get(field).is_some()
    }

    /// The names of the body's fields, sorted.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        sorted_fields(&self.json)
    }

    /// A header, when it is there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Asserts that the fields of `expected` are there with these values; other fields may be there as well.
    ///
    /// # Panics
    ///
    /// When one is not; with the whole exchange.
    #[track_caller]
    pub fn shows(self, expected: &Value) -> Self {
        let fields = expected.as_object().expect("an object of expected fields");
        for (field, value) in fields {
            assert_eq!(&self[field.as_str()], value, "{field} is not as expected\n{self}");
        }
        self
    }
}

/// The names of an object's fields, sorted.
#[must_use]
pub fn sorted_fields(object: &Value) -> Vec<&str> {
    let fields = object.as_object().into_iter().flat_map(|fields| fields.keys());
    let mut names: Vec<_> = fields.map(String::as_str).collect();
    names.sort_unstable();
    names
}

impl Index<&str> for Answer {
    type Output = Value;

    /// A field of the body, null included; one that is absent fails the test.
    #[track_caller]
    fn index(&self, field: &str) -> &Value {
        match self.json.get(field) {
            Some(value) => value,
            None => panic!("there is no field {field}\n{self}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut head = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            writeln!(head, "{name}: {}", String::from_utf8_lossy(value.as_bytes()))?;
        }
        let body = String::from_utf8_lossy(&self.body);
        write!(f, ">>> {}\n<<< {head}\n{body}\n", self.request)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
