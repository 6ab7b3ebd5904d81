//! Taking a place in line.

use super::{Forecast, Place, QueueToken, Ticket, TokenRef, TokenState, TokenStatus, WaitAt};
use crate::{
    catalog::{Schedule, TargetRefusal},
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{TokenId, UserId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
    identity::{ActingRefusal, Actor},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// Takes a place in line (`POST /v1/queue/tokens`).
#[derive(Debug, Clone)]
pub struct JoinQueue {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// The id a new token will have.
    pub token_id: TokenId,
    /// Whose authority the call carries.
    pub actor: Actor,
    /// The user named in the body.
    pub named: Option<UserId>,
    /// The performance that concert and date name. Performances never change, so it is found
    /// before the transaction.
    pub target: Result<Arc<Schedule>, TargetRefusal>,
    /// What is known of the gate. It is part of what is told, so it is recorded and repeated.
    pub forecast: Forecast,
}

/// A place in line, new or already taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {
    /// Whether the place is new.
    pub fresh: bool,
    /// The token and where it stands.
    pub status: TokenStatus,
}

/// Why there is no place in line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// The caller may not act for the user, or there is none.
    #[error(transparent)]
    Acting(#[from] ActingRefusal),
    /// There is no such concert.
    #[error("there is no such concert")]
    InvalidConcert,
    /// The concert does not play then, or has started.
    #[error("the concert does not play then, or has started")]
    InvalidDatetime,
    /// The concert plays more than once that day.
    #[error("the concert plays more than once that day; name the exact start")]
    AmbiguousDate,
    /// Booking has closed.
    #[error("booking has closed")]
    BookingClosed,
}

impl JoinQueue {
    fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::Fan(own) => Some(own),
            Actor::OnBehalf => self.named,
        }
    }

    fn target(&self, now: Timestamp) -> Result<&Schedule, JoinRefusal> {
        let schedule = self.target.as_deref().map_err(|refusal| match refusal {
            TargetRefusal::InvalidConcert => JoinRefusal::InvalidConcert,
            TargetRefusal::InvalidDate => JoinRefusal::InvalidDatetime,
            TargetRefusal::AmbiguousDate => JoinRefusal::AmbiguousDate,
        })?;
        if schedule.starts_at <= now {
            return Err(JoinRefusal::InvalidDatetime);
        }
        if schedule.booking_closes_at <= now {
            return Err(JoinRefusal::BookingClosed);
        }
        Ok(schedule)
    }

    fn status(&self, rows: &WorkingSet, token: QueueToken, schedule: &Schedule, now: Timestamp) -> TokenStatus {
        let gate = rows
            .lines
            .get(&schedule.id)
            .map(|line| line.gate.settings)
            .unwrap_or_default();
        let at = WaitAt {
            settings: &gate,
            booking_opens_at: schedule.booking_opens_at,
            pace: self.forecast.pace,
            policy: &rows.policy,
        };
        let waits = token.state_at(now) == TokenState::Waiting;
        let ahead = rows.ahead_of(token.id).filter(|_| waits);
        let status = TokenStatus {
            place: ahead.map(|ahead| Place::of(token.id, ahead, &at, now)),
            token,
            concert_id: schedule.concert_id,
            date: schedule.date,
            outlook: None,
            as_of: now,
        };
        status.with_outlook(self.forecast.outlook)
    }
}

impl Decide for JoinQueue {
    type Verdict = Result<Joined, JoinRefusal>;

    fn shard(&self) -> Uuid {
        self.target.as_ref().map_or(Uuid::nil(), |schedule| schedule.id.0)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(self.request.as_ref());
        needs.users.extend(self.user());
        if let (Some(user), Ok(schedule)) = (self.user(), &self.target) {
            needs.lines.insert(schedule.id);
            needs.live_tokens.insert((schedule.id, user));
        }
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match rows.screen(self.request.as_ref(), now)? {
            Screened::Done(Recorded::Joined(joined)) => return Ok(*joined),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        let exists = |user| rows.users.get(&user).is_some();
        let user = self.actor.acts_for(self.named, None, exists)?;
        let schedule = self.target(now)?;
        let own = |token: &QueueToken| token.id == self.token_id;
        let live = rows
            .live_token(schedule.id, user)
            .filter(|token| own(token) || token.state_at(now).is_live());
        let (fresh, token) = match live {
            // One with the very id that this command gives was made when it was sent before.
            Some(token) => (own(token), token.clone()),
            None => (true, take_place(rows, self.token_id, schedule, user, now)),
        };
        let joined = Joined {
            fresh,
            status: self.status(rows, token, schedule, now),
        };
        let recorded = Recorded::Joined(Box::new(joined.clone()));
        rows.remember(self.request.as_ref(), recorded, now);
        Ok(joined)
    }
}

/// Gives the fan the next number; a token whose time is over makes room for it.
fn take_place(rows: &mut WorkingSet, id: TokenId, schedule: &Schedule, user_id: UserId, now: Timestamp) -> QueueToken {
    let lapsed = rows.live_token(schedule.id, user_id).map(|token| token.id);
    if let Some(lapsed) = lapsed.and_then(|id| rows.tokens.get_mut(&id)) {
        lapsed.lapse();
    }
    let mut number = 1;
    let mut ahead = 0;
    if let Some(line) = rows.lines.get_mut(&schedule.id) {
        ahead = line.waiting();
        line.issued += 1;
        number = line.issued;
    }
    let ticket = Ticket {
        token: TokenRef {
            id,
            schedule_id: schedule.id,
            user_id,
        },
        number,
        issued_at: now,
    };
    let token = QueueToken::waiting(ticket, schedule.booking_closes_at);
    rows.add_token(token.clone(), ahead);
    token
}
