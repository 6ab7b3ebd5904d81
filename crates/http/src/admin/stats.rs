//! The figures of a performance.

use super::gates::no_such_schedule;
use crate::{
    endpoint::{Outcome, json},
    extract::Call,
    wire::Amount,
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    id::ScheduleId,
    identity::Scope,
    queue::port::{Stats, percentile},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The figures of a performance at this moment.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats)]
pub(crate) struct StatsView {
    seats: SeatFigures,
    tokens: TokenFigures,
    reservations: ReservationFigures,
    /// The sum of all successful payments.
    revenue: Amount,
    /// Fans let in during the last 60 seconds.
    admissions_last_minute: u64,
    wait_seconds: WaitFigures,
    /// Fans who were let in and lost the slot because they made no call within the claim window.
    no_shows: u64,
    /// Fans who left before they were let in.
    leavers: u64,
    /// Fans whom an operator let in out of turn.
    let_through: u64,
}

/// Seats by state.
#[derive(Serialize, ToSchema)]
struct SeatFigures {
    available: u64,
    held: u64,
    sold: u64,
}

/// Tokens by state.
#[derive(Serialize, ToSchema)]
struct TokenFigures {
    waiting: u64,
    active: u64,
    completed: u64,
    expired: u64,
    left: u64,
}

/// Reservations by state.
#[derive(Serialize, ToSchema)]
struct ReservationFigures {
    held: u64,
    confirmed: u64,
    expired: u64,
    released: u64,
}

/// How long fans had waited who were let in; null before the first one.
#[derive(Serialize, ToSchema)]
struct WaitFigures {
    p50: Option<u64>,
    p99: Option<u64>,
}

impl From<Stats> for StatsView {
    fn from(mut stats: Stats) -> Self {
        Self {
            seats: SeatFigures {
                available: stats.seats.available,
                held: stats.seats.held,
                sold: stats.seats.sold,
            },
            tokens: TokenFigures {
                waiting: stats.tokens.waiting,
                active: stats.tokens.active,
                completed: stats.tokens.completed,
                expired: stats.tokens.expired,
                left: stats.tokens.left,
            },
            reservations: ReservationFigures {
                held: stats.reservations.held,
                confirmed: stats.reservations.confirmed,
                expired: stats.reservations.expired,
                released: stats.reservations.released,
            },
            revenue: Amount(stats.revenue),
            admissions_last_minute: stats.admissions_last_minute,
            wait_seconds: WaitFigures {
                p50: percentile(&mut stats.waits, 50),
                p99: percentile(&mut stats.waits, 99),
            },
            no_shows: stats.no_shows,
            leavers: stats.leavers,
            let_through: stats.let_through,
        }
    }
}

/// `GET /v1/admin/schedules/{schedule_id}/stats`
pub(crate) async fn show(call: Call) -> Outcome {
    call.operator(Scope::StatsRead).await?;
    let schedule = ScheduleId::from_client(&call.path("schedule_id"));
    let stats = call
        .desk
        .read(|api| async move { api.storage.queue.stats(schedule).await })
        .await?;
    json(StatusCode::OK, &StatsView::from(stats.ok_or_else(no_such_schedule)?))
}
