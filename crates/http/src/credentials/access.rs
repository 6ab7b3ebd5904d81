//! What an access token says.

use frontrow_domain::{clock::Timestamp, id::UserId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The layout that [`AccessToken::to_bytes`] writes.
const VERSION: u8 = 1;

/// Says which user is calling, for a limited time.
pub(crate) struct AccessToken {
    /// Who.
    pub(crate) user_id: UserId,
    /// From when on.
    pub(crate) issued_at: Timestamp,
    /// From when on no longer.
    pub(crate) expires_at: Timestamp,
}

impl AccessToken {
    /// Version, user, and the two instants in milliseconds.
    pub(super) const BYTES: usize = 1 + 16 + 8 + 8;

    /// A token for `user_id` that is valid for `life` from `now` on, in whole milliseconds.
    pub(crate) fn issue(user_id: UserId, now: Timestamp, life: Duration) -> Self {
        let issued_at = from_millis(to_millis(now)).unwrap_or(now);
        Self {
            user_id,
            issued_at,
            expires_at: issued_at + life,
        }
    }

    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    pub(super) fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0] = VERSION;
        bytes[1..17].copy_from_slice(self.user_id.0.as_bytes());
        bytes[17..25].copy_from_slice(&to_millis(self.issued_at).to_be_bytes());
        bytes[25..].copy_from_slice(&to_millis(self.expires_at).to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let (user, rest) = rest.split_first_chunk()?;
        let (issued_at, rest) = rest.split_first_chunk()?;
        let (expires_at, _) = rest.split_first_chunk()?;
        if *version != VERSION {
            return None;
        }
        Some(Self {
            user_id: UserId(Uuid::from_bytes(*user)),
            issued_at: from_millis(i64::from_be_bytes(*issued_at))?,
            expires_at: from_millis(i64::from_be_bytes(*expires_at))?,
        })
    }
}

fn to_millis(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

fn from_millis(millis: i64) -> Option<Timestamp> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()
}
