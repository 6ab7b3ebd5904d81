//! Commands beside a running server, and servers in each other's way.

use e2e::{Deployment, Performance, Storage};
use std::{net::TcpListener, process::Output, time::Instant};

fn run(deployment: &Deployment, arguments: &[&str]) -> Output {
    deployment.command(arguments).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// The one line with which something failed that was no wrong setting.
#[track_caller]
fn failure(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let line = text(&output.stderr);
    let own: Vec<_> = line.lines().filter(|line| line.starts_with("frontrow: ")).collect();
    assert_eq!(own.len(), 1, "{line}");
    own[0].to_owned()
}

#[tokio::test]
async fn a_key_works_from_its_making_to_its_revocation_on_a_running_server() {
    for storage in [Storage::Sqlite, Storage::Postgres] {
        let deployment = Deployment::on(storage);
        let server = deployment.start().await;

        let made = run(
            &deployment,
            &[
                "keys",
                "create",
                "--name",
                "audit desk",
                "--scopes",
                "audit:read,stats:read",
            ],
        );
        assert!(made.status.success(), "{made:?}");
        let key = text(&made.stdout);
        let desk = server.bearer(&key);
        desk.get("/v1/admin/audit").await.expect(200);
        desk.get("/v1/admin/schedules/x/gate").await.problem(403, "forbidden");

        let listed = text(&run(&deployment, &["keys", "list"]).stdout);
        assert!(!listed.contains(&key), "the list shows the key");
        let line = listed
            .lines()
            .find(|line| line.contains("audit desk"))
            .expect("the key is listed");
        assert!(line.ends_with("stats:read,audit:read"), "{line}");
        let id = line.split_whitespace().next().expect("an id");

        assert!(run(&deployment, &["keys", "revoke", id]).status.success());
        desk.get("/v1/admin/audit").await.problem(401, "invalid_token");
        let unknown = run(&deployment, &["keys", "revoke", "door"]);
        assert!(failure(&unknown).contains("there is no key"));
        server.finish().await;
    }
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_and_the_first_serves_on() {
    let deployment = Deployment::on(Storage::Sqlite);
    let server = deployment.start().await;

    let second = run(&deployment, &["serve"]);

    let line = failure(&second);
    assert!(line.contains("frontrow.db"), "{line}");
    server.fan("Mina").await;
    server.finish().await;
}

#[tokio::test]
async fn two_starts_at_once_migrate_one_database_once() {
    let deployment = Deployment::on(Storage::Postgres);
    let (one, other) = tokio::join!(deployment.start(), deployment.start());
    one.finish().await;
    other.finish().await;
}

#[test]
fn without_migrations_an_empty_storage_is_refused() {
    for storage in [Storage::Sqlite, Storage::Postgres] {
        let deployment = Deployment::on(storage);
        let line = failure(&run(&deployment, &["serve", "--no-migrate"]));
        assert!(line.contains("migrat"), "{line}");
        assert!(run(&deployment, &["migrate"]).status.success());
        assert!(run(&deployment, &["audit", "--no-migrate"]).status.success());
    }
}

#[test]
fn an_address_in_use_and_a_database_out_of_reach_are_told_in_one_line() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let deployment = Deployment::on(Storage::Memory).with("LISTEN", &address);
    assert!(failure(&run(&deployment, &["serve"])).contains(&address));

    let nobody = format!("postgres://app:hunter2@{address}/frontrow");
    drop(taken);
    let started = Instant::now();
    let line = failure(&run(
        &Deployment::on(Storage::Memory).with("STORAGE", &nobody),
        &["serve"],
    ));
    assert!(!line.contains("hunter2"), "{line}");
    assert!(
        started.elapsed().as_secs() < 20,
        "it gave up after {:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn the_audit_command_tells_a_violation_by_its_exit_code() {
    let deployment = Deployment::on(Storage::Postgres);
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(10)).await;
    let mut fan = server.fan_with("Mina", 100_000).await;
    fan.enter(&show).await;
    let clean = run(&deployment, &["audit"]);
    assert!(clean.status.success(), "{clean:?}");
    assert_eq!(text(&clean.stdout).lines().count(), 8);

    deployment.execute("UPDATE wallets SET balance = balance + 1");

    let violated = run(&deployment, &["audit"]);
    assert!(failure(&violated).contains("violated"));
    let shown = text(&violated.stdout);
    assert!(shown.contains(&fan.user_id), "the finding names its rows: {shown}");
    let online = server.operator().client().get("/v1/admin/audit").await.expect(200);
    assert_eq!(online["ok"], false);
}

#[test]
fn a_command_on_a_file_that_is_not_there_makes_none() {
    let deployment = Deployment::on(Storage::Sqlite);
    for arguments in [&["audit"][..], &["keys", "list"], &["keys", "revoke", "x"]] {
        let line = failure(&run(&deployment, arguments));
        assert!(line.contains("frontrow.db"), "{line}");
    }
    assert!(!deployment.folder().join("frontrow.db").exists());
}
