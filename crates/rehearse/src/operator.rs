//! What the rehearsal asks for as an operator, before and after the sale.

use crate::{
    client::{Broken, Call, Reply},
    door::{Door, Unanswered},
    obstacle::Obstacle,
    wire::{self, Problem},
};
use hyper::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// How often a call is made again that was asked to come back.
const MOST_ATTEMPTS: u32 = 60;

/// How long a server may take to show what it is.
const GREETING: Duration = Duration::from_secs(10);

/// How long an answer is waited for. An audit reads everything there is, and has a minute for it.
const PATIENCE: Duration = Duration::from_secs(90);

/// The operator of a rehearsal.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) door: Arc<Door>,
    bearer: HeaderValue,
}

/// What the server's audit found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Whether nothing is violated.
    pub ok: bool,
    /// Every invariant.
    pub checks: Vec<Check>,
}

/// One invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub invariant: String,
    /// What it says.
    pub statement: String,
    /// How often it is violated.
    pub violations: u64,
    /// The first few violations.
    pub sample: Vec<String>,
}

/// How many seats of a performance are in which state, as the server counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct SeatCounts {
    pub(crate) available: u64,
    pub(crate) held: u64,
    pub(crate) sold: u64,
}

/// What a server says of itself.
#[derive(Debug)]
pub(crate) struct Greeting {
    pub(crate) now: OffsetDateTime,
    pub(crate) version: String,
}

#[derive(Debug, Deserialize)]
struct Stats {
    seats: SeatCounts,
}

impl Operator {
    pub(crate) fn new(door: Arc<Door>, key: &SecretString) -> Result<Self, Obstacle> {
        let bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
        let mut bearer = bearer.map_err(|_| Obstacle::new("the operator key cannot be sent"))?;
        bearer.set_sensitive(true);
        Ok(Self { door, bearer })
    }

    /// Finds out whether a frontrow answers there.
    pub(crate) async fn greet(&self) -> Result<Greeting, Obstacle> {
        let base = self.door.base();
        let reply = match self.door.call_within(GREETING, Call::get("/openapi.json")).await {
            Ok(exchange) => exchange.reply,
            Err(Unanswered::Broken(Broken::Http(_))) => {
                return Err(Obstacle::new(format!("{base} is reached, but does not answer in HTTP")));
            }
            Err(unanswered) => return Err(Obstacle::new(format!("{base} does not answer: {unanswered}"))),
        };
        if (300..400).contains(&reply.status) {
            let elsewhere = reply.headers.get("location").and_then(|to| to.to_str().ok());
            let elsewhere = elsewhere.unwrap_or("elsewhere");
            return Err(Obstacle::new(format!("{base} sends its callers to {elsewhere}")));
        }
        let document: Option<serde_json::Value> = wire::read(&reply);
        let info = document.map(|mut document| document["info"].take()).unwrap_or_default();
        if info["title"] != "frontrow" {
            return Err(Obstacle::new(format!("{base} answers, but is not frontrow")));
        }
        let date = reply.headers.get("date").and_then(|date| date.to_str().ok());
        let now = date.and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
        Ok(Greeting {
            now: now.ok_or_else(|| Obstacle::new(format!("{base} does not say what time it is")))?,
            version: info["version"].as_str().unwrap_or_default().to_owned(),
        })
    }

    /// Finds out whether the key has a scope, by a call that does nothing and is answered by one of `statuses` then.
    pub(crate) async fn check_scope(&self, scope: &str, call: Call, statuses: &[u16]) -> Result<Reply, Obstacle> {
        let base = self.door.base();
        let reply = self.ask(call).await?;
        match reply.status {
            401 => Err(Obstacle::new(format!("the operator key is not one of {base}"))),
            403 => Err(Obstacle::new(format!("the operator key has not the scope {scope}"))),
            status if statuses.contains(&status) => Ok(reply),
            _ => Err(refusal(&format!("the scope {scope} cannot be checked"), &reply)),
        }
    }

    /// Calls as the operator, and comes back as often as the server asks for.
    pub(crate) async fn ask(&self, call: Call) -> Result<Reply, Obstacle> {
        self.ask_with(call, &self.bearer).await
    }

    /// Calls with a fan's credential.
    pub(crate) async fn ask_with(&self, call: Call, bearer: &HeaderValue) -> Result<Reply, Obstacle> {
        let call = call.with("authorization", bearer.clone());
        let mut attempts = 0;
        loop {
            let exchange = self.door.call_within(PATIENCE, call.clone()).await;
            let reply = exchange.map_err(|unanswered| {
                let base = self.door.base();
                Obstacle::new(format!(
                    "{base} does not answer {} {}: {unanswered}",
                    call.method, call.path
                ))
            });
            let reply = reply?.reply;
            attempts += 1;
            match wire::retry_after(&reply) {
                Some(wait) if attempts < MOST_ATTEMPTS => tokio::time::sleep(wait).await,
                _ => return Ok(reply),
            }
        }
    }

    /// What the audit finds now.
    pub(crate) async fn audit(&self) -> Result<Audit, Obstacle> {
        let reply = self
            .check_scope("audit:read", Call::get("/v1/admin/audit"), &[200])
            .await?;
        wire::read(&reply).ok_or_else(|| Obstacle::new("the answer of the audit cannot be read"))
    }

    /// How many seats are in which state now.
    pub(crate) async fn seats(&self, schedule_id: &str) -> Result<SeatCounts, Obstacle> {
        let call = Call::get(format!("/v1/admin/schedules/{schedule_id}/stats"));
        let reply = self.check_scope("stats:read", call, &[200]).await?;
        let stats: Option<Stats> = wire::read(&reply);
        stats
            .map(|stats| stats.seats)
            .ok_or_else(|| Obstacle::new("the statistics cannot be read"))
    }
}

/// A refusal of something that has to succeed.
pub(crate) fn refusal(what: &str, reply: &Reply) -> Obstacle {
    let code = wire::code(reply);
    match wire::read::<Problem<'_>>(reply) {
        Some(problem) => Obstacle::new(format!("{what}: {code} ({})", problem.detail)),
        None => Obstacle::new(format!("{what}: {code}")),
    }
}
