//! Reading seats and reservations.

use super::{
    Sqlite,
    catalog::{schedule_by_id, schedules_of},
    error::SqlError,
    load::reservation_by_id,
    rows::SeatRow,
    schema::seats,
    statement::read,
    types::{Id, Moment, Whole},
};
use crate::codec::count_to_db;
use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Nullable},
    sqlite::SqliteConnection,
};
use frontrow_domain::{
    catalog::Schedule,
    clock::Timestamp,
    id::{ConcertId, ReservationId, ScheduleId},
    outcome::StoreError,
    seating::{
        GROUP, Seat, SeatChanges, SeatMap,
        port::{Availability, ReservationStatus, SeatingQueries, Stock, StockState},
    },
};
use std::{iter, sync::Arc};

#[async_trait]
impl SeatingQueries for Sqlite {
    async fn availability(&self, concert: ConcertId) -> Result<Vec<Availability>, StoreError> {
        let currency = self.policy.currency;
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            let schedules = schedules_of(conn, concert, currency)?;
            let now = clock.now();
            let each = schedules.into_iter().map(|schedule| availability(conn, schedule, now));
            each.collect::<Result<Vec<_>, _>>()
        });
        work.await
    }

    async fn seats(&self, schedule: ScheduleId) -> Result<SeatMap, StoreError> {
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            Ok(SeatMap {
                seats: all_seats(conn, schedule)?,
                as_of: clock.now(),
            })
        });
        work.await
    }

    async fn changes(&self, schedule: ScheduleId, known: Vec<u64>) -> Result<SeatChanges, StoreError> {
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            let as_of = clock.now();
            let seats = changed_seats(conn, schedule, &known, as_of)?;
            Ok(SeatChanges { seats, as_of })
        });
        work.await
    }

    async fn stock(&self, schedules: Vec<ScheduleId>) -> Result<Vec<Stock>, StoreError> {
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            let as_of = clock.now();
            let stocks = schedules
                .into_iter()
                .map(|schedule| stock(conn, schedule, as_of).transpose());
            stocks.flatten().collect()
        });
        work.await
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationStatus>, StoreError> {
        let currency = self.policy.currency;
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            let Some(row) = reservation_by_id(conn, id)? else {
                return Ok(None);
            };
            let reservation = row.in_currency(currency);
            let schedule = schedule_by_id(conn, reservation.schedule_id, currency)?;
            Ok(schedule.map(|schedule| ReservationStatus {
                reservation,
                schedule: Arc::new(schedule),
                as_of: clock.now(),
            }))
        });
        work.await
    }
}

/// Whether a seat is free and, if none is, when the first hold ends.
fn stock(conn: &mut SqliteConnection, schedule_id: ScheduleId, as_of: Timestamp) -> Result<Option<Stock>, SqlError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM seats WHERE schedule_id = schedules.schedule_id \
               AND (status = 'available' OR (status = 'held' AND held_until <= ?))) \
               FROM schedules WHERE schedule_id = ?";
    let binds = [as_of.into(), schedule_id.0.into()];
    let Some(free) = read::<Bool, bool, 2>(conn, sql, binds)?.pop() else {
        return Ok(None);
    };
    let mut first_end = None;
    if !free {
        let sql = "SELECT MIN(held_until) FROM seats WHERE schedule_id = ? AND status = 'held'";
        let ends: Vec<Option<Moment>> = read::<Nullable<BigInt>, _, 1>(conn, sql, [schedule_id.0.into()])?;
        first_end = ends.into_iter().flatten().next();
    }
    Ok(Some(Stock {
        schedule_id,
        state: StockState::from_facts(free, first_end.map(|end| end.0)),
        as_of,
    }))
}

/// How many seats are not sold, counted up to `most`.
pub(super) fn unsold(conn: &mut SqliteConnection, schedule: ScheduleId, most: u64) -> Result<u64, SqlError> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 FROM seats WHERE schedule_id = ? AND status <> 'sold' LIMIT ?)";
    let binds = [schedule.0.into(), count_to_db(most)?.into()];
    let counted: Vec<Whole<u64>> = read::<BigInt, _, 2>(conn, sql, binds)?;
    Ok(counted.first().map_or(0, |counted| counted.0))
}

fn availability(conn: &mut SqliteConnection, schedule: Schedule, now: Timestamp) -> Result<Availability, SqlError> {
    let sql = "SELECT COUNT(CASE WHEN status = 'available' OR (status = 'held' AND held_until <= ?) THEN 1 END), \
               COUNT(CASE WHEN status = 'sold' THEN 1 END) FROM seats WHERE schedule_id = ?";
    let binds = [now.into(), schedule.id.0.into()];
    let counts: Vec<(Whole<u64>, Whole<u64>)> = read::<(BigInt, BigInt), _, 2>(conn, sql, binds)?;
    let (available, sold) = counts.first().map_or((0, 0), |(available, sold)| (available.0, sold.0));
    Ok(Availability {
        schedule: Arc::new(schedule),
        seats_available: available,
        seats_sold: sold,
        as_of: now,
    })
}

/// The seats of those groups of which the versions, a lapsed hold counting once more, do not come to the known sum.
fn changed_seats(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    known: &[u64],
    now: Timestamp,
) -> Result<Vec<Seat>, SqlError> {
    let sql = "SELECT (number - 1) / ? AS place, \
               SUM(version) + COUNT(CASE WHEN status = 'held' AND held_until <= ? THEN 1 END) AS total \
               FROM seats WHERE schedule_id = ? GROUP BY place ORDER BY place";
    let binds = [i64::from(GROUP).into(), now.into(), schedule.0.into()];
    let totals: Vec<(Whole<u64>, Whole<u64>)> = read::<(BigInt, BigInt), _, 3>(conn, sql, binds)?;
    let known = known.iter().map(Some).chain(iter::repeat(None));
    let mut changed = Vec::new();
    for ((group, total), known) in totals.into_iter().zip(known) {
        if known != Some(&total.0) {
            let first = group.0 * u64::from(GROUP) + 1;
            let found = seats::table
                .filter(seats::schedule_id.eq(Id(schedule.0)))
                .filter(seats::number.between(count_to_db(first)?, count_to_db(first - 1)? + i64::from(GROUP)))
                .order(seats::number)
                .select(SeatRow::as_select())
                .load(conn)?;
            for row in found {
                changed.push(row.of(schedule)?);
            }
        }
    }
    Ok(changed)
}

/// Every seat of a performance, by number.
pub(super) fn all_seats(conn: &mut SqliteConnection, schedule: ScheduleId) -> Result<Vec<Seat>, SqlError> {
    let found = seats::table
        .filter(seats::schedule_id.eq(Id(schedule.0)))
        .order(seats::number)
        .select(SeatRow::as_select())
        .load(conn)?;
    found.into_iter().map(|row| row.of(schedule)).collect()
}
