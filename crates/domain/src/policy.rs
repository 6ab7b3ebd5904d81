//! The deployment's settings that rules depend on.

use crate::money::Currency;
use time::Duration;

/// How this deployment sells (SPEC §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// How long seats are held for an unpaid reservation.
    pub hold: Duration,
    /// How long an admitted fan may stay silent before the slot goes to the next.
    pub claim: Duration,
    /// How many seats one fan may hold and own together at one schedule.
    pub seat_limit: u32,
    /// The currency of all prices and balances.
    pub currency: Currency,
}

impl Policy {
    /// The most that [`Self::seat_limit`] may be. A wish for more seats at once is refused without
    /// looking at any of them.
    pub const MOST_SEATS_PER_FAN: u32 = 1_000;

    /// How long an answer is kept for its `Idempotency-Key`.
    pub const IDEMPOTENCY: Duration = Duration::hours(24);

    /// How long one instance may work on a keyed request before another may take it over; longer
    /// than any payment provider may take.
    pub const LEASE: Duration = Duration::seconds(10);
}
