//! Which files are opened, by whom, and what the operator is told about the others.

use super::{House, policy};
use diesel::{Connection, RunQueryDsl, connection::SimpleConnection, sql_query, sqlite::SqliteConnection};
use frontrow_domain::{
    decision::decide_one,
    id::{OperatorKeyId, UserId},
    identity::{OperatorKey, RegisterUser, Scope, port::Identities},
    money::Currency,
};
use frontrow_persistence::sqlite::{OpenError, Sqlite, SqliteSettings};
use rstest::rstest;
use std::{fs, path::Path, sync::Barrier};
use time::macros::datetime;

fn beside(house: &House) -> SqliteSettings {
    SqliteSettings {
        exclusive: false,
        ..house.settings(policy())
    }
}

fn refusal(settings: SqliteSettings) -> OpenError {
    Sqlite::open(settings).err().expect("it is not opened")
}

fn raw(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(file.to_str().unwrap()).unwrap()
}

async fn sign_up(storage: &Sqlite, name: &str) -> UserId {
    let command = RegisterUser {
        request: None,
        user_id: UserId::mint(),
        name: name.to_owned(),
    };
    decide_one(storage, command).await.unwrap().unwrap().id
}

#[tokio::test]
async fn a_file_has_one_server_at_a_time() {
    let house = House::new();
    let first = house.open(policy()).unwrap();

    let second = refusal(house.settings(policy()));
    assert!(matches!(second, OpenError::InUse(_)), "{second:?}");
    let line = second.to_string();
    assert!(line.contains("frontrow.db") && !line.contains('\n'), "{line}");

    drop(first);
    assert!(house.open(policy()).is_ok(), "the file is free again");
}

#[tokio::test]
async fn a_server_is_found_by_another_name_of_its_file() {
    let house = House::new();
    let first = house.open(policy()).unwrap();
    let (soft, hard) = (
        house.file().with_file_name("soft.db"),
        house.file().with_file_name("hard.db"),
    );
    std::os::unix::fs::symlink(house.file(), &soft).unwrap();
    fs::hard_link(house.file(), &hard).unwrap();
    for link in [soft, hard] {
        let second = refusal(SqliteSettings {
            path: link,
            ..house.settings(policy())
        });
        assert!(matches!(second, OpenError::InUse(_)), "{second:?}");
    }
    drop(first);
}

#[tokio::test]
async fn money_is_not_taken_for_that_of_another_currency() {
    let house = House::new();
    drop(house.open(policy()).unwrap());
    let mut settings = house.settings(policy());
    settings.policy.currency = Currency::from_code("EUR").unwrap();
    let refused = refusal(settings);
    assert!(refused.to_string().contains("keeps its money in KRW"), "{refused}");
    assert!(house.open(policy()).is_ok());
}

#[tokio::test]
async fn maintenance_works_beside_the_server() {
    let house = House::new();
    let server = house.open(policy()).unwrap();
    let maintenance = Sqlite::open(beside(&house)).unwrap();
    let key = OperatorKey {
        id: OperatorKeyId::mint(),
        name: "box office".to_owned(),
        hash: [7; 32],
        scopes: vec![Scope::UsersWrite, Scope::AuditRead],
        created_at: datetime!(2026-12-01 12:00 UTC),
        revoked_at: None,
    };

    maintenance.add_operator_key(key.clone()).await.unwrap();
    assert_eq!(server.operator_key([7; 32]).await.unwrap(), Some(key.clone()));
    let user = sign_up(&server, "Mina").await;
    assert!(maintenance.user(user).await.unwrap().is_some());

    drop(maintenance);
    assert!(server.revoke_operator_key(key.id).await.unwrap());
    assert!(refusal(house.settings(policy())).to_string().contains("already served"));
}

#[tokio::test]
async fn everything_is_there_after_opening_again() {
    let house = House::new();
    let user = sign_up(&house.open(policy()).unwrap(), "Mina").await;
    let again = house.open(policy()).unwrap();
    assert_eq!(again.user(user).await.unwrap().unwrap().name, "Mina");
    drop(again);
    let log = house.file().with_file_name("frontrow.db-wal");
    assert!(!log.exists(), "a clean end leaves one file to copy");
}

/// Puts something in the place of the database.
type Prepare = fn(&Path);

#[rstest]
#[case::no_folder(|file: &Path| fs::remove_dir(file.parent().unwrap()).unwrap(), "does not exist")]
#[case::a_folder(|file: &Path| fs::create_dir(file).unwrap(), "is a folder")]
#[case::another_file(|file: &Path| fs::write(file, "-- not a database, but long enough for one").unwrap(), "is not an SQLite database")]
#[case::a_short_file(|file: &Path| fs::write(file, "SQLite").unwrap(), "is not an SQLite database")]
#[case::read_only(|file: &Path| {
    raw(file).batch_execute("CREATE TABLE t (a)").unwrap();
    let mut permissions = fs::metadata(file).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(file, permissions).unwrap();
}, "is read-only")]
#[case::damaged(|file: &Path| {
    let mut bytes = b"SQLite format 3\0".to_vec();
    bytes.resize(8_192, 0xA5);
    fs::write(file, bytes).unwrap();
}, "cannot be opened")]
#[case::made_by_a_newer_version(|file: &Path| {
    raw(file).batch_execute(
        "CREATE TABLE __diesel_schema_migrations (version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL \
         DEFAULT CURRENT_TIMESTAMP); INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000');",
    ).unwrap();
}, "was made by a newer frontrow: it has the unknown migration 29990101000000")]
#[tokio::test]
async fn what_cannot_be_opened_is_told_in_one_line(#[case] prepare: Prepare, #[case] says: &str) {
    let house = House::new();
    prepare(&house.file());
    let line = refusal(house.settings(policy())).to_string();
    assert!(line.contains("frontrow.db") && line.contains(says), "{line}");
    assert!(!line.contains('\n'), "{line}");
}

#[tokio::test]
async fn an_old_schema_is_left_alone_when_migrations_are_off() {
    let house = House::new();
    let line = refusal(SqliteSettings {
        migrate: false,
        ..house.settings(policy())
    });
    assert!(matches!(line, OpenError::NeedsMigration(_)), "{line:?}");
    drop(house.open(policy()).unwrap());
    let later = SqliteSettings {
        migrate: false,
        ..house.settings(policy())
    };
    assert!(Sqlite::open(later).is_ok());
}

#[test]
fn whoever_opens_a_new_file_at_the_same_time_finds_it_migrated_once() {
    const OPENERS: usize = 8;
    let once = House::new();
    drop(once.open(policy()).unwrap());
    for _ in 0..4 {
        let house = House::new();
        let start = Barrier::new(OPENERS);
        std::thread::scope(|scope| {
            let open = || {
                start.wait();
                Sqlite::open(beside(&house)).map(drop)
            };
            let openers: Vec<_> = (0..OPENERS).map(|_| scope.spawn(open)).collect();
            for opener in openers {
                opener.join().unwrap().unwrap();
            }
        });
        assert_eq!(migrations_in(&house.file()), migrations_in(&once.file()));
    }
}

fn migrations_in(file: &Path) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Count {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let count = sql_query("SELECT COUNT(*) AS count FROM __diesel_schema_migrations");
    count.get_result::<Count>(&mut raw(file)).unwrap().count
}
