//! Letting one fan in out of turn, on an operator's word.

use super::{Outlook, QueueToken, TokenRef, TokenState, TokenStatus};
use crate::{
    catalog::Schedule,
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{TokenId, UserId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// Lets a fan in at once, whoever is ahead of them
/// (`POST /v1/admin/schedules/{schedule_id}/admissions`).
///
/// A paused gate and the pace do not matter; how many fit inside does, and so does that there is a
/// seat for everybody inside. To the line it is as if the fan had left it: everybody behind moves up,
/// and the gate's mark and pace stay as they are.
#[derive(Debug, Clone)]
pub struct LetThrough {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// Names this very wish: sent again without a key, it finds what it did.
    pub wish: Uuid,
    /// At which performance. Performances never change, so it is found before the transaction.
    pub schedule: Arc<Schedule>,
    /// Who.
    pub fan: NamedFan,
    /// Whether there is anything left. It is part of what is told, so it is recorded and repeated.
    pub outlook: Option<Outlook>,
}

/// How an operator names a fan in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedFan {
    /// By the user.
    User(UserId),
    /// By the place in line.
    Token(TokenRef),
}

/// A fan who is inside, just let in or before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetIn {
    /// Whether the fan was let in by this.
    pub fresh: bool,
    /// The token and where it stands.
    pub status: TokenStatus,
}

/// How much room there is behind a gate, counted under the gate's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// How many tokens are active. Those whose time is over must have been ended before they are
    /// counted, under their own locks: then this is never too low.
    pub active: u64,
    /// How many seats are unsold, counted when those inside were, or later.
    pub unsold: u64,
}

impl Room {
    /// Seats need not be counted any further than this beyond `max_active`: one batch of decisions
    /// sells fewer, so that counting on would make no difference.
    pub const SEATS_BEYOND: u32 = 4_096;
}

/// Why a fan is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LetThroughRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// There is no such user.
    #[error("there is no such user")]
    InvalidUser,
    /// The token stands at another gate.
    #[error("the queue token is for another schedule")]
    TokenScopeMismatch,
    /// Booking has not opened.
    #[error("booking has not opened yet")]
    BookingNotOpen,
    /// Booking has closed.
    #[error("booking has closed")]
    BookingClosed,
    /// Nobody of that name waits here.
    #[error("the fan does not wait at this gate")]
    NotInLine,
    /// As many are inside as fit.
    #[error("{0} fans are inside, and no more may be: raise max_active, or wait until one leaves")]
    GateFull(u64),
    /// Those who are inside may get all seats that are left.
    #[error("{0} fans are inside, and there is no unsold seat for one more")]
    NoSeatLeft(u64),
}

impl LetThrough {
    /// As what this is recorded and found again.
    fn request(&self) -> Request {
        let without_key = || Request::without_key(self.shard(), self.wish);
        self.request.unwrap_or_else(without_key)
    }

    fn token<'r>(&self, rows: &'r WorkingSet) -> Result<Option<&'r QueueToken>, LetThroughRefusal> {
        match &self.fan {
            NamedFan::User(user) => match rows.users.get(user) {
                Some(_) => Ok(rows.live_token(self.schedule.id, *user)),
                None => Err(LetThroughRefusal::InvalidUser),
            },
            NamedFan::Token(token) if token.schedule_id != self.schedule.id => {
                Err(LetThroughRefusal::TokenScopeMismatch)
            }
            NamedFan::Token(token) => Ok(rows.tokens.get(&token.id)),
        }
    }

    fn check_window(&self, now: Timestamp) -> Result<(), LetThroughRefusal> {
        if now < self.schedule.booking_opens_at {
            return Err(LetThroughRefusal::BookingNotOpen);
        }
        if self.schedule.booking_closes_at <= now {
            return Err(LetThroughRefusal::BookingClosed);
        }
        Ok(())
    }

    /// Lets in a fan who waits, if there is room.
    fn let_in(&self, rows: &mut WorkingSet, id: TokenId, number: u64, now: Timestamp) -> Result<(), LetThroughRefusal> {
        let id_of_gate = self.schedule.id;
        let (Some(gate), Some(room)) = (
            rows.lines.get(&id_of_gate).map(|line| line.gate.settings),
            rows.room(id_of_gate),
        ) else {
            return Err(LetThroughRefusal::NotInLine);
        };
        if room.active >= u64::from(gate.max_active) {
            return Err(LetThroughRefusal::GateFull(room.active));
        }
        if room.active >= room.unsold {
            return Err(LetThroughRefusal::NoSeatLeft(room.active));
        }
        let departure = rows.leave_line(id_of_gate, number);
        let claim = rows.policy.claim;
        if let Some(token) = rows.tokens.get_mut(&id) {
            token.activate(&gate, claim, now);
            token.departure = departure;
        }
        Ok(())
    }

    fn status(&self, token: QueueToken, now: Timestamp) -> TokenStatus {
        let status = TokenStatus {
            token,
            concert_id: self.schedule.concert_id,
            date: self.schedule.date,
            place: None,
            outlook: None,
            as_of: now,
        };
        status.with_outlook(self.outlook)
    }
}

impl Decide for LetThrough {
    type Verdict = Result<LetIn, LetThroughRefusal>;

    fn shard(&self) -> Uuid {
        self.schedule.id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(Some(&self.request()));
        let schedule = self.schedule.id;
        match &self.fan {
            NamedFan::User(user) => {
                needs.users.insert(*user);
                needs.live_tokens.insert((schedule, *user));
            }
            NamedFan::Token(token) if token.schedule_id == schedule => needs.token(token),
            // It is refused without being looked at.
            NamedFan::Token(_) => return,
        }
        needs.gates.insert(schedule);
        needs.lines.insert(schedule);
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        let request = self.request();
        match rows.screen(Some(&request), now)? {
            Screened::Done(Recorded::LetIn(let_in)) => return Ok(*let_in),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        let found = self
            .token(rows)?
            .map(|token| (token.id, token.number, token.state_at(now)));
        let (id, fresh) = match found {
            Some((id, _, TokenState::Active)) => (id, false),
            Some((id, number, TokenState::Waiting)) => {
                self.check_window(now)?;
                self.let_in(rows, id, number, now)?;
                (id, true)
            }
            Some((_, _, TokenState::Completed | TokenState::Expired | TokenState::Left)) | None => {
                self.check_window(now)?;
                return Err(LetThroughRefusal::NotInLine);
            }
        };
        let token = rows.tokens.get(&id).cloned().ok_or(LetThroughRefusal::NotInLine)?;
        let let_in = LetIn {
            fresh,
            status: self.status(token, now),
        };
        if fresh || self.request.is_some() {
            rows.remember(Some(&request), Recorded::LetIn(Box::new(let_in.clone())), now);
        }
        Ok(let_in)
    }
}
