//! A fan's place at one gate.

use crate::{
    clock::Timestamp,
    id::{ScheduleId, TokenId, UserId},
};
use serde::{Deserialize, Serialize};
use time::Duration;

/// How far a token has come. `Waiting` and `Active` are *live*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TokenState {
    /// In line.
    Waiting,
    /// Inside.
    Active,
    /// Bought; finished.
    Completed,
    /// Ran out of time.
    Expired,
    /// Gave the place back; clients see `expired`.
    Left,
}

impl TokenState {
    /// Every state.
    pub const ALL: [TokenState; 5] = [
        TokenState::Waiting,
        TokenState::Active,
        TokenState::Completed,
        TokenState::Expired,
        TokenState::Left,
    ];

    /// The state's name in storage and statistics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenState::Waiting => "waiting",
            TokenState::Active => "active",
            TokenState::Completed => "completed",
            TokenState::Expired => "expired",
            TokenState::Left => "left",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether the fan still waits or is inside.
    #[must_use]
    pub fn is_live(self) -> bool {
        match self {
            TokenState::Waiting | TokenState::Active => true,
            TokenState::Completed | TokenState::Expired | TokenState::Left => false,
        }
    }
}

/// Names a token: which, at which gate, whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenRef {
    /// Identifies the token.
    pub id: TokenId,
    /// At which gate.
    pub schedule_id: ScheduleId,
    /// Whose.
    pub user_id: UserId,
}

/// What a signed queue token says. It never changes, so what it says is true wherever it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Which token.
    pub token: TokenRef,
    /// The place in the order of joining.
    pub number: u64,
    /// When the fan joined.
    pub issued_at: Timestamp,
}

/// A place in line that was left out of turn: given back, or let through by an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departed {
    /// At which gate.
    pub schedule_id: ScheduleId,
    /// The place in the order of joining.
    pub number: u64,
}

/// A stored queue token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueToken {
    /// Identifies the token.
    pub id: TokenId,
    /// At which gate.
    pub schedule_id: ScheduleId,
    /// Whose.
    pub user_id: UserId,
    /// The place in the order of joining, from 1, without gaps within a gate.
    pub number: u64,
    /// The stored state; [`Self::state_at`] is the true one.
    pub state: TokenState,
    /// When the fan joined.
    pub issued_at: Timestamp,
    /// When the fan was admitted.
    pub activated_at: Option<Timestamp>,
    /// When the fan first called after that.
    pub claimed_at: Option<Timestamp>,
    /// How long the fan may be inside, set at admission; counted from the claim.
    pub session: Duration,
    /// When a live token ends by itself: the end of booking while waiting, then the claim window,
    /// then the session or the last unpaid hold, whichever is later.
    pub lapses_at: Timestamp,
    /// When it ended, once it has.
    pub ended_at: Option<Timestamp>,
    /// How many could be inside when the fan was admitted (`max_active` then); for the audit.
    pub admitted_under: Option<u32>,
    /// Of a fan who left the line out of turn, because they gave up waiting or an operator let them
    /// through: the place in the order in which fans did that at this gate, from 1, without gaps.
    pub departure: Option<u64>,
}

/// What a fan wants to do inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Look at dates and seats, hold seats: only during the session.
    Book,
    /// Pay what is held: also after the session, as long as a hold keeps the token.
    Settle,
}

/// Why a token does not let a call in: the checks marked † in SPEC §3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdmittanceRefusal {
    /// Unknown, expired, left or completed.
    #[error("the queue token is not valid any more")]
    InvalidToken,
    /// Still waiting.
    #[error("the queue token is still waiting")]
    TokenNotActive,
    /// Of another user than the caller.
    #[error("the queue token belongs to another user")]
    UserMismatch,
}

impl QueueToken {
    /// The token that a ticket speaks of, as long as its fan waits.
    #[must_use]
    pub fn waiting(ticket: Ticket, booking_closes_at: Timestamp) -> Self {
        Self {
            id: ticket.token.id,
            schedule_id: ticket.token.schedule_id,
            user_id: ticket.token.user_id,
            number: ticket.number,
            state: TokenState::Waiting,
            issued_at: ticket.issued_at,
            activated_at: None,
            claimed_at: None,
            session: Duration::ZERO,
            lapses_at: booking_closes_at,
            ended_at: None,
            admitted_under: None,
            departure: None,
        }
    }

