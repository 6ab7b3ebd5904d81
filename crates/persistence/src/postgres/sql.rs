//! Statements written by hand, and sending several of them in one round trip.

use diesel::{
    QueryResult,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    serialize::ToSql,
    sql_types::{HasSqlType, Untyped},
};
use futures_util::future::{BoxFuture, MaybeDone, maybe_done};
use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::Pin,
    task::Poll,
};

/// A statement with its parameters, `$1` being the one bound first. Unlike `diesel::sql_query` it
/// is prepared once per connection and then known by its text, so that running it is one message.
#[must_use]
pub(super) struct Sql {
    text: &'static str,
    parameters: Vec<Box<dyn QueryFragment<Pg> + Send>>,
}

/// The statement with this text.
pub(super) fn sql(text: &'static str) -> Sql {
    Sql {
        text,
        parameters: Vec::new(),
    }
}

impl Sql {
    /// Binds the next parameter.
    pub(super) fn bind<ST, V>(mut self, value: V) -> Self
    where
        ST: Send + 'static,
        Pg: HasSqlType<ST>,
        V: ToSql<ST, Pg> + Send + 'static,
    {
        let sql_type = PhantomData::<ST>;
        self.parameters.push(Box::new(Parameter { value, sql_type }));
        self
    }
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl QueryId for Sql {
    type QueryId = ();
    // Two statements are the same if their texts are.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Sql {
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_sql(self.text);
        for parameter in &self.parameters {
            parameter.walk_ast(pass.reborrow())?;
        }
        Ok(())
    }
}

struct Parameter<ST, V> {
    value: V,
    sql_type: PhantomData<ST>,
}

impl<ST, V> QueryFragment<Pg> for Parameter<ST, V>
where
    Pg: HasSqlType<ST>,
    V: ToSql<ST, Pg>,
{
    fn walk_ast<'b>(&'b self, mut pass: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        pass.push_bind_param_value_only(&self.value)
    }
}

/// A statement under way.
pub(super) type Step<'c, T> = BoxFuture<'c, QueryResult<T>>;

/// Sends statements one after another without waiting for answers, and gives all answers.
///
/// The server runs them in exactly this order, each with a snapshot of its own: they are polled in
/// order, and a statement that still has to be prepared keeps the connection's statement cache
/// locked until it is sent, with those behind it waiting in line for that lock.
///
/// What is reported is the error of the *first* statement that failed: those behind it only tell
/// that the transaction has failed.
pub(super) async fn in_order<T: Send>(steps: Vec<Step<'_, T>>) -> QueryResult<Vec<T>> {
    let mut steps: Vec<MaybeDone<Step<'_, T>>> = steps.into_iter().map(maybe_done).collect();
    poll_fn(move |context| {
        for step in &mut steps {
            let _ = Pin::new(step).poll(context);
        }
        for step in &mut steps {
            match step {
                MaybeDone::Future(_) => return Poll::Pending,
                MaybeDone::Done(Ok(_)) => {}
                MaybeDone::Done(Err(_)) | MaybeDone::Gone => break,
            }
        }
        let answers = steps.iter_mut().filter_map(|step| Pin::new(step).take_output());
        Poll::Ready(answers.collect())
    })
    .await
}
