//! The URL table: everything the service answers, and what with.

use crate::{
    admin, concerts, dates,
    endpoint::{self, Endpoint, delete, get, patch, post},
    health, payments, queue, reservations, seats, users, wallets,
};
use actix_web::web::ServiceConfig;

/// Every route, in the order of the documentation.
#[rustfmt::skip]
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        post("/v1/users", users::sign_up),
        post("/v1/users/{user_id}/access-tokens", users::grant_access),
        get("/v1/concerts", concerts::list),
        get("/v1/concerts/{concert_id}", concerts::show),
        post("/v1/queue/tokens", queue::join),
        get("/v1/queue/tokens/current", queue::poll),
        delete("/v1/queue/tokens/current", queue::leave),
        get("/v1/concerts/{concert_id}/dates", dates::list),
        get("/v1/concerts/{concert_id}/dates/{date}/seats", seats::list),
        post("/v1/reservations", reservations::create),
        get("/v1/reservations/{reservation_id}", reservations::show),
        delete("/v1/reservations/{reservation_id}", reservations::release),
        post("/v1/payments", payments::create),
        get("/v1/users/{user_id}/payments", payments::list),
        get("/v1/users/{user_id}/wallet", wallets::show_of_user),
        post("/v1/users/{user_id}/wallet/charges", wallets::charge_user),
        get("/v1/users/{user_id}/wallet/entries", wallets::entries),
        get("/v1/wallets/{wallet_id}", wallets::show),
        post("/v1/wallets/{wallet_id}/charges", wallets::charge_wallet),
        post("/v1/admin/concerts", admin::concerts::create),
        post("/v1/admin/concerts/{concert_id}/schedules", admin::schedules::create),
        get("/v1/admin/schedules/{schedule_id}/gate", admin::gates::show),
        patch("/v1/admin/schedules/{schedule_id}/gate", admin::gates::change),
        get("/v1/admin/schedules/{schedule_id}/stats", admin::stats::show),
        get("/v1/admin/audit", admin::audit::run),
        get("/health/live", health::live),
        get("/health/ready", health::ready),
        get("/metrics", health::metrics),
    ]
}

/// Serves the table.
pub(crate) fn configure(config: &mut ServiceConfig) {
    endpoint::serve(endpoints(), config);
}
