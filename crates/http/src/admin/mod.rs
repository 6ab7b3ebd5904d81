//! What operators do.

pub(crate) mod admissions;
pub(crate) mod audit;
pub(crate) mod concerts;
pub(crate) mod gates;
pub(crate) mod schedules;
pub(crate) mod stats;
