//! The schema is brought up to date once, and never guessed at.

use super::server::Database;
use frontrow_contract::usual_policy;
use frontrow_domain::{money::Currency, storage::Storage};
use frontrow_persistence::postgres::{OpenError, Postgres, PostgresSettings, migrate};

const UNKNOWN: &str = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')";

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_start_at_once_migrate_once() {
    let database = Database::empty();
    let url = database.url();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn({
                let url = url.clone();
                async move { migrate(&url).await }
            })
        })
        .collect();
    let mut applied = Vec::new();
    for start in starts {
        applied.extend(start.await.expect("it ends").expect("it succeeds"));
    }
    let client = database.client().await;
    let stored = client
        .query("SELECT version FROM __diesel_schema_migrations", &[])
        .await;
    let stored: Vec<String> = stored
        .expect("the table is there")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert!(!stored.is_empty());
    assert_eq!(applied, stored);
}

#[tokio::test]
async fn migrating_works_on_a_runtime_of_one_thread() {
    let database = Database::empty();
    assert!(!migrate(&database.url()).await.expect("it succeeds").is_empty());
    assert_eq!(migrate(&database.url()).await, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_schema_is_refused_unless_it_may_be_migrated() {
    let database = Database::empty();
    let settings = database.settings(usual_policy());
    let refused = Postgres::connect(settings.clone()).await.err();
    assert!(
        matches!(&refused, Some(OpenError::Unusable(why)) if why.contains("older than this binary")),
        "{refused:?}"
    );
    let may = PostgresSettings {
        migrate: true,
        ..settings.clone()
    };
    Postgres::connect(may).await.expect("it is migrated");
    let opened = Postgres::connect(settings).await.expect("now it opens");
    Storage::of(&opened).books.ping().await.expect("it answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_from_the_future_is_refused() {
    let database = Database::migrated();
    database.client().await.execute(UNKNOWN, &[]).await.expect("inserted");
    for migrate in [true, false] {
        let settings = PostgresSettings {
            migrate,
            ..database.settings(usual_policy())
        };
        let refused = Postgres::connect(settings).await.err();
        assert!(
            matches!(&refused, Some(OpenError::Unusable(why)) if why.contains("newer than this binary")),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_named_in_one_line_without_the_password() {
    let nowhere = PostgresSettings {
        url: "postgres://frontrow:s3cret@127.0.0.1:1/frontrow".to_owned(),
        ..Database::migrated().settings(usual_policy())
    };
    let Some(OpenError::Unreachable(why)) = Postgres::connect(nowhere).await.err() else {
        panic!("a server that is not there was reached");
    };
    assert!(!why.contains("s3cret") && !why.contains('\n'), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_encrypt_is_refused_where_that_is_asked_for() {
    let database = Database::migrated();
    let encrypted = PostgresSettings {
        url: format!("{}?sslmode=require", database.url()),
        ..database.settings(usual_policy())
    };
    let refused = Postgres::connect(encrypted).await.err();
    assert!(
        matches!(&refused, Some(OpenError::Unreachable(why)) if why.contains("TLS")),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_not_taken_for_that_of_another_currency() {
    let database = Database::migrated();
    database.open(usual_policy()).await;
    let mut settings = database.settings(usual_policy());
    settings.policy.currency = Currency::from_code("EUR").expect("a currency");
    let refused = Postgres::connect(settings).await.err();
    assert!(
        matches!(&refused, Some(OpenError::Unusable(why)) if why.contains("KRW")),
        "{refused:?}"
    );
    database.open(usual_policy()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_can_be_taken_down_again() {
    let database = Database::migrated();
    let downs = [
        include_str!("../../../../../migrations/postgres/2026-11-21-000004_let_through/down.sql"),
        include_str!("../../../../../migrations/postgres/2026-11-21-000003_leadership/down.sql"),
        include_str!("../../../../../migrations/postgres/2026-11-21-000002_deployment/down.sql"),
        include_str!("../../../../../migrations/postgres/2026-11-21-000001_departures/down.sql"),
        include_str!("../../../../../migrations/postgres/2026-11-21-000000_booking/down.sql"),
    ];
    let client = database.client().await;
    for down in downs {
        client.batch_execute(down).await.expect("the statements are right");
    }
    let left = client
        .query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", &[])
        .await;
    let left: Vec<String> = left.expect("a list").iter().map(|row| row.get(0)).collect();
    assert_eq!(left, ["__diesel_schema_migrations"]);
}
