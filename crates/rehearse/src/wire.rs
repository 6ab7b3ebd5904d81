//! What the rehearsal reads of the server's answers, and no more.

use crate::client::Reply;
use serde::Deserialize;
use std::{borrow::Cow, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A refusal.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem<'a> {
    #[serde(borrow)]
    pub(crate) code: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) detail: Cow<'a, str>,
}

/// A place in line.
#[derive(Debug, Deserialize)]
pub(crate) struct Place<'a> {
    #[serde(borrow)]
    pub(crate) state: Cow<'a, str>,
    /// Where the fan shows it; not in polls.
    #[serde(borrow, default)]
    pub(crate) queue_token: Option<Cow<'a, str>>,
    pub(crate) poll_after_seconds: Option<u64>,
    /// What is left to wait for.
    #[serde(borrow)]
    pub(crate) outlook: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) activated_at: Option<Cow<'a, str>>,
}

/// The seats one may still have.
#[derive(Debug, Deserialize)]
pub(crate) struct FreeSeats {
    pub(crate) seats: Vec<Seat>,
}

/// A seat.
#[derive(Debug, Deserialize)]
pub(crate) struct Seat {
    pub(crate) seat_number: u32,
}

/// Seats held.
#[derive(Debug, Deserialize)]
pub(crate) struct Held<'a> {
    #[serde(borrow)]
    pub(crate) reservation_id: Cow<'a, str>,
    pub(crate) seat_numbers: Vec<u32>,
}

/// Seats paid.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) seat_numbers: Vec<u32>,
}

/// The body as what it should be.
pub(crate) fn read<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Option<T> {
    serde_json::from_slice(&reply.body).ok()
}

/// The word for a refusal: the problem's code, or the status where there is none.
pub(crate) fn code(reply: &Reply) -> Cow<'_, str> {
    read::<Problem<'_>>(reply).map_or_else(|| format!("http_{}", reply.status).into(), |problem| problem.code)
}

/// How long the server asks to wait before the same call is made again.
pub(crate) fn retry_after(reply: &Reply) -> Option<Duration> {
    let header = reply.headers.get("retry-after").filter(|_| reply.status >= 400)?;
    header.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// A moment as milliseconds since 1970.
pub(crate) fn milliseconds(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}
