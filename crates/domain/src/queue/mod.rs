//! The waiting room: who waits at a gate, who is inside, and until when.

mod admission;
mod gate;
mod join;
mod let_through;
mod outlook;
mod pace;
mod place;
pub mod port;
pub mod service;
mod token;
mod view;

pub use admission::{Admission, LineState, MOST_AT_ONCE, Opening, admit};
pub use gate::{Gate, GatePatch, GateSettings};
pub use join::{JoinQueue, JoinRefusal, Joined};
pub use let_through::{LetIn, LetThrough, LetThroughRefusal, NamedFan, Room};
pub use outlook::Outlook;
pub use pace::{MeasuredPace, WaitEstimate};
pub use place::{Forecast, Line, Place, TokenStatus, WaitAt};
pub use token::{AdmittanceRefusal, Departed, Errand, QueueToken, Ticket, TokenRef, TokenState, admits};
pub use view::GateView;

use crate::{
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
};
use uuid::Uuid;

/// Claims the slot of an admitted fan: what the first call with the token does (SPEC §4).
#[derive(Debug, Clone)]
pub struct Visit {
    /// Which token.
    pub token: TokenRef,
}

/// There is no such token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such queue token")]
pub struct UnknownToken;

impl Decide for Visit {
    type Verdict = Result<QueueToken, UnknownToken>;

    fn shard(&self) -> Uuid {
        self.token.schedule_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.token(&self.token);
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        claim(rows, &self.token, now);
        rows.tokens.get(&self.token.id).cloned().ok_or(UnknownToken)
    }
}

/// Claims a slot that waits to be claimed. Every call with the token does this, refused or not.
pub(crate) fn claim(rows: &mut WorkingSet, token: &TokenRef, now: Timestamp) {
    if rows.tokens.get(&token.id).is_some_and(|token| token.awaits_claim(now))
        && let Some(token) = rows.tokens.get_mut(&token.id)
    {
        token.claim(now);
    }
}

/// Leaves the line or gives the slot back (`DELETE /v1/queue/tokens/current`); unpaid holds are
/// released. Leaving an ended token changes nothing and is no error.
#[derive(Debug, Clone)]
pub struct LeaveQueue {
    /// Which token.
    pub token: TokenRef,
}

impl Decide for LeaveQueue {
    /// The place in line that this token left out of turn, now or before.
    type Verdict = Result<Option<Departed>, UnknownToken>;

    fn shard(&self) -> Uuid {
        self.token.schedule_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        // Departures are given out in the order in which they become visible.
        needs.lines.insert(self.token.schedule_id);
        needs.token(&self.token);
        needs.holds_of.insert((self.token.schedule_id, self.token.id));
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        let token = rows.tokens.get(&self.token.id).cloned().ok_or(UnknownToken)?;
        if !token.state_at(now).is_live() {
            return Ok(token.departed());
        }
        let departure = (token.state == TokenState::Waiting)
            .then(|| rows.leave_line(token.schedule_id, token.number))
            .flatten();
        let holds: Vec<_> = rows.holds_of(self.token.id, now).iter().map(|hold| hold.id).collect();
        for hold in holds {
            crate::seating::release(rows, hold, now);
        }
        let Some(token) = rows.tokens.get_mut(&self.token.id) else {
            return Err(UnknownToken);
        };
        // Who was let through out of turn has left the line before.
        token.departure = token.departure.or(departure);
        token.end(TokenState::Left, now);
        Ok(token.departed())
    }
}
