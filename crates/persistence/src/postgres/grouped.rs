//! The needs of a batch as statements take them.

use super::rows::small_to_db;
use frontrow_domain::{
    decision::Needs,
    id::{ScheduleId, UserId},
    idempotency::RecordId,
    outcome::StoreError,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The needs of a batch, those of the schedule family by their schedule. All keys are in the order
/// in which PostgreSQL sorts them too.
#[derive(Default)]
pub(super) struct Grouped {
    pub(super) concerts: Vec<Uuid>,
    pub(super) schedules: BTreeMap<Uuid, ScheduleNeeds>,
    pub(super) wallets: Vec<Uuid>,
    pub(super) users: Vec<Uuid>,
    /// User and payment.
    pub(super) payments: Vec<(Uuid, Uuid)>,
    pub(super) records: Vec<RecordId>,
}

/// What a batch needs of one schedule.
#[derive(Default)]
pub(super) struct ScheduleNeeds {
    pub(super) gate: bool,
    pub(super) line: bool,
    pub(super) live_tokens_of: Vec<Uuid>,
    pub(super) tokens: Vec<Uuid>,
    pub(super) holds_of: Vec<Uuid>,
    pub(super) reservations: Vec<Uuid>,
    pub(super) seats: Vec<i32>,
    pub(super) holdings_of: Vec<Uuid>,
}

impl Grouped {
    pub(super) fn new(needs: &Needs) -> Result<Self, StoreError> {
        let user = |user: &UserId| user.0;
        let mut grouped = Self {
            concerts: needs.concerts.iter().map(|concert| concert.0).collect(),
            wallets: needs.wallets.iter().map(user).collect(),
            users: needs.users.iter().map(user).collect(),
            payments: needs
                .payments
                .iter()
                .map(|(user, payment)| (user.0, payment.0))
                .collect(),
            records: needs.records.iter().copied().collect(),
            schedules: BTreeMap::new(),
        };
        for schedule in &needs.gates {
            grouped.of(*schedule).gate = true;
        }
        for schedule in &needs.lines {
            grouped.of(*schedule).line = true;
        }
        for (schedule, user) in &needs.live_tokens {
            grouped.of(*schedule).live_tokens_of.push(user.0);
        }
        for (schedule, token) in &needs.tokens {
            grouped.of(*schedule).tokens.push(token.0);
        }
        for (schedule, token) in &needs.holds_of {
            grouped.of(*schedule).holds_of.push(token.0);
        }
        for (schedule, reservation) in &needs.reservations {
            grouped.of(*schedule).reservations.push(reservation.0);
        }
        for (schedule, number) in &needs.seats {
            grouped.of(*schedule).seats.push(small_to_db(*number)?);
        }
        for (schedule, user) in &needs.holdings {
            grouped.of(*schedule).holdings_of.push(user.0);
        }
        Ok(grouped)
    }

    fn of(&mut self, schedule: ScheduleId) -> &mut ScheduleNeeds {
        self.schedules.entry(schedule.0).or_default()
    }
}
