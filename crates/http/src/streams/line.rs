//! The stream of a place in line: where the fan stands, that it is their turn, that it is over.

use super::{Kind, OUT_OF_REACH, Reason, Source, THE_END, Told, event, watch::Watching};
use crate::{
    code::Code,
    desk::Desk,
    endpoint::Outcome,
    extract::Call,
    limits::Rule,
    problem::Problem,
    queue::{Standing, TokenView, standing},
};
use actix_web::{HttpResponse, web::Bytes};
use frontrow_domain::{
    clock::Timestamp,
    queue::{Outlook, Place, Ticket, TokenState},
};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// When a place is looked at again after that was not possible.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How often a place is looked at at the least, waiting or inside.
const AT_LEAST: Duration = Duration::from_secs(15);

/// After this time a gate may be watched that cannot be now.
const GATE_AGAIN: Duration = Duration::from_secs(60);

/// `GET /v1/queue/tokens/current/events`
pub(crate) async fn open(call: Call) -> Outcome {
    let ticket = call.ticket()?;
    call.limit_user(Rule::Poll, ticket.token.user_id)?;
    let stream = call.api().streams.open(Kind::Line, ticket.token.user_id)?;
    let desk = call.desk.anew();
    // Watched before it is looked at, so that nothing is missed in between.
    let mut line = Line::new(desk, ticket);
    let standing = standing(&call.desk, ticket).await?;
    let state = standing.status.state();
    if !state.is_live() && call.last_event_id().as_deref() == Some(THE_END) {
        // The word for clients that come back by themselves to stop that.
        return Ok(HttpResponse::NoContent().finish());
    }
    if state == TokenState::Waiting && call.api().views.front(ticket.token.schedule_id).is_none() {
        let full = "too many gates are asked for here; asking again and again still works";
        return Err(Problem::new(Code::Overloaded, full).retry_after(GATE_AGAIN));
    }
    if standing.age() > OUT_OF_REACH {
        let away = "the storage does not answer here; asking again and again tells what was known last";
        return Err(Problem::new(Code::StorageUnavailable, away).retry_after(OUT_OF_REACH));
    }
    line.first = line.tell(&standing);
    Ok(super::answer(&call, line, stream))
}

struct Line {
    desk: Desk,
    ticket: Ticket,
    watching: Watching,
    /// When to look again, called or not.
    due: Instant,
    /// What is told first of all.
    first: Option<Told>,
    told: Option<Known>,
    /// Since when the place cannot be looked at.
    missed_since: Option<Instant>,
}

/// What the fan was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    state: TokenState,
    place: Option<Place>,
    outlook: Option<Outlook>,
    expires_at: Option<Timestamp>,
    /// Whether storage could not be asked.
    is_old: bool,
}

impl Known {
    fn of(standing: &Standing) -> Self {
        let status = &standing.status;
        Self {
            state: status.state(),
            place: status.place,
            outlook: status.outlook,
            expires_at: status.expires_at(),
            is_old: standing.age_seconds() > 0,
        }
    }

    fn outlook_word(&self) -> Option<&'static str> {
        self.outlook.map(Outlook::as_str)
    }
}

impl Line {
    fn new(desk: Desk, ticket: Ticket) -> Self {
        let watchers = &desk.api().watchers;
        Self {
            watching: watchers.wait(ticket.token.schedule_id, ticket.number),
            desk,
            ticket,
            due: Instant::now(),
            first: None,
            told: None,
            missed_since: None,
        }
    }

    /// What there is to tell of a place, unless it was told before. Says when to look again.
    fn tell(&mut self, standing: &Standing) -> Option<Told> {
        let status = &standing.status;
        let now = Known::of(standing);
        let before = self.told.replace(now);
        let again = match status.state() {
            TokenState::Waiting => status.place.map(|place| Duration::from_secs(place.poll_after_seconds)),
            TokenState::Active => {
                if before.is_none_or(|before| before.state != TokenState::Active) {
                    self.watching = self.desk.api().watchers.inside_and_told(self.ticket.token);
                }
                let left = status.token.lapses_at - status.as_of;
                // Over at that very moment, not a little before.
                Some(Duration::try_from(left).unwrap_or_default() + Duration::from_millis(5))
            }
            TokenState::Completed | TokenState::Expired | TokenState::Left => None,
        };
        self.due = Instant::now() + again.unwrap_or(AT_LEAST).min(AT_LEAST);
        told(now, before, standing)
    }
}

/// What is said to somebody who knew something before.
fn told(now: Known, before: Option<Known>, standing: &Standing) -> Option<Told> {
    let write = |name| body(name, None, standing);
    let last = |name| Some(Told::Last(body(name, Some(THE_END), standing), Reason::TokenEnded));
    match now.state {
        TokenState::Waiting => {
            let name = match before {
                Some(before) if before.outlook_word() != now.outlook_word() => "outlook",
                Some(before) if before == now => return None,
                Some(_) | None => "position",
            };
            Some(Told::Event(write(name)))
        }
        TokenState::Active => {
            let name = match before {
                Some(before) if before == now => return None,
                Some(before) if before.state != TokenState::Active => "admitted",
                Some(before) if before.expires_at == now.expires_at => "outlook",
                Some(_) | None => "admitted",
            };
            Some(Told::Event(write(name)))
        }
        TokenState::Completed => last("completed"),
        TokenState::Expired | TokenState::Left => last("expired"),
    }
}

fn body(name: &str, id: Option<&str>, standing: &Standing) -> Bytes {
    event(name, id, &TokenView::of_standing(standing))
}

impl Source for Line {
    async fn next(&mut self) -> Told {
        if let Some(first) = self.first.take() {
            return first;
        }
        loop {
            tokio::select! {
                () = self.watching.called() => {}
                () = sleep_until(self.due) => {}
            }
            // Due until it was looked at, even if this is dropped meanwhile.
            self.due = Instant::now();
            let desk = self.desk.anew();
            // Boxed, so that a stream that waits does not carry the room that looking takes.
            match Box::pin(standing(&desk, self.ticket)).await {
                Ok(standing) if standing.age() > OUT_OF_REACH => return Told::End(Reason::StorageUnavailable),
                Ok(standing) => {
                    self.missed_since = None;
                    if let Some(told) = self.tell(&standing) {
                        return told;
                    }
                }
                Err(problem) => {
                    tracing::debug!(?problem, "a place in line could not be looked at");
                    let now = Instant::now();
                    if now - *self.missed_since.get_or_insert(now) > OUT_OF_REACH {
                        return Told::End(Reason::StorageUnavailable);
                    }
                    self.due = now + TRY_AGAIN;
                }
            }
        }
    }
}
