//! What a queue token says: which token, at which gate, whose.

use frontrow_domain::{
    id::{ScheduleId, TokenId, UserId},
    queue::TokenRef,
};
use uuid::Uuid;

/// The layout that [`to_bytes`] writes.
const VERSION: u8 = 1;

/// Version and three ids.
pub(super) const BYTES: usize = 1 + 3 * 16;

pub(super) fn to_bytes(token: &TokenRef) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[0] = VERSION;
    bytes[1..17].copy_from_slice(token.id.0.as_bytes());
    bytes[17..33].copy_from_slice(token.schedule_id.0.as_bytes());
    bytes[33..].copy_from_slice(token.user_id.0.as_bytes());
    bytes
}

pub(super) fn from_bytes(bytes: &[u8; BYTES]) -> Option<TokenRef> {
    let (version, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (schedule_id, rest) = rest.split_first_chunk()?;
    let (user_id, _) = rest.split_first_chunk()?;
    (*version == VERSION).then_some(TokenRef {
        id: TokenId(Uuid::from_bytes(*id)),
        schedule_id: ScheduleId(Uuid::from_bytes(*schedule_id)),
        user_id: UserId(Uuid::from_bytes(*user_id)),
    })
}
