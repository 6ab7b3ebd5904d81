//! Reading seats and reservations.

use crate::Memory;
use async_trait::async_trait;
use frontrow_domain::{
    id::{ConcertId, ReservationId, ScheduleId},
    outcome::StoreError,
    seating::{
        SeatMap,
        port::{Availability, ReservationStatus, SeatingQueries, Stock, StockState},
    },
};

#[async_trait]
impl SeatingQueries for Memory {
    async fn availability(&self, concert: ConcertId) -> Result<Vec<Availability>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        let schedules = world.schedules_of(concert).iter();
        Ok(schedules
            .filter_map(|schedule| {
                let house = &world.shows.get(&schedule.id)?.house;
                let taken = house.sold() + house.held(now);
                Some(Availability {
                    schedule: schedule.clone(),
                    seats_available: house.seats().len() as u64 - taken,
                    seats_sold: house.sold(),
                    as_of: now,
                })
            })
            .collect())
    }

    async fn seats(&self, schedule: ScheduleId) -> Result<SeatMap, StoreError> {
        let world = self.world();
        let seats = world.shows.get(&schedule).map(|show| show.house.seats().to_vec());
        Ok(SeatMap {
            seats: seats.unwrap_or_default(),
            as_of: self.clock.now(),
        })
    }

    async fn stock(&self, schedules: Vec<ScheduleId>) -> Result<Vec<Stock>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        let stock = |schedule_id| {
            let house = &world.shows.get(&schedule_id)?.house;
            let free = house.unsold() > house.held(now);
            Some(Stock {
                schedule_id,
                state: StockState::from_facts(free, house.next_release(now)),
                as_of: now,
            })
        };
        Ok(schedules.into_iter().filter_map(stock).collect())
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationStatus>, StoreError> {
        let world = self.world();
        let now = self.clock.now();
        Ok(world.reservation(id).map(|(house, reservation)| ReservationStatus {
            reservation: reservation.clone(),
            schedule: house.schedule.clone(),
            as_of: now,
        }))
    }
}
