//! How values are written: times, days and money.

use frontrow_domain::{clock::Timestamp, money::Money, queue::TokenState};
use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;
use std::borrow::Cow;
use time::{Date, UtcOffset, macros::format_description};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType},
};

/// An instant: RFC 3339 in UTC with milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(pub(crate) Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
        let utc = self.0.to_offset(UtcOffset::UTC);
        written(serializer, |text| utc.format_into(text, &format))
    }
}

/// A day at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) Date);

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let format = format_description!("[year]-[month]-[day]");
        written(serializer, |text| self.0.format_into(text, &format))
    }
}

/// A short text, without room on the heap.
fn written<S: Serializer>(
    serializer: S,
    write: impl FnOnce(&mut &mut [u8]) -> Result<usize, time::error::Format>,
) -> Result<S::Ok, S::Error> {
    let mut room = [0; 32];
    let length = write(&mut room.as_mut_slice()).map_err(S::Error::custom)?;
    let text = room.get(..length).and_then(|text| str::from_utf8(text).ok());
    serializer.serialize_str(text.ok_or_else(|| S::Error::custom("a time that is no text"))?)
}

/// An exact amount, as the literal of a JSON number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount(pub(crate) Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let literal = RawValue::from_string(self.0.to_string()).map_err(S::Error::custom)?;
        literal.serialize(serializer)
    }
}

/// How many whole seconds are left.
pub(crate) fn seconds_until(end: Timestamp, now: Timestamp) -> u64 {
    u64::try_from((end - now).whole_seconds()).unwrap_or(0)
}

/// A token's state as clients see it: one that was given back looks like one that ran out.
pub(crate) fn visible_state(state: TokenState) -> &'static str {
    match state {
        TokenState::Waiting | TokenState::Active | TokenState::Completed | TokenState::Expired => state.as_str(),
        TokenState::Left => TokenState::Expired.as_str(),
    }
}

/// The schema of a field that is one of a few words.
pub(crate) fn words(words: impl IntoIterator<Item = &'static str>) -> Schema {
    let words = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words));
    Schema::Object(words.build())
}

/// The schema of a field that is one of a few words, or null.
pub(crate) fn or_null(words: impl IntoIterator<Item = &'static str>) -> Schema {
    let words = words.into_iter().map(Some).chain([None]);
    let types = SchemaType::Array(vec![Type::String, Type::Null]);
    let words = ObjectBuilder::new().schema_type(types).enum_values(Some(words));
    Schema::Object(words.build())
}

/// The schema of `status: "success"`.
pub(crate) fn success() -> Schema {
    words(["success"])
}

/// The schema of an amount that is paid.
pub(crate) fn paid_in() -> Schema {
    let amount = ObjectBuilder::new()
        .schema_type(Type::Number)
        .exclusive_minimum(Some(0))
        .description(Some("The price, exactly, to be compared with the server's"));
    Schema::Object(amount.build())
}

/// The schema of an amount that is charged.
pub(crate) fn amount_in() -> Schema {
    let amount = ObjectBuilder::new()
        .schema_type(Type::Number)
        .exclusive_minimum(Some(0))
        .maximum(Some(10_000_000))
        .description(Some("An exact amount in the deployment's currency"));
    Schema::Object(amount.build())
}

/// The schema of a seat's price.
pub(crate) fn price_in() -> Schema {
    let price = ObjectBuilder::new()
        .schema_type(Type::Number)
        .exclusive_minimum(Some(0))
        .maximum(Some(1_000_000_000))
        .description(Some("What one seat costs, in the deployment's currency"));
    Schema::Object(price.build())
}

macro_rules! scalar_schema {
    ($type:ident, $name:literal, $build:expr) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let build: fn(ObjectBuilder) -> ObjectBuilder = $build;
                build(ObjectBuilder::new()).build().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    };
}

scalar_schema!(Instant, "Instant", |schema| schema
    .schema_type(Type::String)
    .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
    .pattern(Some(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"))
    .description(Some("An instant: RFC 3339 in UTC with milliseconds")));

scalar_schema!(Day, "Day", |schema| schema
    .schema_type(Type::String)
    .format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)))
    .description(Some("A day at the venue")));

scalar_schema!(Amount, "Amount", |schema| schema.schema_type(Type::Number).description(
    Some("An exact amount in the deployment's currency; read the literal, not a float")
));