    /// What the signed form of this token says.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        Ticket {
            token: self.reference(),
            number: self.number,
            issued_at: self.issued_at,
        }
    }

    /// The place in line that was left out of turn, if it was.
    #[must_use]
    pub fn departed(&self) -> Option<Departed> {
        self.departure.map(|_| Departed {
            schedule_id: self.schedule_id,
            number: self.number,
        })
    }

    /// Whether an operator let the fan in before those ahead.
    #[must_use]
    pub fn was_let_through(&self) -> bool {
        self.departure.is_some() && self.activated_at.is_some()
    }

    /// Whether the fan was let in, never claimed the slot and lost it.
    #[must_use]
    pub fn was_no_show(&self, now: Timestamp) -> bool {
        self.activated_at.is_some() && self.claimed_at.is_none() && self.state_at(now) == TokenState::Expired
    }

    /// Whether the fan left before being let in.
    #[must_use]
    pub fn gave_up_waiting(&self) -> bool {
        self.state == TokenState::Left && self.activated_at.is_none()
    }

    /// Names this token.
    #[must_use]
    pub fn reference(&self) -> TokenRef {
        TokenRef {
            id: self.id,
            schedule_id: self.schedule_id,
            user_id: self.user_id,
        }
    }

    /// The state at this moment. The sweeper tidies rows; it never changes what is true.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> TokenState {
        if self.state.is_live() && self.lapses_at <= now {
            TokenState::Expired
        } else {
            self.state
        }
    }

    /// When the session ends, once it was claimed.
    #[must_use]
    pub fn session_ends_at(&self) -> Option<Timestamp> {
        self.claimed_at.map(|claimed| claimed + self.session)
    }

    /// Whether the fan was admitted and has not called yet.
    #[must_use]
    pub fn awaits_claim(&self, now: Timestamp) -> bool {
        self.state_at(now) == TokenState::Active && self.claimed_at.is_none()
    }

    pub(super) fn claim(&mut self, now: Timestamp) {
        self.claimed_at = Some(now);
        self.lapses_at = now + self.session;
    }

    /// Lets the fan in.
    pub fn activate(&mut self, gate: &super::GateSettings, claim: Duration, now: Timestamp) {
        self.state = TokenState::Active;
        self.activated_at = Some(now);
        self.session = gate.session();
        self.lapses_at = now + claim;
        self.admitted_under = Some(gate.max_active);
    }

    /// Ends the token.
    pub(crate) fn end(&mut self, state: TokenState, now: Timestamp) {
        self.state = state;
        self.ended_at = Some(now);
    }

    /// Stores what time has decided: the token ended when its time was over.
    pub fn lapse(&mut self) {
        self.end(TokenState::Expired, self.lapses_at);
    }

    /// Keeps the token until an unpaid hold ends.
    pub(crate) fn extend_to(&mut self, held_until: Timestamp) {
        self.lapses_at = self.lapses_at.max(held_until);
    }

    /// Fits the token's end to the unpaid holds it still has, the last of which ends at
    /// `last_hold`: without one, the session decides, and one that is over ends the token now.
    pub(crate) fn fit_to(&mut self, last_hold: Option<Timestamp>, now: Timestamp) {
        let Some(session_end) = self.session_ends_at() else {
            return;
        };
        self.lapses_at = last_hold.map_or(session_end, |hold| hold.max(session_end));
        if self.lapses_at <= now {
            self.end(TokenState::Expired, now);
        }
    }
}

/// Whether a token lets a call of `user` in (`None`: an operator acts for the token's user). The
/// order is SPEC's †: validity, turn, user.
///
/// # Errors
/// See [`AdmittanceRefusal`].
pub fn admits(
    token: Option<&QueueToken>,
    user: Option<UserId>,
    errand: Errand,
    now: Timestamp,
) -> Result<&QueueToken, AdmittanceRefusal> {
    let token = token.ok_or(AdmittanceRefusal::InvalidToken)?;
    match token.state_at(now) {
        TokenState::Completed | TokenState::Expired | TokenState::Left => {
            return Err(AdmittanceRefusal::InvalidToken);
        }
        TokenState::Waiting => return Err(AdmittanceRefusal::TokenNotActive),
        TokenState::Active => {}
    }
    let session_over = token.session_ends_at().is_some_and(|end| end <= now);
    if errand == Errand::Book && session_over {
        return Err(AdmittanceRefusal::InvalidToken);
    }
    if user.is_some_and(|user| user != token.user_id) {
        return Err(AdmittanceRefusal::UserMismatch);
    }
    Ok(token)
}
