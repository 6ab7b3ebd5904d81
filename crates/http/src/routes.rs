//! The URL table: everything the service answers, and what with.

use crate::{
    admin, concerts, dates, docs,
    endpoint::{self, Endpoint, delete, get, patch, post},
    health,
    openapi::{accounts, admin as operators, booking, catalog, money, queue as line, service},
    payments, queue, reservations, seats, streams, users, wallets,
};
use actix_web::web::ServiceConfig;

/// Every route: where it is, what answers it, and what the document says of it. Paths with
/// parameters are tried in this order, so the one that is asked for most comes first.
#[rustfmt::skip]
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/v1/concerts/{concert_id}/dates/{date}/seats", seats::list, booking::seats),
        post("/v1/users", users::sign_up, accounts::sign_up),
        post("/v1/users/{user_id}/access-tokens", users::grant_access, accounts::grant_access),
        get("/v1/concerts", concerts::list, catalog::list).compressed(),
        get("/v1/concerts/{concert_id}", concerts::show, catalog::show),
        post("/v1/queue/tokens", queue::join, line::join),
        get("/v1/queue/tokens/current", queue::poll, line::poll),
        delete("/v1/queue/tokens/current", queue::leave, line::leave),
        get("/v1/queue/tokens/current/events", streams::line::open, line::events),
        get("/v1/concerts/{concert_id}/dates/{date}/seats/events", streams::seats::open, booking::seat_events),
        get("/v1/concerts/{concert_id}/dates", dates::list, booking::dates),
        post("/v1/reservations", reservations::create, booking::hold),
        get("/v1/reservations/{reservation_id}", reservations::show, booking::reservation),
        delete("/v1/reservations/{reservation_id}", reservations::release, booking::release),
        post("/v1/payments", payments::create, booking::pay),
        get("/v1/users/{user_id}/payments", payments::list, booking::payments),
        get("/v1/users/{user_id}/wallet", wallets::show_of_user, money::wallet_of_user),
        post("/v1/users/{user_id}/wallet/charges", wallets::charge_user, money::charge_user),
        get("/v1/users/{user_id}/wallet/entries", wallets::entries, money::entries),
        get("/v1/wallets/{wallet_id}", wallets::show, money::wallet_by_id),
        post("/v1/wallets/{wallet_id}/charges", wallets::charge_wallet, money::charge_wallet),
        post("/v1/admin/concerts", admin::concerts::create, operators::create_concert),
        post("/v1/admin/concerts/{concert_id}/schedules", admin::schedules::create, operators::create_schedule),
        get("/v1/admin/schedules/{schedule_id}/gate", admin::gates::show, operators::show_gate),
        patch("/v1/admin/schedules/{schedule_id}/gate", admin::gates::change, operators::change_gate),
        post("/v1/admin/schedules/{schedule_id}/admissions", admin::admissions::create, operators::let_through),
        get("/v1/admin/schedules/{schedule_id}/stats", admin::stats::show, operators::stats),
        get("/v1/admin/audit", admin::audit::run, operators::audit),
        get("/health/live", health::live, service::live),
        get("/health/ready", health::ready, service::ready),
        get("/metrics", health::metrics, service::metrics),
        get("/openapi.json", docs::document, service::document).compressed(),
        get("/docs", docs::redirect, service::docs),
        get("/docs/", docs::page, service::docs_page),
        get("/docs/{file}", docs::asset, service::docs_file).compressed(),
    ]
}

/// Serves the table.
pub(crate) fn configure(config: &mut ServiceConfig) {
    endpoint::serve(endpoints(), config);
}
