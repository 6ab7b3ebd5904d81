//! Reading requests at the edge, in the order that SPEC §2 gives the checks.

mod body;
mod caller;
mod fields;
mod idempotency;
mod query;

pub(crate) use body::{Body, MOST_LAYOUT_BYTES, Received};
pub(crate) use caller::{Booker, Caller};
pub(crate) use fields::{Fields, whole_number};
pub(crate) use query::{Cursor, List};

use crate::{
    api::{Api, Worker},
    desk::Desk,
};
use actix_web::{Error, FromRequest, HttpRequest, dev::Payload, error::ErrorInternalServerError};
use std::{
    future::{Ready, ready},
    rc::Rc,
    sync::Arc,
};

/// A call as it arrives: nothing of it has been looked at yet. What a handler asks it for is
/// checked at that moment, so the order of a handler's lines is the order of its checks.
pub(crate) struct Call {
    request: HttpRequest,
    payload: Payload,
    /// Where it is served.
    pub(crate) desk: Desk,
}

impl FromRequest for Call {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let worker = request.app_data::<Rc<Worker>>();
        let call = worker.map(|worker| Self {
            desk: Desk::of(worker.clone()),
            request: request.clone(),
            payload: payload.take(),
        });
        ready(call.ok_or_else(|| ErrorInternalServerError("no state")))
    }
}

impl Call {
    pub(crate) fn api(&self) -> &Arc<Api> {
        self.desk.api()
    }

    pub(crate) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// A part of the path, by its name in the URL table.
    pub(crate) fn path(&self, name: &str) -> String {
        percent_decoded(self.request.match_info().get(name).unwrap_or_default())
    }
}

/// The router leaves `%2B`, `%2F` and `%25` as they are, so that it can tell them from `+`, `/` and
/// `%`. What is no escape, or comes to no text, stays as it is too.
fn percent_decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.first_chunk::<2>().filter(|_| *first == b'%');
        let escaped = escaped.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let decoded = escaped.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_router_left_escaped_is_unescaped_once() {
        for (part, decoded) in [
            ("2026-12-24T19:30:00%2B09:00", "2026-12-24T19:30:00+09:00"),
            ("a%2Fb", "a/b"),
            ("%252F", "%2F"),
            ("100%", "100%"),
            ("%zz%+1", "%zz%+1"),
            ("%FF", "%FF"),
        ] {
            assert_eq!(percent_decoded(part), decoded);
        }
    }
}
