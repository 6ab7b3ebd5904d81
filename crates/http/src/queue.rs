//! Places in line.

use crate::{
    api::Api,
    desk::Desk,
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields},
    fresh::NotBefore,
    limits::Rule,
    problem::Problem,
    wire::{Day, Instant, or_null, seconds_until, visible_state, words},
};
use actix_web::{HttpResponse, http::StatusCode};
use frontrow_domain::{
    catalog::DateSelector,
    id::{ConcertId, ScheduleId, TokenId, UserId},
    queue::{
        Forecast, JoinQueue, LeaveQueue, Outlook, Ticket, TokenRef, TokenState, TokenStatus, UnknownToken, Visit,
        service::Glance,
    },
};
use serde::Serialize;
use std::{sync::Arc, time::Duration};
use utoipa::{ToSchema, openapi::Schema};
use uuid::Uuid;

/// Which line to join.
#[derive(ToSchema)]
pub(crate) struct Join {
    #[schema(format = Uuid)]
    concert_id: String,
    /// `YYYY-MM-DD` at the venue, or the exact start as an RFC 3339 date-time.
    date: String,
    /// The caller's own; an operator names the fan.
    #[schema(format = Uuid)]
    user_id: Option<String>,
}

impl Body for Join {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            concert_id: fields.name_of("concert_id")?,
            date: fields.name_of("date")?,
            user_id: fields.optional_name_of("user_id")?,
        })
    }
}

/// A place in line. What does not apply is null.
#[derive(Serialize, ToSchema)]
#[schema(as = QueueToken)]
pub(crate) struct TokenView {
    /// `issued` or `existing` when asked for, later the same as `state`.
    #[schema(schema_with = status_words)]
    status: &'static str,
    #[schema(schema_with = state_words)]
    state: &'static str,
    /// Says where in line: `Queue-Token: …`. The same each time; not in polls.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    queue_token: Option<String>,
    user_id: Uuid,
    concert_id: Uuid,
    schedule_id: Uuid,
    date: Day,
    /// 1 for the next to enter.
    #[schema(minimum = 1)]
    position: Option<u64>,
    /// When the fan may expect to enter, from the pace measured at the gate; null while nobody is let in: the gate
    /// is paused or everything is sold.
    estimated_wait_seconds: Option<u64>,
    /// It may be as soon as this; never sooner than the pace that is set for the gate allows.
    estimated_wait_from_seconds: Option<u64>,
    /// It may take as long as this. The more was seen of the gate's pace, the closer the two are.
    estimated_wait_to_seconds: Option<u64>,
    /// When to ask again: longer the longer the wait, a little different for each fan.
    #[schema(minimum = 1)]
    poll_after_seconds: Option<u64>,
    /// `open`: there are free seats. `all_held`: every seat that is not sold is held by somebody, until
    /// `next_release_at` or earlier. `sold_out`: every seat is sold; nobody is let in. Null once the token has ended,
    /// and while it is not known.
    #[schema(schema_with = outlook_words)]
    outlook: Option<&'static str>,
    /// When the first hold ends while all seats are held; its seats are free then unless they are paid or given back before.
    next_release_at: Option<Instant>,
    issued_at: Instant,
    /// When the fan was let in.
    activated_at: Option<Instant>,
    /// When an active token ends by itself.
    expires_at: Option<Instant>,
    remaining_seconds: Option<u64>,
    /// How old this is. More than 0 only while the instance that answers cannot ask storage: then it is what was known last.
    age_seconds: u64,
}

fn state_words() -> Schema {
    let shown = TokenState::ALL.into_iter().filter(|state| *state != TokenState::Left);
    words(shown.map(visible_state))
}

fn outlook_words() -> Schema {
    or_null(Outlook::WORDS)
}

fn status_words() -> Schema {
    let shown = TokenState::ALL.into_iter().filter(|state| *state != TokenState::Left);
    words(["issued", "existing"].into_iter().chain(shown.map(visible_state)))
}

