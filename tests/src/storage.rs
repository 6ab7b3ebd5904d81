//! Where a deployment keeps its data, and how that goes away again.

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
    thread::JoinHandle,
};
use tempfile::TempDir;

/// The deployments of this process, and the databases that are being dropped. Dropping one takes the server a while,
/// during which other tests may run; whoever is the last waits for all of it.
static SHARED: Mutex<Shared> = Mutex::new(Shared {
    deployments: 0,
    dropping: Vec::new(),
});

struct Shared {
    deployments: usize,
    dropping: Vec<JoinHandle<()>>,
}

fn shared<T>(work: impl FnOnce(&mut Shared) -> T) -> T {
    work(&mut SHARED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A kind of storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// The process's own memory: a restart forgets everything.
    Memory,
    /// One file in the deployment's folder.
    Sqlite,
    /// A database of the deployment's own, on the server that `FRONTROW_TEST_POSTGRES` names.
    Postgres,
}

/// The folder and the storage of one deployment. Both are removed with this value.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) storage: Storage,
    /// What `FRONTROW_STORAGE` is to say.
    pub(crate) url: String,
    database: Option<Database>,
    folder: TempDir,
}

impl Ground {
    pub(crate) fn new(storage: Storage) -> Self {
        let folder = TempDir::with_prefix("frontrow-e2e-").expect("a temporary folder");
        let database = (storage == Storage::Postgres).then(Database::create);
        shared(|shared| shared.deployments += 1);
        let url = match (storage, &database) {
            (_, Some(database)) => database.url.clone(),
            (Storage::Sqlite, None) => format!("sqlite:{}", folder.path().join("frontrow.db").display()),
            (Storage::Memory | Storage::Postgres, None) => "memory:".to_owned(),
        };
        Self {
            storage,
            url,
            database,
            folder,
        }
    }

    /// The folder that is the working directory of all the deployment's processes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs SQL on the deployment's PostgreSQL database.
    pub(crate) fn execute(&self, sql: &str) {
        let database = self.database.as_ref().expect("only PostgreSQL takes SQL from a test");
        finish(execute(&database.url, sql.to_owned()));
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let dropping = self.database.take().map(Database::drop_later);
        let left = shared(|shared| {
            shared.dropping.extend(dropping);
            shared.deployments -= 1;
            let last = shared.deployments == 0;
            if last {
                std::mem::take(&mut shared.dropping)
            } else {
                Vec::new()
            }
        });
        left.into_iter().for_each(finish);
    }
}

/// A private database on a shared PostgreSQL server.
#[derive(Debug)]
struct Database {
    server: String,
    name: String,
    url: String,
}

impl Database {
    fn create() -> Self {
        let server = std::env::var("FRONTROW_TEST_POSTGRES").unwrap_or_else(|_| {
            panic!(
                "FRONTROW_TEST_POSTGRES names no PostgreSQL server: run `make test`, \
                 or `scripts/with-postgres cargo test -p e2e`"
            )
        });
        let name = format!("frontrow_e2e_{:032x}", rand::random::<u128>());
        finish(execute(&server, format!("CREATE DATABASE {name}")));
        let url = on_database(&server, &name);
        Self { server, name, url }
    }

    fn drop_later(self) -> JoinHandle<()> {
        execute(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name))
    }
}

/// The URL with another database's name.
fn on_database(server: &str, name: &str) -> String {
    let (address, options) = server
        .split_once('?')
        .map_or((server, String::new()), |(address, options)| {
            (address, format!("?{options}"))
        });
    let from = address.find("://").map_or(0, |scheme| scheme + "://".len());
    let host = address[from..]
        .find('/')
        .map_or(address, |slash| &address[..from + slash]);
    format!("{host}/{name}{options}")
}

/// Runs SQL on a thread of its own, which a destructor can wait for inside of a runtime.
fn execute(url: &str, sql: String) -> JoinHandle<()> {
    let url = url.to_owned();
    let session = async move {
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .expect("PostgreSQL answers");
        let statement = async {
            let done = client.batch_execute(&sql).await;
            drop(client);
            done
        };
        let (done, _) = tokio::join!(statement, connection);
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(session);
    })
}

fn finish(statement: JoinHandle<()>) {
    let ended = statement.join();
    assert!(
        ended.is_ok() || std::thread::panicking(),
        "the statement failed, see above"
    );
}

#[cfg(test)]
mod tests {
    use super::on_database;

    #[test]
    fn a_url_keeps_its_server_and_options() {
        let url = |server| on_database(server, "mine");
        assert_eq!(url("postgres://u@h:1/postgres"), "postgres://u@h:1/mine");
        assert_eq!(url("postgres://u@h:1"), "postgres://u@h:1/mine");
        assert_eq!(
            url("postgres://u@h/p?sslmode=disable"),
            "postgres://u@h/mine?sslmode=disable"
        );
    }
}
