//! What a queue token says: which token, at which gate, whose, and since when in which place.

use frontrow_domain::{
    clock::Timestamp,
    id::{ScheduleId, TokenId, UserId},
    queue::{Ticket, TokenRef},
};
use uuid::Uuid;

/// The layout that [`to_bytes`] writes.
const VERSION: u8 = 2;

/// Version, three ids, the number and the moment in microseconds.
pub(super) const BYTES: usize = 1 + 3 * 16 + 8 + 8;

pub(super) fn to_bytes(ticket: &Ticket) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[0] = VERSION;
    bytes[1..17].copy_from_slice(ticket.token.id.0.as_bytes());
    bytes[17..33].copy_from_slice(ticket.token.schedule_id.0.as_bytes());
    bytes[33..49].copy_from_slice(ticket.token.user_id.0.as_bytes());
    bytes[49..57].copy_from_slice(&ticket.number.to_be_bytes());
    bytes[57..].copy_from_slice(&to_micros(ticket.issued_at).to_be_bytes());
    bytes
}

pub(super) fn from_bytes(bytes: &[u8; BYTES]) -> Option<Ticket> {
    let (version, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (schedule_id, rest) = rest.split_first_chunk()?;
    let (user_id, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (issued_at, _) = rest.split_first_chunk()?;
    if *version != VERSION {
        return None;
    }
    Some(Ticket {
        token: TokenRef {
            id: TokenId(Uuid::from_bytes(*id)),
            schedule_id: ScheduleId(Uuid::from_bytes(*schedule_id)),
            user_id: UserId(Uuid::from_bytes(*user_id)),
        },
        number: u64::from_be_bytes(*number),
        issued_at: from_micros(i64::from_be_bytes(*issued_at))?,
    })
}

fn to_micros(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn from_micros(micros: i64) -> Option<Timestamp> {
    Timestamp::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}
