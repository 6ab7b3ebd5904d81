//! What storage promises about seats and reservations.

use super::{Reservation, Seat};
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

    /// The [version](SeatMap::version) that the map of a performance has now; 0 when there is no
    /// such performance. Storage may know it with less work than reading the map.
    async fn map_version(&self, schedule: ScheduleId) -> Result<u64, StoreError> {
        Ok(self.seats(schedule).await?.version())
    }

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

/// All seats of a performance at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatMap {
    /// Every seat by number.
    pub seats: Vec<Seat>,
    /// The moment this was true.
    pub as_of: Timestamp,
}

impl SeatMap {
    /// How often a seat has visibly changed so far. Two maps with the same version show the same;
    /// a later map never has a lower one. A hold that lapses counts at that very moment, and the
    /// sweep that tidies it adds nothing.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.seats.iter().map(|seat| seat.version_at(self.as_of)).sum()
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
