//! A private database per test, copied from one migrated template.

use frontrow_domain::policy::Policy;
use frontrow_persistence::{
    metrics::StoreMetrics,
    postgres::{Postgres, PostgresSettings, migrate},
};
use prometheus_client::{encoding::text::encode, registry::Registry};
use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// The template, as long as somebody uses it.
static TEMPLATE: Mutex<Option<Template>> = Mutex::new(None);

struct Template {
    name: String,
    users: usize,
}

/// The server's URL without a database.
fn server() -> String {
    let url = std::env::var("FRONTROW_TEST_POSTGRES")
        .expect("FRONTROW_TEST_POSTGRES names no PostgreSQL server: run `make test`, which starts one");
    let (server, _database) = url.rsplit_once('/').expect("a URL with a database");
    server.to_owned()
}

/// Opens a connection of the test's own.
pub async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}

/// Runs work that must be done when this returns, also where nothing can be awaited.
fn blocking<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let thread = scope.spawn(|| runtime.expect("a runtime").block_on(work));
        thread.join().expect("the work ends")
    })
}

async fn administer(statement: &str) {
    let admin = connect(&format!("{}/postgres", server())).await;
    admin.batch_execute(statement).await.expect("the statement is right");
}

fn template() -> MutexGuard<'static, Option<Template>> {
    TEMPLATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unique(what: &str) -> String {
    format!("frontrow_{what}_{}", Uuid::now_v7().simple())
}

/// A database that is dropped with this.
pub struct Database {
    name: String,
    from_template: bool,
}

impl Database {
    /// A database with the newest schema.
    pub fn migrated() -> Self {
        let mut shared = template();
        let template = shared.get_or_insert_with(|| {
            let name = unique("template");
            blocking(async {
                administer(&format!("CREATE DATABASE {name}")).await;
                migrate(&format!("{}/{name}", server()))
                    .await
                    .expect("the template is migrated");
            });
            Template { name, users: 0 }
        });
        template.users += 1;
        let source = template.name.clone();
        drop(shared);
        let name = unique("test");
        blocking(administer(&format!("CREATE DATABASE {name} TEMPLATE {source}")));
        Self {
            name,
            from_template: true,
        }
    }

    /// A database without anything.
    pub fn empty() -> Self {
        let name = unique("test");
        blocking(administer(&format!("CREATE DATABASE {name}")));
        Self {
            name,
            from_template: false,
        }
    }

    pub fn url(&self) -> String {
        format!("{}/{}", server(), self.name)
    }

    pub async fn client(&self) -> Client {
        connect(&self.url()).await
    }

    pub fn settings(&self, policy: Policy) -> PostgresSettings {
        PostgresSettings {
            url: self.url(),
            policy,
            pool_size: 24,
            migrate: false,
            metrics: StoreMetrics::default(),
        }
    }

    /// A storage that counts into these figures.
    pub async fn open_counting(&self, policy: Policy, metrics: &StoreMetrics) -> Arc<Postgres> {
        let settings = PostgresSettings {
            metrics: metrics.clone(),
            ..self.settings(policy)
        };
        Postgres::connect(settings).await.expect("the database opens")
    }

    pub async fn open(&self, policy: Policy) -> Arc<Postgres> {
        let opened = Postgres::connect(self.settings(policy)).await;
        opened.expect("the database opens")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        blocking(administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)));
        if !self.from_template {
            return;
        }
        let mut shared = template();
        if let Some(template) = shared.as_mut() {
            template.users -= 1;
            if template.users == 0 {
                blocking(administer(&format!("DROP DATABASE {} WITH (FORCE)", template.name)));
                *shared = None;
            }
        }
    }
}

/// The figures as they are scraped.
pub fn shown(metrics: &StoreMetrics) -> String {
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry).expect("text");
    text
}
