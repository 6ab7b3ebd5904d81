//! Places in line.

use super::{credential::Credential, operation::Operation};
use crate::{
    code::Code,
    queue::{Join, TokenView},
};
use frontrow_domain::identity::Scope;
use serde_json::{Value, json};

fn waiting() -> Value {
    json!({
        "status": "waiting",
        "state": "waiting",
        "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
        "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
        "schedule_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a003",
        "date": "2026-12-24",
        "position": 42,
        "estimated_wait_seconds": 5,
        "estimated_wait_from_seconds": 5,
        "estimated_wait_to_seconds": 9,
        "poll_after_seconds": 1,
        "outlook": "all_held",
        "next_release_at": "2026-12-01T11:04:12.345Z",
        "issued_at": "2026-12-01T11:00:00.000Z",
        "activated_at": null,
        "expires_at": null,
        "remaining_seconds": null,
        "age_seconds": 0,
    })
}

/// A fan who was just let in.
pub(super) fn inside() -> Value {
    let mut token = waiting();
    for field in [
        "position",
        "estimated_wait_seconds",
        "estimated_wait_from_seconds",
        "estimated_wait_to_seconds",
        "poll_after_seconds",
        "next_release_at",
    ] {
        token[field] = Value::Null;
    }
    token["status"] = json!("active");
    token["state"] = json!("active");
    token["outlook"] = json!("open");
    token["activated_at"] = json!("2026-12-01T11:02:00.000Z");
    token["expires_at"] = json!("2026-12-01T11:03:00.000Z");
    token["remaining_seconds"] = json!(60);
    token
}

fn with_token(status: &str) -> Value {
    let mut token = waiting();
    token["status"] = json!(status);
    token["queue_token"] = json!("frq_AQGapMJ9EHzDmlQ_b2zwoAQ…");
    token
}

pub(crate) fn join() -> Operation {
    Operation::new("joinQueue", "queue", "Take a place in line for a date")
        .description("A fan has one place at a time; asking again gives the same one.")
        .credential(Credential::Fan(Scope::BookingOnBehalf))
        .body::<Join>(json!({"concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002", "date": "2026-12-24"}))
        .answer::<TokenView>(201, "A new place", with_token("issued"))
        .answer::<TokenView>(200, "The place the fan has already", with_token("existing"))
        .codes(&[
            Code::UserMismatch,
            Code::InvalidUser,
            Code::InvalidConcert,
            Code::InvalidDatetime,
            Code::AmbiguousDate,
            Code::BookingClosed,
        ])
}

pub(crate) fn poll() -> Operation {
    Operation::new("pollQueue", "queue", "Where a place in line stands")
        .description("The first call after admission claims the slot; without one it goes to the next fan.")
        .credential(Credential::QueueToken)
        .answer::<TokenView>(200, "The place", waiting())
        .codes(&[Code::NotFound, Code::OutcomeUnknown])
}

pub(crate) fn events() -> Operation {
    Operation::new("streamQueue", "queue", "Be told where a place in line stands, as it changes")
        .description(
            "Server-sent events, each with the body of a poll as its data. `position`: where a fan who waits stands; the first event, and \
             then in the rhythm of `poll_after_seconds` whenever a poll would say something else. `outlook`: at once when it changes whether \
             there is anything left, within 15 s to those inside. `admitted`: the fan is inside and the slot is claimed; the first event for who \
             is inside already, and again when `expires_at` has changed. `completed` or `expired`: the place has come to its end; the stream \
             ends, and to who comes back with the `id` of that event the answer is 204. `end`: the stream ends for a `reason` \
             (`shutting_down`, `storage_unavailable`, `slow_reader`) that has nothing to do with the place: come back. A line that begins with a \
             colon comes after 15 s with nothing to tell.",
        )
        .credential(Credential::QueueToken)
        .header("Last-Event-ID", "The last event that was seen; every other value is the same as none")
        .plain_answer(200, "Events, until the place has come to its end", "text/event-stream")
        .plain_answer(204, "The place has come to its end, and the client knows", "")
        .codes(&[Code::NotFound, Code::OutcomeUnknown])
}

pub(crate) fn leave() -> Operation {
    Operation::new("leaveQueue", "queue", "Give the place or the slot back")
        .description("Unpaid holds are released. Leaving again changes nothing.")
        .credential(Credential::QueueToken)
        .plain_answer(204, "Given back", "")
        .codes(&[Code::NotFound])
}
