//! Time, as a client sees it: instants to schedule performances at, and waiting for what is to come.

use std::time::{Duration, Instant};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How long a test waits for something before it fails; generous, because only failures take this long.
pub const PATIENCE: Duration = Duration::from_secs(30);

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks until `look` finds something, and returns that.
///
/// # Panics
///
/// When [`PATIENCE`] has passed; `what` says what was waited for.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(
            since.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain for this: {what}"
        );
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// The moment the test is at, by the clock of this machine.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a client has no clock but its machine's, and no test depends on where it stands"
)]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A moment as RFC 3339 has it.
///
/// # Panics
///
/// When the moment has no such form, as years beyond 9999.
#[must_use]
pub fn moment(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a year of four digits")
}

/// The moment an RFC 3339 text tells.
///
/// # Panics
///
/// When it tells none.
#[must_use]
#[track_caller]
pub fn instant(text: &str) -> OffsetDateTime {
    match OffsetDateTime::parse(text, &Rfc3339) {
        Ok(at) => at,
        Err(error) => panic!("{text} is no moment: {error}"),
    }
}

/// The date of a moment, in the offset it carries.
#[must_use]
pub fn date_of(at: OffsetDateTime) -> String {
    at.date().to_string()
}
