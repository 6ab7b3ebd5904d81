//! Hand-written statements that SQLite compiles once per connection.
//!
//! diesel keeps compiled SELECT and INSERT statements, but compiles every UPDATE and every
//! `sql_query` anew, which takes longer than running it.

use super::types::micros;
use diesel::{
    QueryResult, RunQueryDsl,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    query_dsl::methods::LoadQuery,
    sql_types::{BigInt, Binary, Nullable, Text},
    sqlite::{Sqlite, SqliteConnection},
};
use frontrow_domain::{clock::Timestamp, money::Money};
use std::marker::PhantomData;
use uuid::Uuid;

/// A value for one `?`.
#[derive(Debug, Clone)]
pub(super) enum Bind {
    Null,
    Integer(i64),
    Name(&'static str),
    Text(String),
    Blob(Vec<u8>),
}

impl From<Uuid> for Bind {
    fn from(id: Uuid) -> Self {
        Self::Blob(id.as_bytes().to_vec())
    }
}

impl From<Timestamp> for Bind {
    fn from(at: Timestamp) -> Self {
        Self::Integer(micros(at))
    }
}

impl From<Money> for Bind {
    fn from(amount: Money) -> Self {
        Self::Integer(amount.minor())
    }
}

impl From<i64> for Bind {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Bind {
    fn from(number: u32) -> Self {
        Self::Integer(i64::from(number))
    }
}

impl From<bool> for Bind {
    fn from(yes: bool) -> Self {
        Self::Integer(i64::from(yes))
    }
}

impl From<&'static str> for Bind {
    fn from(name: &'static str) -> Self {
        Self::Name(name)
    }
}

impl From<String> for Bind {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Bind>> From<Option<T>> for Bind {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Runs a statement with a value for each `?`; says how many rows it changed.
pub(super) fn run<const N: usize>(
    conn: &mut SqliteConnection,
    sql: &'static str,
    binds: [Bind; N],
) -> QueryResult<usize> {
    Statement::<(), N>::new(sql, binds).execute(conn)
}

/// Reads rows whose columns have the types `S`, with a value for each `?`.
pub(super) fn read<S, R, const N: usize>(
    conn: &mut SqliteConnection,
    sql: &'static str,
    binds: [Bind; N],
) -> QueryResult<Vec<R>>
where
    Statement<S, N>: for<'q> LoadQuery<'q, SqliteConnection, R>,
{
    Statement::<S, N>::new(sql, binds).load(conn)
}

pub(super) struct Statement<S, const N: usize> {
    sql: &'static str,
    binds: [Bind; N],
    columns: PhantomData<S>,
}

impl<S, const N: usize> Statement<S, N> {
    fn new(sql: &'static str, binds: [Bind; N]) -> Self {
        Self {
            sql,
            binds,
            columns: PhantomData,
        }
    }
}

impl<S, const N: usize> Query for Statement<S, N> {
    type SqlType = S;
}

/// No `?` may stand for anything but a value.
impl<S, const N: usize> QueryFragment<Sqlite> for Statement<S, N> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut pieces = self.sql.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for (bind, piece) in self.binds.iter().zip(pieces) {
            match bind {
                Bind::Null => out.push_bind_param::<Nullable<BigInt>, Option<i64>>(&None)?,
                Bind::Integer(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Bind::Name(name) => out.push_bind_param::<Text, str>(name)?,
                Bind::Text(text) => out.push_bind_param::<Text, str>(text)?,
                Bind::Blob(bytes) => out.push_bind_param::<Binary, [u8]>(bytes)?,
            }
            out.push_sql(piece);
        }
        Ok(())
    }
}

/// Found again in the connection's cache by its text.
impl<S, const N: usize> QueryId for Statement<S, N> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<S, const N: usize> RunQueryDsl<SqliteConnection> for Statement<S, N> {}
