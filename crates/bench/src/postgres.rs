//! Databases of our own on the PostgreSQL server we were given.

use anyhow::{Context as _, Result};
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A PostgreSQL server, and the databases made on it.
pub struct Server {
    url: String,
    created: Mutex<Vec<String>>,
    next: AtomicU32,
}

impl Server {
    /// The server at this address.
    #[must_use]
    pub fn new(url: String) -> Self {
        Self {
            url,
            created: Mutex::new(Vec::new()),
            next: AtomicU32::new(1),
        }
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn create(&self) -> Result<Database> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = format!("frontrow_bench_{}_{number}", std::process::id());
        let client = connect(&self.url).await?;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        self.names().push(name.clone());
        let url = on_database(&self.url, &name);
        Ok(Database { url, name })
    }

    /// Removes a database.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn drop(&self, database: Database) -> Result<()> {
        self.names().retain(|name| *name != database.name);
        self.drop_named(&database.name).await
    }

    /// Removes all databases that are left, after a run that failed.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn drop_all(&self) -> Result<()> {
        let left = std::mem::take(&mut *self.names());
        for name in left {
            self.drop_named(&name).await?;
        }
        Ok(())
    }

    async fn drop_named(&self, name: &str) -> Result<()> {
        let client = connect(&self.url).await?;
        Ok(client
            .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await?)
    }

    fn names(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one setting says, or what one expression comes to.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn text(&self, sql: &str) -> Result<String> {
        first_text(&connect(&self.url).await?, sql).await
    }
}

/// One database.
pub struct Database {
    url: String,
    name: String,
}

impl Database {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Runs statements.
    ///
    /// # Errors
    /// One fails.
    pub async fn execute(&self, sql: &str) -> Result<()> {
        let client = connect(&self.url).await?;
        client.batch_execute(sql).await.with_context(|| sql.to_owned())
    }

    /// The one number that a query answers.
    ///
    /// # Errors
    /// It fails, or answers something else.
    pub async fn number(&self, sql: &str) -> Result<u64> {
        let text = first_text(&connect(&self.url).await?, sql).await?;
        text.parse().with_context(|| format!("{sql} answered {text}"))
    }

    /// The numbers that a query answers, one a row.
    ///
    /// # Errors
    /// It fails, or answers something else.
    pub async fn numbers(&self, sql: &str) -> Result<Vec<f64>> {
        let client = connect(&self.url).await?;
        let messages = client.simple_query(sql).await.with_context(|| sql.to_owned())?;
        let mut numbers = Vec::new();
        for message in &messages {
            if let SimpleQueryMessage::Row(row) = message {
                numbers.push(row.get(0).context("a number is null")?.parse()?);
            }
        }
        Ok(numbers)
    }

    /// Makes all measurements begin alike: statistics are true, nothing is left for the vacuum,
    /// and all that was written before is on disk.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn settle(&self) -> Result<()> {
        let client = connect(&self.url).await?;
        client.batch_execute("VACUUM (ANALYZE)").await?;
        Ok(client.batch_execute("CHECKPOINT").await?)
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("PostgreSQL cannot be reached")?;
    tokio::spawn(connection);
    Ok(client)
}

async fn first_text(client: &Client, sql: &str) -> Result<String> {
    let messages = client.simple_query(sql).await.with_context(|| sql.to_owned())?;
    let row = messages.iter().find_map(|message| {
        if let SimpleQueryMessage::Row(row) = message {
            row.get(0)
        } else {
            None
        }
    });
    Ok(row.with_context(|| format!("{sql} answered nothing"))?.to_owned())
}

/// The URL with another database's name.
fn on_database(server: &str, name: &str) -> String {
    let (address, options) = match server.split_once('?') {
        Some((address, options)) => (address, format!("?{options}")),
        None => (server, String::new()),
    };
    let from = address.find("://").map_or(0, |scheme| scheme + "://".len());
    let host = address[from..]
        .find('/')
        .map_or(address, |slash| &address[..from + slash]);
    format!("{host}/{name}{options}")
}

#[cfg(test)]
mod tests {
    use super::on_database;

    #[test]
    fn a_url_keeps_its_server_and_options() {
        assert_eq!(
            on_database("postgres://u@h:1/postgres", "mine"),
            "postgres://u@h:1/mine"
        );
        assert_eq!(on_database("postgres://u@h:1", "mine"), "postgres://u@h:1/mine");
        assert_eq!(
            on_database("postgres://u@h/p?sslmode=disable", "mine"),
            "postgres://u@h/mine?sslmode=disable"
        );
    }
}
