//! What a transaction leaves behind when it goes wrong.

use super::*;
use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::BigInt};
use futures_util::FutureExt;
use std::sync::mpsc::sync_channel;
use tempfile::TempDir;

struct Database {
    writer: Pool,
    metrics: StoreMetrics,
    _folder: TempDir,
}

async fn database() -> Database {
    let folder = tempfile::tempdir().unwrap();
    let opener = Opener::writing(&folder.path().join("frontrow.db"));
    let metrics = StoreMetrics::default();
    let writer = Pool::writer(&opener, &metrics).unwrap();
    let tables = "CREATE TABLE parents (id INTEGER PRIMARY KEY) STRICT;
        CREATE TABLE notes (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED, text TEXT) STRICT;";
    writer.run(move |conn| Ok(conn.batch_execute(tables)?)).await.unwrap();
    Database {
        writer,
        metrics,
        _folder: folder,
    }
}

impl Database {
    async fn note(&self) -> Result<(), StoreError> {
        let work = |conn: &mut SqliteConnection| Ok(conn.batch_execute("INSERT INTO notes (text) VALUES ('note')")?);
        self.writer.run(work).await
    }

    async fn notes(&self) -> i64 {
        #[derive(QueryableByName)]
        struct Count {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let work = |conn: &mut SqliteConnection| {
            let count: Count = sql_query("SELECT COUNT(*) AS count FROM notes").get_result(conn)?;
            Ok(count.count)
        };
        self.writer.run(work).await.unwrap()
    }
}

#[tokio::test]
async fn work_that_fails_leaves_no_trace() {
    let database = database().await;
    let refused = database.writer.run(|conn| {
        conn.batch_execute("INSERT INTO notes (text) VALUES ('note')")?;
        Err::<(), _>(StoreError::Internal("defect".to_owned()).into())
    });
    assert_eq!(refused.await, Err(StoreError::Internal("defect".to_owned())));
    assert_eq!(database.notes().await, 0);
}

#[tokio::test]
async fn work_that_panics_leaves_no_trace_and_costs_no_thread() {
    let database = database().await;
    let panicked = database.writer.run(|conn| -> Result<(), SqlError> {
        conn.batch_execute("INSERT INTO notes (text) VALUES ('note')")?;
        panic!("a defect in the work");
    });
    assert!(matches!(panicked.await, Err(StoreError::Internal(_))));
    assert_eq!(database.notes().await, 0);
    assert_eq!(database.note().await, Ok(()));
}

#[tokio::test]
async fn a_broken_constraint_is_a_defect_and_not_the_machines_doing() {
    let database = database().await;
    let work = |conn: &mut SqliteConnection| Ok(conn.batch_execute("INSERT INTO parents VALUES (1), (1)")?);
    let broken = database.writer.run(work).await;
    assert!(matches!(broken, Err(StoreError::Internal(_))), "{broken:?}");
}

#[tokio::test]
async fn a_commit_that_fails_is_unknown_and_the_next_one_goes_through() {
    let database = database().await;
    let work = |conn: &mut SqliteConnection| Ok(conn.batch_execute("INSERT INTO notes (parent) VALUES (7)")?);
    let unknown = database.writer.run(work).await;
    assert!(matches!(unknown, Err(StoreError::OutcomeUnknown(_))), "{unknown:?}");
    assert_eq!(database.note().await, Ok(()));
    assert_eq!(database.notes().await, 1);
}

#[tokio::test]
async fn a_connection_left_inside_a_transaction_is_replaced() {
    let database = database().await;
    let work = |conn: &mut SqliteConnection| {
        conn.batch_execute("COMMIT")?;
        Ok(())
    };
    let unknown = database.writer.run(work).await;
    assert!(matches!(unknown, Err(StoreError::OutcomeUnknown(_))), "{unknown:?}");
    assert_eq!(database.note().await, Ok(()));
}

#[tokio::test]
async fn a_full_disk_is_unavailable_until_there_is_room() {
    let database = database().await;
    let limit = |pages: &'static str| {
        database.writer.run(move |conn| {
            conn.batch_execute(pages)?;
            Ok(())
        })
    };
    limit("PRAGMA max_page_count = 5").await.unwrap();
    let fill = "INSERT INTO notes (text) VALUES ('a note that is kept only if all are');
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        INSERT INTO notes (text) SELECT hex(zeroblob(100)) FROM n";
    let full = database.writer.run(move |conn| Ok(conn.batch_execute(fill)?)).await;
    assert!(matches!(full, Err(StoreError::Unavailable(_))), "{full:?}");
    assert_eq!(database.notes().await, 0, "all of it or nothing");
    limit("PRAGMA max_page_count = 100000").await.unwrap();
    assert_eq!(database.note().await, Ok(()));
}

#[tokio::test]
async fn more_work_than_can_wait_is_overloaded_and_what_waits_is_done() {
    let database = database().await;
    let (go, wait) = sync_channel::<()>(0);
    let (begun, has_begun) = oneshot::channel();
    let running = database.writer.run(move |_| {
        begun.send(()).unwrap();
        wait.recv().unwrap();
        Ok(())
    });
    let mut running = Box::pin(running);
    assert!(running.as_mut().now_or_never().is_none());
    has_begun.await.unwrap();
    for _ in 0..CAPACITY {
        assert!(
            database.note().now_or_never().is_none(),
            "it waits; nobody wants the answer"
        );
    }
    assert_eq!(database.metrics.waiting().get(), 512);

    assert_eq!(database.note().await, Err(StoreError::Overloaded));
    go.send(()).unwrap();
    assert_eq!(running.await, Ok(()));
    while database.metrics.waiting().get() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(database.notes().await, 512);
}

#[tokio::test]
async fn closing_waits_for_what_was_asked_for() {
    let Database {
        writer,
        _folder: folder,
        ..
    } = database().await;
    let work = |conn: &mut SqliteConnection| Ok(conn.batch_execute("INSERT INTO notes (text) VALUES ('note')")?);
    for _ in 0..100 {
        assert!(writer.run(work).now_or_never().is_none());
    }
    tokio::task::spawn_blocking(|| drop(writer)).await.unwrap();
    let again = Pool::writer(
        &Opener::writing(&folder.path().join("frontrow.db")),
        &StoreMetrics::default(),
    );
    let again = Database {
        writer: again.unwrap(),
        metrics: StoreMetrics::default(),
        _folder: folder,
    };
    assert_eq!(again.notes().await, 100);
}
