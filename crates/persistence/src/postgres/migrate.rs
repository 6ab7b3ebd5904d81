//! The schema: embedded migrations, safe to run on several instances at once.

use super::{address::Address, error::OpenError};
use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::collections::BTreeSet;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// What instances that start at once queue behind; any number that nobody else uses.
const LOCK: i64 = 0x66_72_6f_6e_74_72_6f_77;

type Blocking = AsyncConnectionWrapper<AsyncPgConnection>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Brings the schema of the database at `url` up to date; says which migrations that took. All of
/// them are applied, or none.
///
/// # Errors
/// One line that says why: the URL is none, the database cannot be reached, its schema is newer
/// than this binary, or a migration failed.
pub async fn migrate(url: &str) -> Result<Vec<String>, OpenError> {
    run(&Address::parse(url)?).await
}

pub(super) async fn run(address: &Address) -> Result<Vec<String>, OpenError> {
    blocking(address, |conn| {
        conn.transaction::<Vec<String>, BoxError, _>(|conn| {
            sql_query("SET LOCAL lock_timeout = '60s'").execute(conn)?;
            sql_query("SELECT pg_advisory_xact_lock($1)")
                .bind::<BigInt, _>(LOCK)
                .execute(conn)?;
            let missing = missing(conn)?;
            if !missing.is_empty() {
                conn.run_pending_migrations(MIGRATIONS)?;
            }
            Ok(missing)
        })
    })
    .await
}

/// Refuses a database whose schema is not exactly the one this binary knows.
pub(super) async fn verify(address: &Address) -> Result<(), OpenError> {
    let missing = blocking(address, missing).await?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(OpenError::Unusable(format!(
        "the database's schema is older than this binary: run `frontrow migrate` first (missing: {})",
        missing.join(", ")
    )))
}

/// Migrations that the database does not have yet; an error when it has some that we do not know.
fn missing(conn: &mut Blocking) -> Result<Vec<String>, BoxError> {
    let known = versions()?;
    let applied = applied(conn)?;
    let unknown: Vec<&str> = applied.difference(&known).map(String::as_str).collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(format!("the database's schema is newer than this binary (unknown here: {unknown})").into());
    }
    Ok(known.difference(&applied).cloned().collect())
}

fn versions() -> Result<BTreeSet<String>, BoxError> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations()?;
    Ok(migrations.iter().map(|one| one.name().version().to_string()).collect())
}

/// Looks without making the table, so that it works for who may only read.
fn applied(conn: &mut Blocking) -> Result<BTreeSet<String>, BoxError> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Nullable<Text>)]
        name: Option<String>,
    }
    let table: Name = sql_query("SELECT to_regclass('__diesel_schema_migrations')::text AS name").get_result(conn)?;
    if table.name.is_none() {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<Name> = sql_query("SELECT version AS name FROM __diesel_schema_migrations").load(conn)?;
    Ok(versions.into_iter().filter_map(|version| version.name).collect())
}

/// Migrations come as blocking code, so they get a connection and a thread of their own.
async fn blocking<T: Send + 'static>(
    address: &Address,
    work: impl FnOnce(&mut Blocking) -> Result<T, BoxError> + Send + 'static,
) -> Result<T, OpenError> {
    let unusable = |why: &dyn std::fmt::Display| OpenError::Unusable(why.to_string());
    let conn = address
        .connect()
        .await
        .map_err(|error| OpenError::Unreachable(error.to_string()))?;
    let done = tokio::task::spawn_blocking(move || work(&mut Blocking::from(conn)));
    let done = done.await.map_err(|error| unusable(&error))?;
    done.map_err(|error| unusable(&error))
}
