//! The URL table: everything the service answers, and what with.

use crate::{
    endpoint::{self, Endpoint, get},
    health,
};
use actix_web::web::ServiceConfig;

/// Every route, in the order of the documentation.
pub(crate) fn endpoints() -> Vec<Endpoint> {
    vec![
        get("/health/live", health::live),
        get("/health/ready", health::ready),
        get("/metrics", health::metrics),
    ]
}

/// Serves the table.
pub(crate) fn configure(config: &mut ServiceConfig) {
    endpoint::serve(endpoints(), config);
}
