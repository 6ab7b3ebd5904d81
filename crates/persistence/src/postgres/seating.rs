//! Reading seats and reservations.

use super::{
    Inner, Postgres,
    error::Failure,
    pool::Lease,
    rows::{ReservationRow, SeatRow},
    sql::sql,
};
use crate::codec::{count_from_db, count_to_db, damaged};
use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    clock::Timestamp,
    id::{ConcertId, ReservationId, ScheduleId},
    outcome::StoreError,
    seating::{
        GROUP, Seat, SeatChanges, SeatMap,
        port::{Availability, ReservationStatus, SeatingQueries, Stock, StockState},
    },
};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

const AVAILABILITY: &str = "
    SELECT s.schedule_id, moment.at, counted.available, counted.sold
    FROM schedules s
    CROSS JOIN (SELECT clock_timestamp() AS at OFFSET 0) AS moment
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE status = 'available' OR (status = 'held' AND held_until <= moment.at)) AS available,
            count(*) FILTER (WHERE status = 'sold') AS sold
        FROM seats WHERE seats.schedule_id = s.schedule_id) AS counted
    WHERE s.concert_id = $1";

/// Every seat, column by column: a large house would otherwise be a hundred thousand rows. A
/// performance that does not exist has no columns, only the time.
///
/// `now()` is the time at which the statement's own transaction began, and so not later than what is
/// seen. `statement_timestamp()` may be: a prepared statement looks when its values are bound, and has its time when it runs.
const SEATS: &str = "
    SELECT now() AS at, array_agg(number) AS numbers, array_agg(status) AS statuses,
        array_agg(reservation_id) AS reservations, array_agg(user_id) AS users,
        array_agg(held_until) AS ends, array_agg(version) AS versions
    FROM (
        SELECT number, status, reservation_id, user_id, held_until, version
        FROM seats WHERE schedule_id = $1 ORDER BY number) AS seat";

/// The same for those groups of seats of which the versions, a lapsed hold counting once more, do not come to the
/// known sum. `at` is not later than what is seen. A sum of integers takes half the time of one of bigints, which PostgreSQL
/// adds up as numerics.
const CHANGES: &str = "
    SELECT now() AS at, array_agg(number) AS numbers, array_agg(status) AS statuses,
        array_agg(reservation_id) AS reservations, array_agg(user_id) AS users,
        array_agg(held_until) AS ends, array_agg(version) AS versions
    FROM (
        SELECT seat.*
        FROM (
            SELECT (number - 1) / $3 AS place,
                sum(version::integer)
                    + count(*) FILTER (WHERE status = 'held' AND held_until <= now()) AS total
            FROM seats WHERE schedule_id = $1 GROUP BY (number - 1) / $3) AS stored
        CROSS JOIN LATERAL (
            SELECT number, status, reservation_id, user_id, held_until, version
            FROM seats
            WHERE schedule_id = $1 AND number > stored.place * $3 AND number <= (stored.place + 1) * $3
            OFFSET 0) AS seat
        WHERE stored.total IS DISTINCT FROM ($2)[stored.place + 1]
        ORDER BY seat.number) AS changed";

/// Whether a seat is free, which is soon known as long as one is, and if none is, when the first
/// hold ends. `at` is not later than what is seen.
const STOCK: &str = "
    SELECT asked.schedule_id, now() AS at, stock.free, held.first_end
    FROM unnest($1) AS asked (schedule_id)
    CROSS JOIN LATERAL (SELECT FROM schedules one WHERE one.schedule_id = asked.schedule_id OFFSET 0) s
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM seats
            WHERE seats.schedule_id = asked.schedule_id
                AND (status = 'available' OR (status = 'held' AND held_until <= now()))) AS free
        OFFSET 0) stock
    CROSS JOIN LATERAL (
        SELECT CASE WHEN NOT stock.free THEN (
            SELECT min(held_until) FROM seats
            WHERE seats.schedule_id = asked.schedule_id AND status = 'held') END AS first_end
        OFFSET 0) held";

const RESERVATION: &str = "
    SELECT schedule_id, reservation_id, user_id, token_id, seat_numbers, total_price, state,
        held_at, held_until, ended_at, request_key, clock_timestamp() AS at
    FROM reservations WHERE reservation_id = $1";

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = SqlUuid)]
    schedule_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = BigInt)]
    available: i64,
    #[diesel(sql_type = BigInt)]
    sold: i64,
}

#[derive(QueryableByName)]
struct StockRow {
    #[diesel(sql_type = SqlUuid)]
    schedule_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Bool)]
    free: bool,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first_end: Option<Timestamp>,
}

impl From<StockRow> for Stock {
    fn from(row: StockRow) -> Self {
        Self {
            schedule_id: ScheduleId(row.schedule_id),
            state: StockState::from_facts(row.free, row.first_end),
            as_of: row.at,
        }
    }
}