impl TokenView {
    /// As polls and streams tell it.
    pub(crate) fn of_standing(standing: &Standing) -> Self {
        Self {
            age_seconds: standing.age_seconds(),
            ..Self::of(&standing.status, None, None)
        }
    }

    pub(crate) fn of(status: &TokenStatus, word: Option<&'static str>, queue_token: Option<String>) -> Self {
        let token = &status.token;
        let state = visible_state(status.state());
        let place = status.place;
        let expires_at = status.expires_at();
        Self {
            status: word.unwrap_or(state),
            state,
            queue_token,
            user_id: token.user_id.0,
            concert_id: status.concert_id.0,
            schedule_id: token.schedule_id.0,
            date: Day(status.date),
            position: place.map(|place| place.position),
            estimated_wait_seconds: place.and_then(|place| place.estimated_wait_seconds),
            estimated_wait_from_seconds: place.and_then(|place| place.estimated_wait_from_seconds),
            estimated_wait_to_seconds: place.and_then(|place| place.estimated_wait_to_seconds),
            poll_after_seconds: place.map(|place| place.poll_after_seconds),
            outlook: status.outlook.map(Outlook::as_str),
            next_release_at: status.outlook.and_then(Outlook::next_release_at).map(Instant),
            issued_at: Instant(token.issued_at),
            activated_at: token.activated_at.map(Instant),
            expires_at: expires_at.map(Instant),
            remaining_seconds: expires_at.map(|end| seconds_until(end, status.as_of)),
            age_seconds: 0,
        }
    }
}

/// `POST /v1/queue/tokens`
pub(crate) async fn join(mut call: Call) -> Outcome {
    let (caller, actor) = call.fan(Rule::TokenIssue).await?;
    let received = call.body::<Join>().await?;
    let request = call.keyed(&caller, &received)?;
    let wanted = received.body;
    let concert = ConcertId::from_client(&wanted.concert_id);
    let date = DateSelector::from_client(&wanted.date);
    let target = call.desk.performance(concert, date).await?;
    let forecast = match &target {
        Ok(schedule) => forecast(&call.desk, schedule.id).await,
        Err(_) => Forecast::default(),
    };
    let command = JoinQueue {
        request,
        token_id: TokenId::mint(),
        actor,
        named: wanted.user_id.as_deref().map(UserId::from_client),
        target,
        forecast,
    };
    let joined = call.desk.decide(command).await??;
    let (answer, word) = if joined.fresh {
        (StatusCode::CREATED, "issued")
    } else {
        (StatusCode::OK, "existing")
    };
    let queue_token = call.api().signer.queue_token(&joined.status.token.ticket());
    json(answer, &TokenView::of(&joined.status, Some(word), Some(queue_token)))
}

/// `GET /v1/queue/tokens/current`. Where a waiting fan stands is known without asking storage.
pub(crate) async fn poll(call: Call) -> Outcome {
    let ticket = call.ticket()?;
    call.limit_user(Rule::Poll, ticket.token.user_id)?;
    let standing = match call.api().views.glance(&ticket) {
        Glance::Waiting(status) => Standing::now(*status),
        // Boxed, so that the many who wait do not carry the room it would take.
        other @ (Glance::Waited(..) | Glance::NotWaiting | Glance::Unknown) => {
            Box::pin(standing_after(&call.desk, ticket, other)).await?
        }
    };
    json(StatusCode::OK, &TokenView::of_standing(&standing))
}

/// A place in line, and how long ago that was.
pub(crate) struct Standing {
    pub(crate) status: TokenStatus,
    age: Duration,
}

impl Standing {
    fn now(status: TokenStatus) -> Self {
        Self {
            status,
            age: Duration::ZERO,
        }
    }

    /// What memory has to say of a fan who waits.
    fn of(glance: Glance) -> Option<Self> {
        match glance {
            Glance::Waiting(status) => Some(Self::now(*status)),
            Glance::Waited(status, age) => Some(Self { status: *status, age }),
            Glance::NotWaiting | Glance::Unknown => None,
        }
    }

