//! What storage promises about seats and reservations.

use super::{Reservation, Seat, SeatChanges, SeatMap};
use crate::{
    catalog::Schedule,
    clock::Timestamp,
    id::{ConcertId, ReservationId, ScheduleId},
    outcome::StoreError,
};
use async_trait::async_trait;
use std::sync::Arc;

/// Reads seats and reservations.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SeatingQueries: Send + Sync {
    /// Every performance of a concert with its free seats, by `starts_at`.
    async fn availability(&self, concert: ConcertId) -> Result<Vec<Availability>, StoreError>;

    /// Every seat of a performance by number, from one snapshot; empty when there is no such
    /// performance.
    async fn seats(&self, schedule: ScheduleId) -> Result<SeatMap, StoreError>;

    /// What [is different](SeatMap::changes_since) from a map of this performance with these
    /// [sums](SeatMap::sums), from one snapshot. Storage may know it with less work than reading
    /// the map.
    async fn changes(&self, schedule: ScheduleId, known: Vec<u64>) -> Result<SeatChanges, StoreError> {
        Ok(self.seats(schedule).await?.changes_since(&known))
    }

    /// What there is of these performances, in any order; nothing of one that does not exist. As
    /// long as a seat is free this costs little; otherwise it may mean looking at every seat.
    async fn stock(&self, schedules: Vec<ScheduleId>) -> Result<Vec<Stock>, StoreError>;

    /// A reservation, with the performance it is for.
    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationStatus>, StoreError>;
}

/// How much of a performance can still be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Availability {
    /// The performance.
    pub schedule: Arc<Schedule>,
    /// Seats that are neither sold nor in a hold that still counts.
    pub seats_available: u64,
    /// Seats that are sold.
    pub seats_sold: u64,
    /// The moment this was true.
    pub as_of: Timestamp,
}

impl Availability {
    /// Whether the performance belongs on the list of dates: open for booking and not sold out.
    #[must_use]
    pub fn is_bookable(&self) -> bool {
        let sold_out = self.seats_sold >= u64::from(self.schedule.layout.len());
        self.schedule.is_open_for_booking(self.as_of) && !sold_out
    }
}

/// Whether anything of a performance can still be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// Which performance.
    pub schedule_id: ScheduleId,
    /// What there is.
    pub state: StockState,
    /// The moment this was true.
    pub as_of: Timestamp,
}

/// What there is of a performance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StockState {
    /// A seat, or more, that nobody has.
    Free,
    /// Nothing but seats that are held or sold.
    Held {
        /// When the first hold ends.
        until: Timestamp,
    },
    /// Nothing: every seat is sold.
    SoldOut,
}

impl Stock {
    /// The stock of a performance with these seats.
    #[must_use]
    pub fn of(schedule_id: ScheduleId, seats: &[Seat], as_of: Timestamp) -> Self {
        let free = seats.iter().any(|seat| seat.is_open(as_of));
        let first_end = seats.iter().filter_map(Seat::held_until).min();
        Self {
            schedule_id,
            state: StockState::from_facts(free, first_end),
            as_of,
        }
    }
}

impl StockState {
    /// What follows from whether a seat is free and, if none is, when the first hold ends.
    #[must_use]
    pub fn from_facts(free: bool, first_end: Option<Timestamp>) -> Self {
        if free {
            return Self::Free;
        }
        first_end.map_or(Self::SoldOut, |until| Self::Held { until })
    }
}

/// A reservation with the performance it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationStatus {
    /// The reservation as stored.
    pub reservation: Reservation,
    /// The performance.
    pub schedule: Arc<Schedule>,
    /// The moment this was true.
    pub as_of: Timestamp,
}
