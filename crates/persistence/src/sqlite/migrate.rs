//! Bringing a database file up to this version's schema, and making sure that it is read as it was
//! written.

use super::{connection::Opener, error::OpenError};
use diesel::{
    QueryableByName, RunQueryDsl,
    connection::{AnsiTransactionManager, TransactionManager},
    migration::{Migration, MigrationSource, MigrationVersion},
    sql_query,
    sql_types::Text,
    sqlite::{Sqlite, SqliteConnection},
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use frontrow_domain::money::Currency;
use std::{collections::BTreeSet, path::Path};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Runs the migrations that are missing, or only looks whether any is. All of it happens under
/// the write lock, so of two processes that start at once one waits and then finds it done.
pub(super) fn bring_up_to_date(
    opener: &Opener,
    path: &Path,
    may_run: bool,
    currency: Currency,
) -> Result<(), OpenError> {
    let conn = &mut opener.open()?;
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE").map_err(|e| opener.unreachable(&e))?;
    let done = migrate(conn, path, opener, may_run).and_then(|()| agree(conn, path, opener, currency));
    let ended = if done.is_ok() {
        AnsiTransactionManager::commit_transaction(conn)
    } else {
        AnsiTransactionManager::rollback_transaction(conn)
    };
    done.and(ended.map_err(|error| opener.unreachable(&error)))
}

fn migrate(conn: &mut SqliteConnection, path: &Path, opener: &Opener, may_run: bool) -> Result<(), OpenError> {
    let known: Vec<Box<dyn Migration<Sqlite>>> = MIGRATIONS.migrations().map_err(|e| opener.unreachable(&e))?;
    let known: BTreeSet<MigrationVersion<'_>> = known.iter().map(|one| one.name().version()).collect();
    let applied = conn.applied_migrations().map_err(|e| opener.unreachable(&e))?;
    if let Some(newer) = applied.iter().find(|version| !known.contains(version)) {
        return Err(OpenError::TooNew {
            path: path.to_owned(),
            version: newer.to_string(),
        });
    }
    if applied.len() == known.len() {
        return Ok(());
    }
    if !may_run {
        return Err(OpenError::NeedsMigration(path.to_owned()));
    }
    conn.run_pending_migrations(MIGRATIONS)
        .map_err(|e| opener.unreachable(&e))?;
    Ok(())
}

/// Amounts are stored without their currency, so a file has one for good: the one that it was first
/// served with.
fn agree(conn: &mut SqliteConnection, path: &Path, opener: &Opener, currency: Currency) -> Result<(), OpenError> {
    #[derive(QueryableByName)]
    struct Deployment {
        #[diesel(sql_type = Text)]
        currency: String,
    }
    sql_query("INSERT INTO deployment (one, currency) VALUES (1, ?) ON CONFLICT DO NOTHING")
        .bind::<Text, _>(currency.code())
        .execute(conn)
        .map_err(|e| opener.unreachable(&e))?;
    let stored: Deployment = sql_query("SELECT currency FROM deployment")
        .get_result(conn)
        .map_err(|e| opener.unreachable(&e))?;
    if stored.currency == currency.code() {
        return Ok(());
    }
    Err(OpenError::OtherCurrency {
        path: path.to_owned(),
        stored: stored.currency,
    })
}
