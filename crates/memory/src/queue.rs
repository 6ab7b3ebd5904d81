//! Reading places in line; reading and changing gates.

use crate::{Memory, house::House, line::TokenLine, world::Show};
use async_trait::async_trait;
use frontrow_domain::{
    catalog::InvalidField,
    clock::Timestamp,
    id::ScheduleId,
    outcome::StoreError,
    payment::PaymentStatus,
    queue::{
        Gate, GatePatch, MeasuredPace, Place, TokenRef, TokenState, TokenStatus, WaitAt,
        port::{GateNews, MOST_LEAVERS, QueueQueries, ReservationCounts, SeatCounts, Stats, TokenCounts},
    },
    seating::ReservationState,
};
use time::Duration;

/// How many waits the figures are taken from at the most.
const MOST_WAITS: usize = 10_000;

#[async_trait]
impl QueueQueries for Memory {
    async fn statuses(&self, tokens: Vec<TokenRef>) -> Result<Vec<Option<TokenStatus>>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        let status = |token: TokenRef| {
            let Show { line, house } = world.shows.get(&token.schedule_id)?;
            let token = line.token(token.id)?;
            let schedule = &house.schedule;
            let waits = token.state_at(now) == TokenState::Waiting;
            let ahead = line.ahead_of(token).filter(|_| waits);
            let at = WaitAt {
                settings: &line.gate.settings,
                booking_opens_at: schedule.booking_opens_at,
                pace: MeasuredPace::default(),
                policy: &self.policy,
            };
            Some(TokenStatus {
                token: token.clone(),
                concert_id: schedule.concert_id,
                date: schedule.date,
                place: ahead.map(|ahead| Place::of(token.id, ahead, &at, now)),
                outlook: None,
                as_of: now,
            })
        };
        Ok(tokens.into_iter().map(status).collect())
    }

    async fn gate(&self, schedule: ScheduleId) -> Result<Option<Gate>, StoreError> {
        Ok(self.world().shows.get(&schedule).map(|show| show.line.gate.clone()))
    }

    async fn gate_news(&self, after: Vec<(ScheduleId, u64)>) -> Result<Vec<GateNews>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        let news = after
            .into_iter()
            .filter_map(|(id, after)| Some(news_of(id, &world.shows.get(&id)?.line, after, now)));
        Ok(news.collect())
    }

    async fn patch_gate(
        &self,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, StoreError> {
        let mut world = self.world();
        Ok(world.shows.get_mut(&schedule).map(|show| {
            let gate = &mut show.line.gate;
            gate.settings = patch.apply(gate.settings)?;
            Ok(gate.clone())
        }))
    }

    async fn stats(&self, schedule: ScheduleId) -> Result<Option<Stats>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        let Some(Show { line, house }) = world.shows.get(&schedule) else {
            return Ok(None);
        };
        let paid = house.payments.iter().filter_map(|(user, id)| {
            let payment = world.accounts.get(user)?.payments.get(id)?;
            (payment.status == PaymentStatus::Succeeded).then_some(payment.amount)
        });
        let revenue = paid.fold(self.policy.currency.zero(), |sum, amount| {
            sum.checked_add(amount).unwrap_or(sum)
        });
        let mut tokens = TokenCounts::default();
        let (mut no_shows, mut leavers, mut let_through) = (0, 0, 0);
        for token in line.tokens() {
            no_shows += u64::from(token.was_no_show(now));
            leavers += u64::from(token.gave_up_waiting());
            let_through += u64::from(token.was_let_through());
            *match token.state_at(now) {
                TokenState::Waiting => &mut tokens.waiting,
                TokenState::Active => &mut tokens.active,
                TokenState::Completed => &mut tokens.completed,
                TokenState::Expired => &mut tokens.expired,
                TokenState::Left => &mut tokens.left,
            } += 1;
        }
        let waits = line.admitted().take(MOST_WAITS);
        Ok(Some(Stats {
            seats: seat_counts(house, now),
            tokens,
            reservations: reservation_counts(house, now),
            revenue,
            admissions_last_minute: line.admitted_since(now - Duration::MINUTE),
            waits: waits
                .map(|(token, at)| u64::try_from((at - token.issued_at).whole_seconds()).unwrap_or(0))
                .collect(),
            no_shows,
            leavers,
            let_through,
        }))
    }
}

fn news_of(schedule_id: ScheduleId, line: &TokenLine, after: u64, as_of: Timestamp) -> GateNews {
    let mark = line.gate.admitted_number;
    let departed = line.departed();
    let seen = departed.min(after + MOST_LEAVERS);
    let told = (after..seen).zip(line.departures_after(after));
    GateNews {
        schedule_id,
        settings: line.gate.settings,
        issued: line.issued,
        admitted: line.gate.admitted,
        admitted_number: mark,
        departed,
        after,
        seen,
        leavers: told.map(|(_, number)| number).filter(|number| *number > mark).collect(),
        as_of,
    }
}

fn seat_counts(house: &House, now: Timestamp) -> SeatCounts {
    let held = house.held(now);
    let sold = house.sold();
    SeatCounts {
        available: house.seats().len() as u64 - held - sold,
        held,
        sold,
    }
}

fn reservation_counts(house: &House, now: Timestamp) -> ReservationCounts {
    let mut counts = ReservationCounts::default();
    for reservation in house.reservations() {
        *match reservation.state_at(now) {
            ReservationState::Held => &mut counts.held,
            ReservationState::Confirmed => &mut counts.confirmed,
            ReservationState::Expired => &mut counts.expired,
            ReservationState::Released => &mut counts.released,
        } += 1;
    }
    counts
}
