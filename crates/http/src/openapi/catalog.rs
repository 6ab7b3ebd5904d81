//! What is sold.

use super::operation::Operation;
use crate::{code::Code, concerts::ConcertView};
use frontrow_domain::id::ConcertId;
use serde_json::{Value, json};

fn concert() -> Value {
    json!({
        "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
        "title": "Winter Journey",
        "venue": "Arts Center",
        "schedules": [{
            "schedule_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a003",
            "date": "2026-12-24",
            "starts_at": "2026-12-24T10:30:00.000Z",
            "booking_opens_at": "2026-12-01T11:00:00.000Z",
            "booking_closes_at": "2026-12-24T09:30:00.000Z",
        }],
    })
}

pub(crate) fn list() -> Operation {
    Operation::new(
        "listConcerts",
        "catalog",
        "Concerts with their performances, newest first",
    )
    .page::<ConcertView, ConcertId>("A page of concerts", &concert())
}

pub(crate) fn show() -> Operation {
    Operation::new("getConcert", "catalog", "A concert with its performances")
        .codes(&[Code::InvalidConcert])
        .answer::<ConcertView>(200, "The concert", concert())
}
