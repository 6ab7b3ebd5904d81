//! Performances and how their seats lie.

use crate::sqlite::{
    schema::{schedules, seat_blocks},
    types::{Day, Id, Moment, Whole},
};
use diesel::prelude::*;
use frontrow_domain::{
    catalog::{Schedule, SeatBlock, SeatLayout},
    id::{ConcertId, ScheduleId},
    money::Currency,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = schedules, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct ScheduleRow {
    schedule_id: Id,
    concert_id: Id,
    date: Day,
    starts_at: Moment,
    booking_opens_at: Moment,
    booking_closes_at: Moment,
    created_at: Moment,
}

impl ScheduleRow {
    pub(in crate::sqlite) fn id(&self) -> ScheduleId {
        ScheduleId(self.schedule_id.0)
    }

    pub(in crate::sqlite) fn with_layout(self, blocks: Vec<SeatBlockRow>, currency: Currency) -> Schedule {
        let block = |row: SeatBlockRow| SeatBlock {
            section: row.section,
            rows: row.rows.0,
            seats_per_row: row.seats_per_row.0,
            price: currency.from_minor(row.price),
        };
        Schedule {
            id: self.id(),
            concert_id: ConcertId(self.concert_id.0),
            date: self.date.0,
            starts_at: self.starts_at.0,
            booking_opens_at: self.booking_opens_at.0,
            booking_closes_at: self.booking_closes_at.0,
            layout: SeatLayout(blocks.into_iter().map(block).collect()),
            created_at: self.created_at.0,
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = seat_blocks, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct SeatBlockRow {
    section: Option<String>,
    rows: Whole<u32>,
    seats_per_row: Whole<u32>,
    price: i64,
}