#[derive(QueryableByName)]
struct MapRow {
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Nullable<Array<Integer>>)]
    numbers: Option<Vec<i32>>,
    #[diesel(sql_type = Nullable<Array<Text>>)]
    statuses: Option<Vec<String>>,
    #[diesel(sql_type = Nullable<Array<Nullable<SqlUuid>>>)]
    reservations: Option<Vec<Option<Uuid>>>,
    #[diesel(sql_type = Nullable<Array<Nullable<SqlUuid>>>)]
    users: Option<Vec<Option<Uuid>>>,
    #[diesel(sql_type = Nullable<Array<Nullable<Timestamptz>>>)]
    ends: Option<Vec<Option<Timestamp>>>,
    #[diesel(sql_type = Nullable<Array<BigInt>>)]
    versions: Option<Vec<i64>>,
}

impl MapRow {
    fn into_seats(self, schedule: ScheduleId) -> Result<(Vec<Seat>, Timestamp), StoreError> {
        let numbers = self.numbers.unwrap_or_default().into_iter();
        let columns = numbers
            .zip(self.statuses.unwrap_or_default())
            .zip(self.reservations.unwrap_or_default())
            .zip(self.users.unwrap_or_default())
            .zip(self.ends.unwrap_or_default())
            .zip(self.versions.unwrap_or_default());
        let seats = columns.map(
            |(((((number, status), reservation_id), user_id), held_until), version)| {
                Seat::try_from(SeatRow {
                    schedule_id: schedule.0,
                    number,
                    status,
                    reservation_id,
                    user_id,
                    held_until,
                    version,
                })
            },
        );
        Ok((seats.collect::<Result<_, _>>()?, self.at))
    }
}

#[derive(QueryableByName)]
struct ReservationStatusRow {
    #[diesel(embed)]
    reservation: ReservationRow,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
}

#[async_trait]
impl SeatingQueries for Postgres {
    async fn availability(&self, concert: ConcertId) -> Result<Vec<Availability>, StoreError> {
        self.query(move |inner, lease| Box::pin(inner.availability(lease, concert)))
            .await
    }

    async fn seats(&self, schedule: ScheduleId) -> Result<SeatMap, StoreError> {
        self.query(move |_, lease| {
            Box::pin(async move {
                let map = sql(SEATS).bind::<SqlUuid, _>(schedule.0);
                let row: MapRow = map.get_result(&mut lease.connection()?).await?;
                let (seats, as_of) = row.into_seats(schedule)?;
                Ok(SeatMap { seats, as_of })
            })
        })
        .await
    }

    async fn changes(&self, schedule: ScheduleId, known: Vec<u64>) -> Result<SeatChanges, StoreError> {
        let known: Vec<i64> = known.into_iter().map(count_to_db).collect::<Result<_, _>>()?;
        self.query(move |_, lease| {
            let changes = sql(CHANGES)
                .bind::<SqlUuid, _>(schedule.0)
                .bind::<Array<BigInt>, _>(known.clone())
                .bind::<Integer, _>(GROUP.cast_signed());
            Box::pin(async move {
                let row: MapRow = changes.get_result(&mut lease.connection()?).await?;
                let (seats, as_of) = row.into_seats(schedule)?;
                Ok(SeatChanges { seats, as_of })
            })
        })
        .await
    }

    async fn stock(&self, schedules: Vec<ScheduleId>) -> Result<Vec<Stock>, StoreError> {
        let asked: Vec<Uuid> = schedules.iter().map(|schedule| schedule.0).collect();
        self.query(move |_, lease| {
            let stock = sql(STOCK).bind::<Array<SqlUuid>, _>(asked.clone());
            Box::pin(async move {
                let rows: Vec<StockRow> = stock.load(&mut lease.connection()?).await?;
                Ok(rows.into_iter().map(Stock::from).collect())
            })
        })
        .await
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationStatus>, StoreError> {
        self.query(move |inner, lease| Box::pin(inner.reservation(lease, id)))
            .await
    }
}

impl Inner {
    async fn availability(&self, lease: &Lease, concert: ConcertId) -> Result<Vec<Availability>, Failure> {
        let counts = sql(AVAILABILITY).bind::<SqlUuid, _>(concert.0);
        let counts: Vec<CountRow> = counts.load(&mut lease.connection()?).await?;
        let mut counts: BTreeMap<Uuid, CountRow> = counts.into_iter().map(|row| (row.schedule_id, row)).collect();
        let schedules = self.schedules_of(lease, &[concert]).await?.remove(&concert);
        let mut availability = Vec::new();
        for schedule in schedules.unwrap_or_default() {
            // One that was added after the count is seen the next time.
            if let Some(count) = counts.remove(&schedule.id.0) {
                availability.push(Availability {
                    schedule,
                    seats_available: count_from_db(count.available)?,
                    seats_sold: count_from_db(count.sold)?,
                    as_of: count.at,
                });
            }
        }
        Ok(availability)
    }

    async fn reservation(&self, lease: &Lease, id: ReservationId) -> Result<Option<ReservationStatus>, Failure> {
        let found = sql(RESERVATION).bind::<SqlUuid, _>(id.0);
        let rows: Vec<ReservationStatusRow> = found.load(&mut lease.connection()?).await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        let reservation = row.reservation.into_reservation(self.policy.currency)?;
        let schedule = self.schedule(lease, reservation.schedule_id).await?;
        Ok(Some(ReservationStatus {
            reservation,
            schedule: Arc::new(schedule.ok_or_else(|| damaged("reservation"))?),
            as_of: row.at,
        }))
    }
}
