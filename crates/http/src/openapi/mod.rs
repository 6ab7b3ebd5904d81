//! The `OpenAPI` 3.1 document, made from the URL table: what is served is documented, and what is
//! documented is served.

pub(crate) mod accounts;
pub(crate) mod admin;
pub(crate) mod booking;
pub(crate) mod catalog;
mod credential;
pub(crate) mod money;
mod operation;
pub(crate) mod queue;
mod schemas;
pub(crate) mod service;

pub(crate) use operation::Operation;

use crate::{endpoint::Endpoint, routes};
use credential::Credential;
use frontrow_domain::money::Currency;
use schemas::Schemas;
use serde_json::{Map, Value, json};

const DESCRIPTION: &str = "\
The booking backend of a concert seller. Fans queue for a date, are let in a few at a time, look at \
the seat map, hold seats for a while, pay from a wallet, and own the seats.

Three credentials: an access token says which fan is calling, an operator key which operator and \
scopes (both as `Authorization: Bearer …`), and a queue token where in line (`Queue-Token: …`).

Every error is `application/problem+json` with a stable `code`. Checks run in this order: credential, \
rate limit, body, then those of the operation in the order they are listed. Every answer names its \
request in `x-request-id`.

Repeat what got no answer: with the same `Idempotency-Key`, a request has its effect at most once for \
24 hours, and the first answer is given again.";

/// The document of a deployment with the default settings, as indented JSON that is the same every
/// time.
#[must_use]
pub fn openapi_json() -> String {
    let currency = Currency::from_code("KRW");
    let document = document(&routes::endpoints(), currency.map_or(0, decimals));
    let mut json = format!("{document:#}");
    json.push('\n');
    json
}

/// How many decimals an amount of this currency has.
pub(crate) fn decimals(currency: Currency) -> usize {
    let zero = currency.zero().to_string();
    zero.split_once('.').map_or(0, |(_, decimals)| decimals.len())
}

/// The document of these endpoints, for amounts with this many decimals.
pub(crate) fn document(endpoints: &[Endpoint], decimals: usize) -> Value {
    let mut schemas = Schemas::new(decimals);
    let mut paths = Map::new();
    for endpoint in endpoints {
        let operation = (endpoint.operation)().render(endpoint, &mut schemas);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method.as_str().to_lowercase()] = operation;
    }
    sorted(json!({
        "openapi": "3.1.0",
        "info": {
            "title": "frontrow",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": operation::tags(),
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "securitySchemes": Credential::schemes(),
        },
    }))
}

/// The same value with the fields of every object in order, however the map keeps them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut fields: Vec<_> = object.into_iter().collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
