//! The figures of a performance.

use super::{error::Failure, pool::Lease, sql::sql};
use crate::codec::count_from_db;
use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    id::ScheduleId,
    outcome::StoreError,
    policy::Policy,
    queue::port::{ReservationCounts, SeatCounts, Stats, TokenCounts},
};

/// Everything from one snapshot, with every state as it is at one moment.
const STATS: &str = "
    SELECT seats.*, tokens.*, holds.*,
        (SELECT coalesce(sum(amount), 0)::bigint FROM payments
            WHERE schedule_id = $1 AND status = 'succeeded') AS revenue,
        (SELECT count(*) FROM queue_tokens
            WHERE schedule_id = $1 AND activated_at > moment.at - interval '60 seconds') AS admissions,
        ARRAY(SELECT greatest(0, floor(extract(epoch FROM activated_at - issued_at)))::bigint
            FROM queue_tokens WHERE schedule_id = $1 AND activated_at IS NOT NULL
            ORDER BY activated_at DESC LIMIT 10000) AS waits
    FROM schedules s
    CROSS JOIN (SELECT clock_timestamp() AS at OFFSET 0) AS moment
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE status = 'available' OR (status = 'held' AND held_until <= moment.at)) AS available,
            count(*) FILTER (WHERE status = 'held' AND held_until > moment.at) AS held,
            count(*) FILTER (WHERE status = 'sold') AS sold
        FROM seats WHERE schedule_id = $1) AS seats
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'waiting' AND lapses_at > moment.at) AS waiting,
            count(*) FILTER (WHERE state = 'active' AND lapses_at > moment.at) AS active,
            count(*) FILTER (WHERE state = 'completed') AS completed,
            count(*) FILTER (WHERE state = 'expired'
                OR (state IN ('waiting', 'active') AND lapses_at <= moment.at)) AS token_expired,
            count(*) FILTER (WHERE state = 'left') AS gone,
            count(*) FILTER (WHERE activated_at IS NOT NULL AND claimed_at IS NULL
                AND (state = 'expired' OR (state = 'active' AND lapses_at <= moment.at))) AS no_shows,
            count(*) FILTER (WHERE state = 'left' AND activated_at IS NULL) AS leavers,
            count(*) FILTER (WHERE departure IS NOT NULL AND activated_at IS NOT NULL) AS let_through
        FROM queue_tokens WHERE schedule_id = $1) AS tokens
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE state = 'held' AND held_until > moment.at) AS unpaid,
            count(*) FILTER (WHERE state = 'confirmed') AS confirmed,
            count(*) FILTER (WHERE state = 'expired' OR (state = 'held' AND held_until <= moment.at)) AS expired,
            count(*) FILTER (WHERE state = 'released') AS released
        FROM reservations WHERE schedule_id = $1) AS holds
    WHERE s.schedule_id = $1";

#[derive(QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
struct StatsRow {
    #[diesel(sql_type = BigInt)]
    available: i64,
    #[diesel(sql_type = BigInt)]
    held: i64,
    #[diesel(sql_type = BigInt)]
    sold: i64,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = BigInt)]
    active: i64,
    #[diesel(sql_type = BigInt)]
    completed: i64,
    #[diesel(sql_type = BigInt)]
    token_expired: i64,
    #[diesel(sql_type = BigInt)]
    gone: i64,
    #[diesel(sql_type = BigInt)]
    no_shows: i64,
    #[diesel(sql_type = BigInt)]
    leavers: i64,
    #[diesel(sql_type = BigInt)]
    let_through: i64,
    #[diesel(sql_type = BigInt)]
    unpaid: i64,
    #[diesel(sql_type = BigInt)]
    confirmed: i64,
    #[diesel(sql_type = BigInt)]
    expired: i64,
    #[diesel(sql_type = BigInt)]
    released: i64,
    #[diesel(sql_type = BigInt)]
    revenue: i64,
    #[diesel(sql_type = BigInt)]
    admissions: i64,
    #[diesel(sql_type = Array<BigInt>)]
    waits: Vec<i64>,
}

pub(super) async fn of(policy: &Policy, lease: &Lease, schedule: ScheduleId) -> Result<Option<Stats>, Failure> {
    let figures = sql(STATS).bind::<SqlUuid, _>(schedule.0);
    let rows: Vec<StatsRow> = figures.load(&mut lease.connection()?).await?;
    let row = rows.into_iter().next();
    Ok(row.map(|row| row.into_stats(policy)).transpose()?)
}

impl StatsRow {
    fn into_stats(self, policy: &Policy) -> Result<Stats, StoreError> {
        Ok(Stats {
            seats: SeatCounts {
                available: count_from_db(self.available)?,
                held: count_from_db(self.held)?,
                sold: count_from_db(self.sold)?,
            },
            tokens: TokenCounts {
                waiting: count_from_db(self.waiting)?,
                active: count_from_db(self.active)?,
                completed: count_from_db(self.completed)?,
                expired: count_from_db(self.token_expired)?,
                left: count_from_db(self.gone)?,
            },
            reservations: ReservationCounts {
                held: count_from_db(self.unpaid)?,
                confirmed: count_from_db(self.confirmed)?,
                expired: count_from_db(self.expired)?,
                released: count_from_db(self.released)?,
            },
            revenue: policy.currency.from_minor(self.revenue),
            admissions_last_minute: count_from_db(self.admissions)?,
            waits: self.waits.into_iter().map(count_from_db).collect::<Result<_, _>>()?,
            no_shows: count_from_db(self.no_shows)?,
            leavers: count_from_db(self.leavers)?,
            let_through: count_from_db(self.let_through)?,
        })
    }
}
