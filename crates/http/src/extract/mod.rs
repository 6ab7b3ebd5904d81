//! Reading requests at the edge, in the order that SPEC §2 gives the checks.

mod body;
mod caller;
mod fields;
mod idempotency;
mod query;

pub(crate) use body::{Body, MOST_LAYOUT_BYTES, Received};
pub(crate) use caller::{Booker, Caller};
pub(crate) use fields::Fields;
pub(crate) use query::List;

use crate::api::Api;
use actix_web::{Error, FromRequest, HttpRequest, dev::Payload, error::ErrorInternalServerError, web, web::Data};
use futures_util::FutureExt as _;
use std::{
    collections::HashMap,
    future::{Ready, ready},
    sync::Arc,
};

/// A call as it arrives: nothing of it has been looked at yet. What a handler asks it for is
/// checked at that moment, so the order of a handler's lines is the order of its checks.
pub(crate) struct Call {
    api: Arc<Api>,
    request: HttpRequest,
    payload: Payload,
}

impl FromRequest for Call {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let api = request.app_data::<Data<Api>>();
        let call = api.map(|api| Self {
            api: api.clone().into_inner(),
            request: request.clone(),
            payload: payload.take(),
        });
        ready(call.ok_or_else(|| ErrorInternalServerError("no state")))
    }
}

impl Call {
    pub(crate) fn api(&self) -> &Arc<Api> {
        &self.api
    }

    pub(crate) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// A part of the path, by its name in the URL table.
    pub(crate) fn path(&self, name: &str) -> String {
        let parts = web::Path::<HashMap<String, String>>::extract(&self.request).now_or_never();
        let part = parts.and_then(|parts| parts.ok()?.into_inner().remove(name));
        part.unwrap_or_default()
    }
}
