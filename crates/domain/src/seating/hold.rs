//! Holding seats.

use super::{Reservation, ReservationState, SeatState};
use crate::{
    catalog::{Schedule, TargetRefusal},
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{ConcertId, ReservationId, UserId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
    identity::Actor,
    money::Money,
    policy::Policy,
    queue::{self, AdmittanceRefusal, Errand, TokenRef},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};
use time::Date;
use uuid::Uuid;

/// Holds seats, all or none (`POST /v1/reservations`).
#[derive(Debug, Clone)]
pub struct HoldSeats {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// The id the reservation will have.
    pub reservation_id: ReservationId,
    /// The fan's place inside.
    pub token: TokenRef,
    /// Whose authority the call carries.
    pub actor: Actor,
    /// The performance that concert and date name. Performances never change, so it is found
    /// before the transaction.
    pub target: Result<Arc<Schedule>, TargetRefusal>,
    /// The seats wanted, as the client named them.
    pub seat_numbers: Vec<i64>,
}

/// Seats that are held now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The reservation.
    pub reservation: Reservation,
    /// For which concert.
    pub concert_id: ConcertId,
    /// On which day at the venue.
    pub date: Date,
    /// The moment of the hold.
    pub as_of: Timestamp,
}

/// Why no seat was held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// The queue token does not let the call in.
    #[error(transparent)]
    Admittance(#[from] AdmittanceRefusal),
    /// No seat was named.
    #[error("name at least one seat")]
    NoSeats,
    /// A seat was named more than once.
    #[error("seat {0} is named more than once")]
    RepeatedSeat(i64),
    /// There is no such performance.
    #[error(transparent)]
    Target(#[from] TargetRefusal),
    /// The queue token is for another performance.
    #[error("the queue token is for another performance")]
    TokenScopeMismatch,
    /// The booking window is closed.
    #[error("booking is closed")]
    BookingClosed,
    /// The fan would have too many seats.
    #[error("a fan may have {limit} seats at this performance and has {have}")]
    SeatLimitExceeded {
        /// How many a fan may have.
        limit: u32,
        /// How many this fan holds and owns.
        have: usize,
    },
    /// These seats do not exist.
    #[error("there are no seats {0:?}")]
    InvalidSeat(Vec<i64>),
    /// These seats are held or sold.
    #[error("seats {0:?} are taken")]
    SeatsTaken(Vec<u32>),
}

impl Decide for HoldSeats {
    type Verdict = Result<Held, HoldRefusal>;

    fn shard(&self) -> Uuid {
        self.token.schedule_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        let schedule = self.token.schedule_id;
        needs.request(self.request.as_ref());
        needs.token(&self.token);
        needs.holdings.insert((schedule, self.token.user_id));
        let too_many = self.seat_numbers.len() > Policy::MOST_SEATS_PER_FAN as usize;
        if let Ok(target) = &self.target
            && target.id == schedule
            && !too_many
        {
            let wanted = self.seat_numbers.iter().filter_map(|wanted| in_layout(target, *wanted));
            needs.seats.extend(wanted.map(|number| (schedule, number)));
        }
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match rows.screen(self.request.as_ref(), now)? {
            Screened::Done(Recorded::Held(held)) => return Ok(*held),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        if let Some(held) = self.held_before(rows) {
            return Ok(held);
        }
        queue::claim(rows, &self.token, now);
        let (schedule, seat_numbers) = self.check(rows, now)?;
        let held = self.accept(rows, schedule, seat_numbers, now);
        rows.remember(self.request.as_ref(), Recorded::Held(Box::new(held.clone())), now);
        Ok(held)
    }
}

impl HoldSeats {
    /// What this very command got when it was sent before: the reservation it made is among the
    /// fan's holdings.
    fn held_before(&self, rows: &WorkingSet) -> Option<Held> {
        let schedule = self.target.as_deref().ok()?;
        let reservation = rows.reservations.get(&self.reservation_id)?;
        Some(Held {
            reservation: Reservation {
                state: ReservationState::Held,
                ended_at: None,
                ..reservation.clone()
            },
            concert_id: schedule.concert_id,
            date: schedule.date,
            as_of: reservation.held_at,
        })
    }

    /// The checks of SPEC §3, in their order.
    fn check(&self, rows: &WorkingSet, now: Timestamp) -> Result<(&Schedule, Vec<u32>), HoldRefusal> {
        let caller = match self.actor {
            Actor::Fan(user) => Some(user),
            Actor::OnBehalf => None,
        };
        let token = queue::admits(rows.tokens.get(&self.token.id), caller, Errand::Book, now)?;
        let wanted = self.distinct_seats()?;
        let schedule = self.target.as_deref().map_err(|refusal| *refusal)?;
        if schedule.id != token.schedule_id {
            return Err(HoldRefusal::TokenScopeMismatch);
        }
        if !schedule.is_open_for_booking(now) {
            return Err(HoldRefusal::BookingClosed);
        }
        check_limit(rows, schedule, token.user_id, wanted.len(), now)?;
        let unknown = |wanted: &i64| in_layout(schedule, *wanted).is_none();
        let unknown: Vec<i64> = wanted.iter().copied().filter(unknown).collect();
        if !unknown.is_empty() {
            return Err(HoldRefusal::InvalidSeat(unknown));
        }
        let wanted: Vec<u32> = wanted
            .iter()
            .filter_map(|wanted| in_layout(schedule, *wanted))
            .collect();
        let open = |number: &u32| {
            rows.seats
                .get(&(schedule.id, *number))
                .is_some_and(|seat| seat.is_open(now))
        };
        let taken: Vec<u32> = wanted.iter().copied().filter(|number| !open(number)).collect();
        if !taken.is_empty() {
            return Err(HoldRefusal::SeatsTaken(taken));
        }
        Ok((schedule, wanted))
    }

    fn distinct_seats(&self) -> Result<BTreeSet<i64>, HoldRefusal> {
        let mut distinct = BTreeSet::new();
        for number in &self.seat_numbers {
            if !distinct.insert(*number) {
                return Err(HoldRefusal::RepeatedSeat(*number));
            }
        }
        if distinct.is_empty() {
            Err(HoldRefusal::NoSeats)
        } else {
            Ok(distinct)
        }
    }

    fn accept(&self, rows: &mut WorkingSet, schedule: &Schedule, seat_numbers: Vec<u32>, now: Timestamp) -> Held {
        let held_until = now + rows.policy.hold;
        let user_id = self.token.user_id;
        for number in &seat_numbers {
            let state = SeatState::Held {
                reservation_id: self.reservation_id,
                user_id,
                until: held_until,
            };
            if let Some(seat) = rows.seats.get(&(schedule.id, *number)).copied() {
                rows.put_seat(seat.changed_to(state));
            }
        }
        if let Some(token) = rows.tokens.get_mut(&self.token.id) {
            token.extend_to(held_until);
        }
        let reservation = Reservation {
            id: self.reservation_id,
            schedule_id: schedule.id,
            user_id,
            token_id: self.token.id,
            total_price: total_price(rows, schedule, &seat_numbers),
            seat_numbers,
            state: ReservationState::Held,
            held_at: now,
            held_until,
            ended_at: None,
            request_key: self.request.map(|request| request.id.key),
        };
        rows.add_reservation(reservation.clone());
        Held {
            reservation,
            concert_id: schedule.concert_id,
            date: schedule.date,
            as_of: now,
        }
    }
}

/// The number as the layout has it; `None` when it has no such seat.
fn in_layout(schedule: &Schedule, wanted: i64) -> Option<u32> {
    let number = u32::try_from(wanted).ok()?;
    schedule.layout.seat(number).map(|_| number)
}

fn check_limit(
    rows: &WorkingSet,
    schedule: &Schedule,
    user: UserId,
    wanted: usize,
    now: Timestamp,
) -> Result<(), HoldRefusal> {
    let limit = rows.policy.seat_limit;
    let have = rows.seats_of(schedule.id, user, now);
    if have + wanted > limit as usize {
        return Err(HoldRefusal::SeatLimitExceeded { limit, have });
    }
    Ok(())
}

/// The server's price. Prices are bounded when a performance is created, so the sum fits.
fn total_price(rows: &WorkingSet, schedule: &Schedule, seat_numbers: &[u32]) -> Money {
    let prices = seat_numbers.iter().filter_map(|number| schedule.layout.seat(*number));
    prices.fold(rows.policy.currency.zero(), |sum, seat| {
        sum.checked_add(seat.price).unwrap_or(sum)
    })
}
