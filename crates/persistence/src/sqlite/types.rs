//! How the domain's values are kept in SQLite's four kinds of cells.

use crate::codec;
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    serialize::{self, IsNull, Output, ToSql},
    sql_types::{BigInt, Binary, Text},
    sqlite::{Sqlite, SqliteValue},
};
use frontrow_domain::{
    clock::Timestamp, payment::PaymentStatus, queue::TokenState, seating::ReservationState, wallet::EntryKind,
};
use time::{Date, macros::format_description};
use uuid::Uuid;

/// An id: a BLOB of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(super) struct Id(pub(super) Uuid);

impl ToSql<Binary, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Id {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

/// The SHA-256 of a key: a BLOB of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub(super) struct Hash(pub(super) [u8; 32]);

impl ToSql<Binary, Sqlite> for Hash {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Sqlite> for Hash {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(bytes.as_slice().try_into()?))
    }
}

/// A moment: an INTEGER of microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub(super) struct Moment(pub(super) Timestamp);

/// A moment as SQLite keeps it. Those that RFC 3339 can name all fit.
pub(super) fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

impl ToSql<BigInt, Sqlite> for Moment {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(micros(self.0));
        Ok(IsNull::No)
    }
}

impl FromSql<BigInt, Sqlite> for Moment {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let micros = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        let at = Timestamp::from_unix_timestamp_nanos(i128::from(micros) * 1_000)?;
        Ok(Self(at))
    }
}

/// A day: TEXT, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(super) struct Day(pub(super) Date);

impl ToSql<Text, Sqlite> for Day {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.format(format_description!("[year]-[month]-[day]"))?);
        Ok(IsNull::No)
    }
}

impl FromSql<Text, Sqlite> for Day {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        Ok(Self(Date::parse(&text, format_description!("[year]-[month]-[day]"))?))
    }
}

/// Seat numbers: TEXT, a JSON array.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(super) struct Numbers(pub(super) Vec<u32>);

impl ToSql<Text, Sqlite> for Numbers {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

impl FromSql<Text, Sqlite> for Numbers {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        Ok(Self(serde_json::from_str(&text)?))
    }
}

/// A whole number that is never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub(super) struct Whole<T>(pub(super) T);

impl<T> ToSql<BigInt, Sqlite> for Whole<T>
where
    T: Copy + std::fmt::Debug + TryInto<i64, Error: std::error::Error + Send + Sync + 'static>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        let number: i64 = self.0.try_into()?;
        out.set_value(number);
        Ok(IsNull::No)
    }
}

impl<T> FromSql<BigInt, Sqlite> for Whole<T>
where
    T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>,
{
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let number = <i64 as FromSql<BigInt, Sqlite>>::from_sql(value)?;
        Ok(Self(T::try_from(number)?))
    }
}

/// A state or kind that is stored by its name.
pub(super) trait NamedValue: Copy + std::fmt::Debug {
    fn name(self) -> &'static str;
    fn with_name(name: &str) -> Option<Self>;
}

/// A [`NamedValue`]: TEXT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub(super) struct Named<T>(pub(super) T);

impl<T: NamedValue> ToSql<Text, Sqlite> for Named<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.name());
        Ok(IsNull::No)
    }
}

impl<T: NamedValue> FromSql<Text, Sqlite> for Named<T> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let name = <String as FromSql<Text, Sqlite>>::from_sql(value)?;
        let found = T::with_name(&name).map(Self);
        Ok(found.ok_or_else(|| codec::damaged("state"))?)
    }
}

macro_rules! named_by_the_domain {
    ($($value:ty),+ $(,)?) => {$(
        impl NamedValue for $value {
            fn name(self) -> &'static str {
                self.as_str()
            }

            fn with_name(name: &str) -> Option<Self> {
                Self::from_name(name)
            }
        }
    )+};
}

named_by_the_domain!(TokenState, ReservationState, PaymentStatus, EntryKind);