    /// Zero as long as storage can be asked.
    pub(crate) fn age(&self) -> Duration {
        self.age
    }

    /// The same in whole seconds.
    pub(crate) fn age_seconds(&self) -> u64 {
        self.age.as_secs()
    }
}

/// Where a fan stands. It is a call with the token: whoever was let in claims the slot.
pub(crate) async fn standing(desk: &Desk, ticket: Ticket) -> Result<Standing, Problem> {
    let glance = desk.api().views.glance(&ticket);
    standing_after(desk, ticket, glance).await
}

async fn standing_after(desk: &Desk, ticket: Ticket, glance: Glance) -> Result<Standing, Problem> {
    let known = match glance {
        Glance::Unknown => match desk.read(|api| async move { api.views.look(&ticket).await }).await {
            Ok(looked) => Standing::of(looked),
            // What was known last, if anything.
            Err(problem) => return Standing::of(desk.api().views.recall(&ticket)).ok_or(problem),
        },
        known @ (Glance::Waiting(_) | Glance::Waited(..) | Glance::NotWaiting) => Standing::of(known),
    };
    match known {
        Some(standing) => Ok(standing),
        None => told_by_storage(desk, ticket.token).await,
    }
}

async fn told_by_storage(desk: &Desk, token: TokenRef) -> Result<Standing, Problem> {
    let status = visit(desk, token).await?.ok_or(UnknownToken)?;
    desk.api().views.told(&status);
    if !status.state().is_live() {
        return Ok(Standing::now(status));
    }
    let outlook = forecast(desk, token.schedule_id).await.outlook;
    Ok(Standing::now(status.with_outlook(outlook)))
}

/// What this instance knows of a gate. Where nobody polls that is nothing: then the stock is read, once for all who ask
/// within a moment.
pub(crate) async fn forecast(desk: &Desk, gate: ScheduleId) -> Forecast {
    let known = desk.api().views.forecast(gate);
    if known.outlook.is_some() {
        return known;
    }
    let not_before = NotBefore::usual();
    let stock = match desk.api().stock.at_hand(gate, not_before) {
        Some(stock) => stock,
        None => {
            let ask = move |api: Arc<Api>| async move {
                // What could not be read is not known for everybody who asks within a moment.
                let ask = async |_| {
                    Ok(api
                        .storage
                        .seating
                        .stock(vec![gate])
                        .await
                        .ok()
                        .and_then(|mut stock| stock.pop()))
                };
                api.stock.get(gate, not_before, ask).await
            };
            // Nobody is turned away because this is not known, nor kept waiting for long.
            desk.in_a_hurry().read(ask).await.unwrap_or_default()
        }
    };
    Forecast {
        outlook: stock.map(|stock| Outlook::of(&stock, stock.as_of)),
        ..known
    }
}

/// `DELETE /v1/queue/tokens/current`
pub(crate) async fn leave(call: Call) -> Outcome {
    let token = call.ticket()?.token;
    call.limit_user(Rule::Poll, token.user_id)?;
    call.desk.decide_at(token.id, LeaveQueue { token }).await??;
    Ok(HttpResponse::NoContent().finish())
}

/// Where a token stands. Asking is a call with the token, so it claims the slot of a fan who was
/// just let in.
pub(crate) async fn visit(desk: &Desk, token: TokenRef) -> Result<Option<TokenStatus>, Problem> {
    let status = desk.read(|api| async move { api.statuses.ask(token).await }).await?;
    let Some(mut status) = status else {
        return Ok(None);
    };
    if status.token.awaits_claim(status.as_of) {
        let claimed = desk.decide(Visit { token }).await;
        desk.api().claims.note(token.id);
        status.token = claimed??;
        let claimed_at = status.token.claimed_at.unwrap_or(status.as_of);
        status.as_of = status.as_of.max(claimed_at);
    }
    Ok(Some(status))
}
