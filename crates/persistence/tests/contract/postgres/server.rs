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
    thread::JoinHandle,
};
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

/// What the tests of this process share.
static SHARED: Mutex<Shared> = Mutex::new(Shared {
    users: 0,
    template: None,
    dropping: Vec::new(),
});

struct Shared {
    /// How many databases are in use.
    users: usize,
    /// The migrated database that others are copied from, as long as any is in use.
    template: Option<String>,
    /// Dropping takes the server a while, during which other tests may run.
    dropping: Vec<JoinHandle<()>>,
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

fn shared() -> MutexGuard<'static, Shared> {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a database, empty or as another one.
fn create(what: &str, like: Option<&str>) -> String {
    let name = format!("frontrow_{what}_{}", Uuid::now_v7().simple());
    let template = like.map(|template| format!("TEMPLATE {template}")).unwrap_or_default();
    blocking(administer(&format!("CREATE DATABASE {name} {template}")));
    name
}

fn drop_database(name: &str) {
    blocking(administer(&format!("DROP DATABASE {name} WITH (FORCE)")));
}

/// A database that is dropped with this.
pub struct Database {
    name: String,
}

impl Database {
    /// A database with the newest schema.
    pub fn migrated() -> Self {
        let mut shared = shared();
        let template = shared.template.get_or_insert_with(|| {
            let name = create("template", None);
            blocking(async {
                let migrated = migrate(&format!("{}/{name}", server())).await;
                migrated.expect("the template is migrated");
            });
            name
        });
        let template = template.clone();
        shared.users += 1;
        drop(shared);
        let name = create("test", Some(&template));
        Self { name }
    }

    /// A database without anything.
    pub fn empty() -> Self {
        shared().users += 1;
        let name = create("test", None);
        Self { name }
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
            pool_size: 64,
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
    /// The last one waits until nothing of this process is left on the server.
    fn drop(&mut self) {
        let name = self.name.clone();
        let mut shared = shared();
        shared.users -= 1;
        shared.dropping.push(std::thread::spawn(move || drop_database(&name)));
        if shared.users == 0 {
            for dropping in shared.dropping.drain(..) {
                dropping.join().expect("it is dropped");
            }
            if let Some(template) = shared.template.take() {
                drop_database(&template);
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
