//! One operation of the document.

use super::{
    credential::Credential,
    schemas::{Direction, Schemas},
};
use crate::{code::Code, endpoint::Endpoint, extract::Cursor, problem::ProblemBody};
use actix_web::http::Method;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The chapters of the document.
pub(super) fn tags() -> Value {
    json!([
        {"name": "accounts", "description": "Fans and their access tokens"},
        {"name": "catalog", "description": "What is sold"},
        {"name": "queue", "description": "Places in line"},
        {"name": "booking", "description": "Dates, seats, reservations and payments"},
        {"name": "wallets", "description": "Money"},
        {"name": "operators", "description": "Concerts, gates, figures and the audit"},
        {"name": "service", "description": "Health, metrics and this document"},
    ])
}

/// What there is to say about one row of the URL table.
pub(crate) struct Operation {
    id: &'static str,
    tag: &'static str,
    summary: &'static str,
    description: &'static str,
    credential: Credential,
    parameters: Vec<Value>,
    body: Option<Rendered>,
    answers: Vec<Success>,
    codes: Vec<Code>,
    limited: bool,
    asks_storage: bool,
}

/// A body's schema, once all schemas are gathered, and an example of it.
struct Rendered {
    refer: fn(&mut Schemas, Direction) -> Value,
    example: Value,
}

struct Success {
    status: u16,
    description: &'static str,
    media_type: &'static str,
    body: Option<Rendered>,
    etag: bool,
}

impl Operation {
    /// An operation that anyone may call.
    pub(super) fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            tag,
            summary,
            description: "",
            credential: Credential::None,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            codes: Vec::new(),
            limited: false,
            asks_storage: true,
        }
    }

    /// What the summary leaves out.
    pub(super) fn description(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// What the caller has to show.
    pub(super) fn credential(self, credential: Credential) -> Self {
        let limited = !matches!(credential, Credential::None | Credential::Operator(_));
        Self {
            credential,
            limited,
            ..self
        }
    }

    /// It is answered without storage.
    pub(super) fn without_storage(self) -> Self {
        Self {
            asks_storage: false,
            ..self
        }
    }

    /// A parameter of the query.
    pub(super) fn query(mut self, name: &str, schema: &Value, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "query", "required": false, "schema": schema, "description": description,
        }));
        self.codes.push(Code::ValidationFailed);
        self
    }

    /// It answers a page of a list.
    pub(super) fn page<T: ToSchema, C: Cursor>(mut self, description: &'static str, item: &Value) -> Self {
        let example = json!({"items": [item], "next_cursor": null});
        self.answers.push(Success {
            status: 200,
            description,
            media_type: "application/json",
            body: Some(Rendered {
                refer: Schemas::list_of::<T>,
                example,
            }),
            etag: false,
        });
        let limit = json!({"type": "integer", "minimum": 1, "maximum": 100, "default": 20});
        let pattern = format!("^{}{}[0-9a-f]{{{}}}$", C::LIST, C::FIRST_DIGIT, C::DIGITS - 1);
        let cursor = json!({"type": "string", "pattern": pattern});
        self.query("limit", &limit, "How many items at the most").query(
            "cursor",
            &cursor,
            "Where to go on: the `next_cursor` of the page before",
        )
    }

    /// A header that the caller may send.
    pub(super) fn header(mut self, name: &str, description: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "header", "required": false, "schema": {"type": "string"}, "description": description,
        }));
        self
    }

    /// The body it takes.
    pub(super) fn body<T: ToSchema>(self, example: Value) -> Self {
        let codes = [
            Code::MalformedRequest,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ];
        let body = Rendered {
            refer: Schemas::refer::<T>,
            example,
        };
        Self {
            body: Some(body),
            ..self
        }
        .codes(&codes)
    }

    /// A success with a body.
    pub(super) fn answer<T: ToSchema>(mut self, status: u16, description: &'static str, example: Value) -> Self {
        let body = Rendered {
            refer: Schemas::refer::<T>,
            example,
        };
        self.answers.push(Success {
            status,
            description,
            media_type: "application/json",
            body: Some(body),
            etag: false,
        });
        self
    }

    /// A success that is no JSON, or has no body at all.
    pub(super) fn plain_answer(mut self, status: u16, description: &'static str, media_type: &'static str) -> Self {
        self.answers.push(Success {
            status,
            description,
            media_type,
            body: None,
            etag: false,
        });
        self
    }

    /// The answers so far carry an `ETag`.
    pub(super) fn with_etag(mut self) -> Self {
        for answer in &mut self.answers {
            answer.etag = true;
        }
        self.header(
            "If-None-Match",
            "The `ETag` of an earlier answer; the same map is answered by 304",
        )
    }

    /// The operation's own refusals, in the order of the checks.
    pub(super) fn codes(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }

    /// The operation as the document has it.
    pub(super) fn render(mut self, endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
        self.add_common_codes(&endpoint.method);
        let mut parameters = path_parameters(endpoint.path);
        parameters.append(&mut self.parameters);
        if self.takes_key(&endpoint.method) {
            parameters.push(idempotency_key());
        }
        let description = format!("{}\n\n{}", self.credential.explained(), self.description);
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "description": description.trim(),
            "security": self.credential.requirements(),
            "responses": {},
        });
        if !parameters.is_empty() {
            operation["parameters"] = Value::Array(parameters);
        }
        if let Some(body) = &self.body {
            let schema = (body.refer)(schemas, Direction::Request);
            operation["requestBody"] = json!({
                "required": true,
                "content": {"application/json": {"schema": schema, "example": body.example}},
            });
        }
        for answer in &self.answers {
            operation["responses"][answer.status.to_string()] = answer.render(schemas);
        }
        for (status, codes) in self.by_status() {
            operation["responses"][status.to_string()] = problems(&codes, schemas);
        }
        operation
    }

    fn takes_key(&self, method: &Method) -> bool {
        method == Method::POST && self.credential != Credential::None
    }

    fn add_common_codes(&mut self, method: &Method) {
        self.codes.extend_from_slice(self.credential.codes());
        if self.takes_key(method) {
            let keyed = [
                Code::ValidationFailed,
                Code::IdempotencyKeyReused,
                Code::RequestInProgress,
            ];
            self.codes.extend_from_slice(&keyed);
        }
        if self.limited {
            self.codes.push(Code::RateLimited);
        }
        if self.asks_storage {
            self.codes
                .extend_from_slice(&[Code::Overloaded, Code::StorageUnavailable]);
            if method != Method::GET {
                self.codes.push(Code::OutcomeUnknown);
            }
        }
        self.codes.push(Code::Internal);
    }

    fn by_status(&self) -> BTreeMap<u16, Vec<Code>> {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in &self.codes {
            let codes = by_status.entry(code.status().as_u16()).or_default();
            if !codes.contains(code) {
                codes.push(*code);
            }
        }
        by_status
    }
}

