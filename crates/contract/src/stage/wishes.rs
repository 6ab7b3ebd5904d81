//! The wishes that tests send again and again.

use super::{Fan, Show};
use frontrow_domain::{
    decision::{Decide, Verdict},
    id::{EntryId, PaymentId, ReservationId, TokenId, UserId},
    idempotency::{Fingerprint, RecordId, Request, RequestKey},
    identity::Actor,
    money::Currency,
    payment::{Approval, ClaimedAmount, PayReservation},
    policy::Policy,
    queue::{Forecast, JoinQueue, LetThrough, NamedFan},
    seating::{HoldSeats, ReleaseHold, Reservation},
};
use time::Duration;
use uuid::Uuid;

/// A verdict of a kind that is known.
pub fn own<C>(verdict: Verdict) -> C::Verdict
where
    C: Decide,
    C::Verdict: TryFrom<Verdict, Error = Verdict>,
{
    C::Verdict::try_from(verdict).unwrap_or_else(|other| panic!("{other:?} answers another command"))
}

/// The policy of most tests.
pub fn usual_policy() -> Policy {
    Policy {
        hold: Duration::minutes(5),
        claim: Duration::minutes(1),
        seat_limit: 4,
        currency: Currency::from_code("KRW").expect("a currency"),
    }
}

/// Asks for a place in line.
pub fn join_of(show: &Show, user: UserId) -> JoinQueue {
    JoinQueue {
        request: None,
        token_id: TokenId::mint(),
        actor: Actor::Fan(user),
        named: None,
        target: Ok(show.clone()),
        forecast: Forecast::default(),
    }
}

/// Asks to let a fan in out of turn.
pub fn let_through_of(show: &Show, fan: NamedFan) -> LetThrough {
    LetThrough {
        request: None,
        wish: Uuid::now_v7(),
        schedule: show.clone(),
        fan,
        outlook: None,
    }
}

/// Asks for seats.
pub fn hold_of(fan: &Fan, show: &Show, seats: &[u32]) -> HoldSeats {
    HoldSeats {
        request: None,
        reservation_id: ReservationId::mint(),
        token: fan.token,
        actor: Actor::Fan(fan.user),
        target: Ok(show.clone()),
        seat_numbers: seats.iter().copied().map(i64::from).collect(),
    }
}

/// Asks to give a hold back.
pub fn release_of(hold: &Reservation) -> ReleaseHold {
    ReleaseHold {
        reservation_id: hold.id,
        made_with: (hold.schedule_id, hold.token_id),
        actor: Actor::Fan(hold.user_id),
    }
}

/// Asks to pay, in a deployment without a provider.
pub fn pay_of(fan: &Fan, reservation_id: ReservationId) -> PayReservation {
    PayReservation {
        request: None,
        payment_id: PaymentId::mint(),
        entry_id: EntryId::mint(),
        token: fan.token,
        actor: Actor::Fan(fan.user),
        named: None,
        reservation_id,
        amount: ClaimedAmount::Absent,
        payment_method: None,
        approval: Approval::NoProvider,
    }
}

/// A keyed request of its own; booking calls are kept with the performance, all others with the
/// caller.
pub fn request(scope: Uuid) -> Option<Request> {
    Some(Request {
        id: RecordId {
            scope,
            key: RequestKey(Uuid::now_v7()),
        },
        fingerprint: Fingerprint(Uuid::now_v7()),
    })
}
