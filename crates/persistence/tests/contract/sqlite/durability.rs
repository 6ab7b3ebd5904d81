//! What was acknowledged survives the process, whichever way it ends.

use super::{House, policy};
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query, sqlite::SqliteConnection};
use frontrow_domain::{
    audit::service::audit,
    catalog::{Concert, CreateConcert, CreateSchedule, Schedule, SeatLayout},
    clock::SystemClock,
    decision::{Command, Verdict, decide_one, port::Decisions},
    id::{ConcertId, EntryId, ReservationId, ScheduleId, TokenId, UserId, WalletId},
    identity::{Actor, RegisterUser},
    payment::{Answer, Approval},
    queue::{Forecast, GateSettings, JoinQueue, TokenRef, port::Attendant},
    seating::{HoldSeats, port::SeatingQueries},
    wallet::{ChargeWallet, Payee, port::WalletQueries},
};
use frontrow_persistence::sqlite::{Sqlite, SqliteSettings};
use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command as Process, Stdio},
    sync::Arc,
};
use time::Duration;
use uuid::Uuid;

/// Tells the child which file to write to.
const FILE: &str = "FRONTROW_TEST_FILE";

/// How many acknowledgements the parent waits for before it kills.
const ENOUGH: usize = 40;

fn settings(path: PathBuf) -> SqliteSettings {
    SqliteSettings {
        path,
        clock: Arc::new(SystemClock),
        ..House::new().settings(policy())
    }
}

async fn made<C>(storage: &Sqlite, command: C) -> C::Verdict
where
    C: frontrow_domain::decision::Decide + Into<Command>,
    C::Verdict: TryFrom<Verdict>,
{
    decide_one(storage, command).await.unwrap()
}

/// A fan inside an open performance.
async fn open_house(storage: &Sqlite) -> (Arc<Schedule>, TokenRef) {
    use frontrow_domain::clock::Clock;
    let now = SystemClock.now();
    let concert: Concert = made(
        storage,
        CreateConcert {
            request: None,
            concert_id: ConcertId::mint(),
            title: "Night".to_owned(),
            venue: "Hall".to_owned(),
        },
    )
    .await
    .unwrap();
    let schedule = CreateSchedule {
        request: None,
        schedule_id: ScheduleId::mint(),
        concert_id: concert.id,
        starts_at: now + Duration::days(2),
        booking_opens_at: now - Duration::days(1),
        booking_closes_at: now + Duration::days(1),
        layout: SeatLayout::numbered(100_000, policy().currency.from_minor(1_000)),
        gate: GateSettings::default(),
    };
    let schedule = Arc::new(made(storage, schedule).await.unwrap().schedule);
    let user = RegisterUser {
        request: None,
        user_id: UserId::mint(),
        name: "Mina".to_owned(),
    };
    let user = made(storage, user).await.unwrap();
    let join = JoinQueue {
        request: None,
        token_id: TokenId::mint(),
        actor: Actor::Fan(user.id),
        named: None,
        target: Ok(schedule.clone()),
        forecast: Forecast::default(),
    };
    let token = made(storage, join).await.unwrap().status.token.reference();
    assert_eq!(storage.admit_due().await.unwrap().admitted, 1);
    (schedule, token)
}

fn hold(schedule: &Arc<Schedule>, token: TokenRef, seat: u32) -> Command {
    Command::HoldSeats(HoldSeats {
        request: None,
        reservation_id: ReservationId::mint(),
        token,
        actor: Actor::Fan(token.user_id),
        target: Ok(schedule.clone()),
        seat_numbers: vec![seat.into()],
    })
}

fn charge(token: TokenRef) -> Command {
    Command::ChargeWallet(ChargeWallet {
        request: None,
        entry_id: EntryId::mint(),
        wallet_id: WalletId::mint(),
        actor: Actor::Fan(token.user_id),
        payee: Payee::User(token.user_id),
        amount: Some(policy().currency.from_minor(100)),
        approval: Approval::Answered(Answer::Approved),
    })
}

/// Not a test of its own: what [`a_killed_process_loses_nothing_it_acknowledged`] runs as another
/// process. Holds seats and charges in batches for ever, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test as a process of its own"]
async fn a_process_to_kill() {
    let Some(file) = std::env::var_os(FILE) else {
        panic!("{FILE} says where to write");
    };
    let mut policy = policy();
    policy.seat_limit = u32::MAX;
    let storage = Sqlite::open(SqliteSettings {
        policy,
        ..settings(file.into())
    });
    let storage = storage.unwrap();
    let (schedule, token) = open_house(&storage).await;
    println!("fan {}", token.user_id);
    for first in (1..).step_by(8) {
        let mut batch: Vec<Command> = (first..first + 8).map(|seat| hold(&schedule, token, seat)).collect();
        batch.push(charge(token));
        for verdict in storage.decide_each(batch).await.unwrap() {
            if let Verdict::HoldSeats(Ok(held)) = &verdict {
                println!("held {}", held.reservation.id);
            }
            if let Verdict::ChargeWallet(Ok(_)) = &verdict {
                println!("charged");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_nothing_it_acknowledged() {
    let house = House::new();
    let mut child = Process::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "sqlite::durability::a_process_to_kill",
            "--ignored",
            "--nocapture",
        ])
        .env(FILE, house.file())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut said: Vec<String> = Vec::new();
    let count = |said: &[String], word: &str| said.iter().filter(|line| line.starts_with(word)).count();
    while count(&said, "held") < ENOUGH {
        said.push(lines.next().expect("the child goes on").unwrap());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    said.extend(lines.map_while(Result::ok));

    let log = house.file().with_file_name("frontrow.db-wal");
    assert!(log.exists(), "the end was not a clean one");
    let storage = Sqlite::open(settings(house.file())).unwrap();
    let id = |line: &str, word: &str| line.strip_prefix(word).and_then(|id| Uuid::try_parse(id.trim()).ok());
    for reservation in said.iter().filter_map(|line| id(line, "held")) {
        let found = storage.reservation(ReservationId(reservation)).await.unwrap();
        assert!(found.is_some(), "reservation {reservation} was acknowledged");
    }
    let fan = said.iter().find_map(|line| id(line, "fan")).unwrap();
    let wallet = storage.wallet_of(UserId(fan)).await.unwrap().unwrap();
    assert!(wallet.entries >= count(&said, "charged") as u64);
    let report = audit(&*storage).await.unwrap();
    assert!(report.is_ok(), "{report:?}");
    drop(storage);
    assert_eq!(integrity(&house), "ok");
}

fn integrity(house: &House) -> String {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        integrity_check: String,
    }
    let mut conn = SqliteConnection::establish(house.file().to_str().unwrap()).unwrap();
    let row: Row = sql_query("PRAGMA integrity_check").get_result(&mut conn).unwrap();
    row.integrity_check
}