impl Success {
    fn render(&self, schemas: &mut Schemas) -> Value {
        let mut headers = json!({"x-request-id": request_id()});
        if self.etag {
            headers["ETag"] = json!({"schema": {"type": "string"}, "description": "Changes with the map"});
        }
        let mut answer = json!({"description": self.description, "headers": headers});
        match &self.body {
            Some(body) => {
                let schema = (body.refer)(schemas, Direction::Answer);
                answer["content"] = json!({"application/json": {"schema": schema, "example": body.example}});
            }
            None if self.media_type.is_empty() => {}
            None => {
                let kind = if self.media_type == "application/json" {
                    "object"
                } else {
                    "string"
                };
                answer["content"] = json!({self.media_type: {"schema": {"type": kind}}});
            }
        }
        answer
    }
}

/// The parameters in the braces of a path.
fn path_parameters(path: &str) -> Vec<Value> {
    let names = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, description) = match name {
            "date" => (
                json!({"type": "string", "minLength": 1}),
                "`YYYY-MM-DD` at the venue, or the exact start as an RFC 3339 date-time",
            ),
            "file" => (
                json!({"type": "string", "minLength": 1}),
                "A file of the documentation page",
            ),
            _ => (
                json!({"type": "string", "format": "uuid"}),
                "An id that names nothing is a 404",
            ),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema, "description": description})
    };
    names.map(parameter).collect()
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "The caller's own name for this request: repeating it has no second effect",
    })
}

fn request_id() -> Value {
    json!({
        "required": true,
        "schema": {"type": "string", "format": "uuid"},
        "description": "Finds this request in the service's logs",
    })
}

/// The refusals with one status.
fn problems(codes: &[Code], schemas: &mut Schemas) -> Value {
    let problem = schemas.refer::<ProblemBody>(Direction::Answer);
    let words: Vec<&str> = codes.iter().map(|code| code.as_str()).collect();
    let lines: Vec<String> = codes
        .iter()
        .map(|code| format!("`{}`: {}", code.as_str(), code.title()))
        .collect();
    let mut headers = json!({"x-request-id": request_id()});
    if codes.iter().any(|code| code.may_pass()) {
        let seconds = json!({"type": "integer", "minimum": 1});
        headers["Retry-After"] = json!({"schema": seconds, "description": "Seconds to wait"});
    }
    if codes.contains(&Code::InvalidToken) {
        headers["WWW-Authenticate"] = json!({"schema": {"type": "string"}, "description": "`Bearer`"});
    }
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| (code.as_str().to_owned(), example(*code)))
        .collect();
    json!({
        "description": lines.join("\n\n"),
        "headers": headers,
        "content": {"application/problem+json": {
            "schema": {"allOf": [problem, {"properties": {"code": {"enum": words}}}]},
            "examples": examples,
        }},
    })
}

fn example(code: Code) -> Value {
    let mut problem = json!({
        "type": code.type_uri(),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": code.title(),
        "instance": "/v1/…",
        "code": code.as_str(),
        "request_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
    });
    if code.may_pass() {
        problem["retry_after_seconds"] = json!(1);
    }
    json!({"value": problem})
}
