//! Reading seat maps.
//!
//! Every fan is sent a whole map, packed, as a browser would be. But what it says is worked out once
//! for all who are sent the same one: a crowd has a computer each, and a rehearsal has one.

use crate::{
    client::Reply,
    wire::{self, FreeSeats},
};
use bytes::Bytes;
use flate2::read::GzDecoder;
use hyper::header::{self, HeaderValue};
use std::{
    collections::VecDeque,
    io::Read as _,
    sync::{Arc, Mutex, PoisonError},
};

/// How many maps are kept. More than one, because answers overtake each other.
const KEPT: usize = 4;

/// The maps that were read last, by their tags.
#[derive(Debug, Default)]
pub(crate) struct Maps(Mutex<VecDeque<(HeaderValue, Arc<[u32]>)>>);

impl Maps {
    /// The free seats of a map; `None` when it is none.
    pub(crate) fn read(&self, reply: &Reply) -> Option<Arc<[u32]>> {
        let Some(tag) = reply.headers.get(header::ETAG) else {
            return free_seats(reply);
        };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, free)) = known.iter().find(|(known, _)| known == tag) {
            return Some(free.clone());
        }
        let free = free_seats(reply)?;
        known.truncate(KEPT - 1);
        known.push_front((tag.clone(), free.clone()));
        Some(free)
    }
}

fn free_seats(reply: &Reply) -> Option<Arc<[u32]>> {
    let packed = reply
        .headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|how| how == "gzip");
    let map: FreeSeats = if packed {
        let mut body = Vec::new();
        GzDecoder::new(&*reply.body).read_to_end(&mut body).ok()?;
        let plain = Reply {
            body: Bytes::from(body),
            ..reply.clone()
        };
        wire::read(&plain)?
    } else {
        wire::read(reply)?
    };
    Some(map.seats.into_iter().map(|seat| seat.seat_number).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use hyper::header::HeaderMap;
    use std::io::Write as _;

    fn map(tag: Option<&'static str>, body: &str) -> Reply {
        let tag = tag.map(|tag| (header::ETAG, HeaderValue::from_static(tag)));
        Reply {
            status: 200,
            headers: tag.into_iter().collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    fn seats(numbers: &[u32]) -> String {
        let seats: Vec<_> = numbers
            .iter()
            .map(|number| serde_json::json!({ "seat_number": number }))
            .collect();
        serde_json::json!({ "seats": seats }).to_string()
    }

    #[test]
    fn packed_and_plain_maps_say_the_same() {
        let plain = map(None, &seats(&[3, 5]));
        let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
        packing.write_all(&plain.body).unwrap();
        let packed = Reply {
            headers: HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"))]),
            body: packing.finish().unwrap().into(),
            ..plain.clone()
        };
        let maps = Maps::default();
        assert_eq!(maps.read(&plain).as_deref(), Some(&[3, 5][..]));
        assert_eq!(maps.read(&packed).as_deref(), Some(&[3, 5][..]));
    }

    #[test]
    fn a_map_is_read_once_for_all_who_are_sent_it() {
        let maps = Maps::default();
        assert_eq!(
            maps.read(&map(Some("\"1\""), &seats(&[1, 2]))).as_deref(),
            Some(&[1, 2][..])
        );
        assert_eq!(
            maps.read(&map(Some("\"1\""), "not read again")).as_deref(),
            Some(&[1, 2][..])
        );
        for tag in ["\"2\"", "\"3\"", "\"4\"", "\"5\""] {
            assert_eq!(maps.read(&map(Some(tag), &seats(&[7]))).as_deref(), Some(&[7][..]));
        }
        assert_eq!(maps.read(&map(Some("\"1\""), "forgotten by now")), None);
        assert_eq!(maps.read(&map(Some("\"6\""), "no map")), None);
    }
}
