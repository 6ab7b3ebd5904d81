//! What the contract promises of every answer, whatever it is about.

use crate::Answer;
use serde_json::{Map, Value};
use uuid::Uuid;

/// Fields of the problem's own; `retry_after_seconds` and `seat_numbers` come where they are useful.
const PROBLEM: [&str; 7] = ["type", "title", "status", "detail", "instance", "code", "request_id"];

/// Pieces of text that only the inside of a server produces.
const LEAKS: [&str; 6] = ["::", ".rs", "SELECT ", "panicked", "sqlite", "postgres"];

const AMOUNTS: [&str; 6] = ["amount", "balance", "balance_after", "price", "revenue", "total_price"];

/// Fails the test when the answer breaks a convention.
pub(crate) fn check(answer: &Answer, path: &str) {
    if answer.status >= 400 {
        check_problem(answer, path);
    } else if answer
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/json"))
        && !is_document(path)
    {
        check_fields(answer, &answer.json);
    }
    if answer.status == 204 || answer.status == 304 {
        assert!(answer.body.is_empty(), "an answer without content has some\n{answer}");
    }
    assert!(
        answer.header("x-request-id").is_some(),
        "there is no x-request-id\n{answer}"
    );
}

/// The OpenAPI document shows fields as schemas, not as values.
fn is_document(path: &str) -> bool {
    path == "/openapi.json" || path.starts_with("/docs")
}

fn check_problem(answer: &Answer, path: &str) {
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(
        kind.starts_with("application/problem+json"),
        "no problem+json\n{answer}"
    );
    for field in PROBLEM {
        assert!(answer.has(field), "the problem has no {field}\n{answer}");
    }
    assert_eq!(
        answer["status"], answer.status,
        "the problem's status is another\n{answer}"
    );
    assert_eq!(
        answer["instance"], path,
        "the problem's instance is another path\n{answer}"
    );
    for field in ["type", "title", "detail", "code", "request_id"] {
        assert!(
            !answer.text(field).is_empty(),
            "the problem's {field} is empty\n{answer}"
        );
    }
    // A declined payment is recorded, and repeated byte for byte to every request with its key.
    if answer["code"] != "payment_failed" {
        let header = answer.header("x-request-id");
        assert_eq!(
            Some(answer.text("request_id")),
            header,
            "two names for one request\n{answer}"
        );
    }
    let wait = answer.json.get("retry_after_seconds").and_then(Value::as_i64);
    let header = answer.header("retry-after").and_then(|wait| wait.parse().ok());
    assert_eq!(wait, header, "body and header disagree on when to retry\n{answer}");
    let body = String::from_utf8_lossy(&answer.body);
    for leak in LEAKS {
        assert!(!body.contains(leak), "the problem shows the inside: {leak}\n{answer}");
    }
}

fn check_fields(answer: &Answer, value: &Value) {
    match value {
        Value::Object(fields) => check_object(answer, fields),
        Value::Array(items) => items.iter().for_each(|item| check_fields(answer, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn check_object(answer: &Answer, fields: &Map<String, Value>) {
    for (name, value) in fields {
        let absent = value.is_null();
        if name.ends_with("_at") || name == "held_until" {
            let well_formed = value.as_str().is_some_and(is_instant);
            assert!(
                absent || well_formed,
                "{name} is no UTC time with milliseconds\n{answer}"
            );
        } else if name.ends_with("_id") {
            let well_formed = value.as_str().is_some_and(is_id);
            assert!(absent || well_formed, "{name} is no UUIDv7\n{answer}");
        } else if AMOUNTS.contains(&name.as_str()) {
            assert!(value.is_number(), "{name} is no JSON number\n{answer}");
        } else {
            check_fields(answer, value);
        }
    }
}

/// `2026-11-21T10:00:00.000Z`, in this form alone.
fn is_instant(text: &str) -> bool {
    let pattern = "dddd-dd-ddTdd:dd:dd.dddZ";
    let fits = |(shown, wanted): (char, char)| {
        if wanted == 'd' {
            shown.is_ascii_digit()
        } else {
            shown == wanted
        }
    };
    text.len() == pattern.len() && text.chars().zip(pattern.chars()).all(fits)
}

fn is_id(text: &str) -> bool {
    Uuid::try_parse(text).is_ok_and(|id| id.get_version_num() == 7 && id.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::{is_id, is_instant};

    #[test]
    fn times_have_milliseconds_and_are_utc() {
        assert!(is_instant("2026-11-21T10:00:00.000Z"));
        for wrong in [
            "2026-11-21T10:00:00Z",
            "2026-11-21T10:00:00.000000Z",
            "2026-11-21T10:00:00.000+09:00",
            "2026-11-21 10:00:00.000Z",
        ] {
            assert!(!is_instant(wrong), "{wrong}");
        }
    }

    #[test]
    fn ids_are_version_seven() {
        assert!(is_id("019a8f3c-5b7e-7c11-9d3a-0123456789ab"));
        assert!(!is_id("019a8f3c-5b7e-4c11-9d3a-0123456789ab"));
        assert!(!is_id("7"));
    }
}
