//! `frontrow rehearse`, against a server of its own and against one that runs.

use e2e::{Answer, Deployment, Performance, Server, Storage, eventually, unknown_id};
use serde_json::Value;
use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ExitStatus, Output, Stdio},
};

/// A small sale: everybody comes within a moment and does not think for long.
const QUICK: [&str; 12] = [
    "--fans",
    "60",
    "--arrivals-per-second",
    "200",
    "--think",
    "0.02",
    "--connections",
    "16",
    "--seed",
    "7",
    "--json",
    "-",
];

/// A sale of its own that lets everybody in at once.
const WIDE: [&str; 6] = [
    "--seats",
    "40",
    "--max-active",
    "60",
    "--admissions-per-minute",
    "60000",
];

/// A rehearsal that takes nothing from the deployment but its folder and operator key.
fn rehearsal(deployment: &Deployment, arguments: &[&[&str]]) -> std::process::Command {
    let arguments: Vec<_> = [&["rehearse"], arguments.concat().as_slice()].concat();
    let mut command = deployment.command(&arguments);
    command
        .env_clear()
        .env("FRONTROW_OPERATOR_KEY", deployment.operator_key());
    command
}

fn run(deployment: &Deployment, arguments: &[&[&str]]) -> Output {
    rehearsal(deployment, arguments).output().expect("the binary runs")
}

#[track_caller]
fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one line with which something failed.
#[track_caller]
fn failure(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let shown = stderr(output);
    let own: Vec<_> = shown.lines().filter(|line| line.starts_with("frontrow: ")).collect();
    assert_eq!(own.len(), 1, "{shown}");
    own[0].to_owned()
}

/// What every good rehearsal of [`QUICK`] reports, whoever sold the seats.
#[track_caller]
fn assert_well(report: &Value, sold: u64) {
    assert_eq!(report["finished"], true, "{report:#}");
    assert_eq!(report["findings"], Value::Array(Vec::new()), "{report:#}");
    assert_eq!(report["audit"]["ok"], true, "{report:#}");
    let fairness = &report["fairness"];
    assert_eq!(
        (&fairness["inversions"], &fairness["overtaken"]),
        (&0.into(), &0.into()),
        "{report:#}"
    );
    let seats = &report["seats"];
    assert_eq!(
        (&seats["receipts"], &seats["sold"]),
        (&sold.into(), &sold.into()),
        "{report:#}"
    );
    let ends = report["fans"]["ends"].as_object().expect("ends");
    let ended: u64 = ends.values().filter_map(Value::as_u64).sum();
    assert_eq!((ended, &report["fans"]["arrived"]), (60, &60.into()), "{report:#}");
}

#[tokio::test]
async fn on_a_server_of_its_own_it_sells_every_seat_and_leaves_nothing() {
    let deployment = Deployment::on(Storage::Memory);
    let temporary = deployment.folder().join("temporary");
    fs::create_dir(&temporary).expect("a folder");
    let html = deployment.folder().join("report.html");
    let page = html.to_str().expect("a path");

    let mut command = rehearsal(&deployment, &[&QUICK, &WIDE, &["--abandon", "0", "--html", page]]);
    let output = command.env("TMPDIR", &temporary).output().expect("the binary runs");

    let report = report(&output);
    assert_well(&report, 40);
    assert_eq!(report["fans"]["ends"]["bought"], 40);
    assert_eq!(report["fans"]["ends"]["nothing_left"], 20);
    for step in ["join", "poll", "look", "hold", "pay"] {
        let steps = report["steps"].as_array().expect("steps");
        let found = steps.iter().find(|found| found["step"] == step).expect(step);
        let felt = &found["felt"];
        let figures = ["p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms"].map(|name| felt[name].as_f64());
        assert!(figures.is_sorted() && figures[0] > Some(0.0), "{found:#}");
    }
    assert!(
        stderr(&output).contains("40 sold by the server's count"),
        "{}",
        stderr(&output)
    );
    let page = fs::read_to_string(html).expect("the page");
    assert!(page.contains("<svg") && !page.contains("<script") && !page.contains("src="));
    let left = fs::read_dir(temporary).expect("the folder").count();
    assert_eq!(left, 0, "the server's storage is removed");
}

#[tokio::test]
async fn the_same_seed_makes_the_same_fans() {
    let deployment = Deployment::on(Storage::Memory);
    let server = deployment.start().await;
    let roomy = [
        "--seats",
        "500",
        "--max-active",
        "60",
        "--admissions-per-minute",
        "60000",
    ];
    let ends = || {
        report(&run(
            &deployment,
            &[&[server.base()], &QUICK, &roomy, &["--abandon", "0.5"]],
        ))["fans"]["ends"]
            .take()
    };
    let first = ends();
    assert_eq!(first, ends());
    assert!(first["bought"].as_u64() < Some(60), "{first}");
    server.finish().await;
}

#[tokio::test]
async fn on_a_running_server_it_sells_what_it_made_and_says_what_stays() {
    for storage in [Storage::Sqlite, Storage::Postgres] {
        let deployment = Deployment::on(storage);
        let server = deployment.start().await;

        let output = run(
            &deployment,
            &[&[server.base()], &QUICK, &WIDE, &["--abandon", "0", "--want", "front"]],
        );

        let report = report(&output);
        assert_well(&report, 40);
        let concert = report["made"]["concert_id"].as_str().expect("a concert");
        server.get(&format!("/v1/concerts/{concert}")).await.expect(200);
        assert_eq!(report["made"]["users"], 60);
        assert!(stderr(&output).contains(concert), "{}", stderr(&output));
        server.finish().await;
    }
}

#[tokio::test]
async fn it_rehearses_a_sale_that_exists_and_obeys_rate_limits() {
    let deployment = Deployment::on(Storage::Memory).with("RATE_LIMITS", "on");
    let server = deployment.start().await;
    let show = server.stage(&Performance::of_seats(100).at_price(20_000)).await;

    let there = [server.base(), "--concert", &show.concert_id, "--date", &show.date];
    let output = run(&deployment, &[&there, &QUICK, &["--abandon", "0"]]);

    assert_well(&report(&output), 60);
    let stats = server.operator().stats(&show).await.expect(200);
    assert_eq!(
        (&stats["seats"]["sold"], &stats["revenue"]),
        (&60.into(), &1_200_000.into())
    );
    server.finish().await;
}

#[tokio::test]
async fn without_a_payment_provider_it_ends_at_the_hold_and_says_so() {
    let deployment = Deployment::on(Storage::Memory).with("PAYMENTS", "none");
    let server = deployment.start().await;

    let output = run(&deployment, &[&[server.base()], &QUICK, &WIDE, &["--abandon", "0"]]);

    let report = report(&output);
    assert_well(&report, 0);
    assert!(report["fans"]["ends"]["ended_at_hold"].as_u64() > Some(0), "{report:#}");
    assert!(stderr(&output).contains("nothing was paid"), "{}", stderr(&output));
    server.finish().await;
}

#[test]
fn a_wrong_command_line_is_told_in_one_line() {
    let deployment = Deployment::on(Storage::Memory);
    for (wrong, name) in [
        (&["--fans", "none"][..], "--fans"),
        (&["--fans", "-1"], "--fans"),
        (&["--what"], "--what"),
        (&["nowhere"], "nowhere"),
        (&["https://127.0.0.1:1"], "https"),
        (&["--concert", "x", "--date", "y"], "--concert"),
        (&["--json", "no/such/folder/x.json"], "--json"),
    ] {
        let line = failure(&run(&deployment, &[wrong]), 2);
        assert!(line.contains(name), "{line}");
    }
    let mut keyless = rehearsal(&deployment, &[&["http://127.0.0.1:1"]]);
    let keyless = keyless
        .env_remove("FRONTROW_OPERATOR_KEY")
        .output()
        .expect("the binary runs");
    assert!(failure(&keyless, 2).contains("FRONTROW_OPERATOR_KEY"));
}

/// A server that answers every connection with these bytes, until the test ends.
fn foreign(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut heard = [0; 1024];
            // Whoever hangs up early is no concern of a foreign server.
            let _ = stream.read(&mut heard);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_dead_or_foreign_url_stops_it_at_once() {
    let deployment = Deployment::on(Storage::Memory);
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let dead = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    for (url, words) in [
        (dead, "does not answer"),
        (
            foreign("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
            "is not frontrow",
        ),
        (
            foreign("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"),
            "is not frontrow",
        ),
        (
            foreign("HTTP/1.1 308 Permanent Redirect\r\nlocation: https://elsewhere\r\ncontent-length: 0\r\n\r\n"),
            "https://elsewhere",
        ),
        (foreign("SSH-2.0-OpenSSH_9.9\r\n"), "does not answer in HTTP"),
    ] {
        let line = failure(&run(&deployment, &[&[&url]]), 1);
        assert!(line.contains(words) && line.contains(&url), "{line}");
    }
}

#[tokio::test]
async fn a_key_that_may_not_and_a_concert_without_seats_stop_it_before_anything_is_made() {
    let deployment = Deployment::on(Storage::Sqlite);
    let server = deployment.start().await;
    let with_key = |key: &str| {
        let mut command = rehearsal(&deployment, &[&[server.base()]]);
        command
            .env("FRONTROW_OPERATOR_KEY", key)
            .output()
            .expect("the binary runs")
    };
    let unknown = failure(&with_key("00000000000000000000000000000000"), 1);
    assert!(unknown.contains("operator key"), "{unknown}");
    for (scopes, missing) in [
        ("catalog:write,stats:read,audit:read", "users:write"),
        ("users:write,stats:read,audit:read", "catalog:write"),
        ("users:write,catalog:write,audit:read", "stats:read"),
        ("users:write,catalog:write,stats:read", "audit:read"),
    ] {
        let made = deployment
            .command(&["keys", "create", "--name", "small", "--scopes", scopes])
            .output();
        let key = String::from_utf8(made.expect("the binary runs").stdout).expect("a key");
        let line = failure(&with_key(key.trim()), 1);
        assert!(line.contains(missing), "{line}");
    }

    let show = server.stage(&Performance::of_seats(1)).await;
    let mut fan = server.fan_with("Mina", 100_000).await;
    fan.enter(&show).await;
    let hold = fan.held(&show, &[1]).await;
    fan.pay(&hold).await.expect(201);
    let unknown = unknown_id();
    for (concert, date, words) in [
        (&*show.concert_id, &*show.date, "no seat"),
        (&show.concert_id, "2001-01-01", "does not play"),
        (&unknown, &show.date, "no concert"),
    ] {
        let line = failure(
            &run(&deployment, &[&[server.base(), "--concert", concert, "--date", date]]),
            1,
        );
        assert!(line.contains(words), "{line}");
    }

    let concerts = server.get("/v1/concerts").await.expect(200);
    assert_eq!(concerts.list("items").len(), 1, "{concerts}");
    server.finish().await;
}

/// A rehearsal that goes on until it is told to stop, and is killed in the end.
struct Going {
    child: Child,
    said: PathBuf,
    told: PathBuf,
}

impl Going {
    fn start(deployment: &Deployment, arguments: &[&[&str]]) -> Self {
        let (said, told) = (deployment.folder().join("said"), deployment.folder().join("told"));
        let child = rehearsal(deployment, arguments)
            .stdout(fs::File::create(&said).expect("a file"))
            .stderr(fs::File::create(&told).expect("a file"))
            .stdin(Stdio::null())
            .spawn();
        let child = child.expect("the binary runs");
        Self { child, said, told }
    }

    fn interrupt(&self) {
        signal("-INT", self.child.id());
    }

    async fn end(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the rehearsal ends", async || {
            child.try_wait().expect("a child can be awaited")
        })
        .await
    }

    fn told(&self) -> String {
        fs::read_to_string(&self.told).expect("what it told")
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(name: &str, process: u32) {
    let sent = std::process::Command::new("kill")
        .args([name, &process.to_string()])
        .status();
    assert!(sent.is_ok_and(|status| status.success()), "{name} can be sent");
}

/// The list of the only concert on the server, once its performance is there as well.
async fn concert(server: &Server) -> Answer {
    let look = async || {
        let concerts = server.get("/v1/concerts").await.expect(200);
        let is_scheduled = concerts.json["items"][0]["schedules"][0].is_object();
        is_scheduled.then_some(concerts)
    };
    eventually("the rehearsal puts a performance on sale", look).await
}

#[tokio::test]
async fn interrupted_it_prints_the_report_so_far() {
    let deployment = Deployment::on(Storage::Memory);
    let server = deployment.start().await;
    // One fan after the other, each for an hour: it would take until next week.
    let slow = [
        "--max-active",
        "1",
        "--think",
        "3600",
        "--fans",
        "60",
        "--burst",
        "60",
        "--abandon",
        "0",
    ];
    let mut going = Going::start(&deployment, &[&[server.base()], &slow, &["--json", "-"]]);
    let concerts = concert(&server).await;
    let schedule = &concerts.list("items")[0]["schedules"][0]["schedule_id"];
    let schedule = schedule.as_str().expect("an id");
    let operator = server.operator();
    let path = format!("/v1/admin/schedules/{schedule}/stats");
    let inside = async || {
        let stats = operator.client().get(&path).await.expect(200);
        (stats["tokens"]["waiting"] == 59 && stats["tokens"]["active"] == 1).then_some(())
    };
    eventually("one fan is inside and all others wait", inside).await;

    going.interrupt();

    assert_eq!(going.end().await.code(), Some(1), "{}", going.told());
    let report = fs::read(&going.said).expect("the report");
    let report: Value = serde_json::from_slice(&report).expect("the report is JSON");
    assert_eq!(
        (&report["finished"], &report["fans"]["arrived"]),
        (&false.into(), &60.into())
    );
    assert_eq!(report["audit"]["ok"], true);
    assert!(going.told().contains("left in line"), "{}", going.told());
    assert!(going.told().contains("frontrow: interrupted"), "{}", going.told());
    server.finish().await;
}

#[tokio::test]
async fn interrupted_while_it_prepares_it_names_what_it_made() {
    let deployment = Deployment::on(Storage::Memory);
    let server = deployment.start().await;
    let mut going = Going::start(
        &deployment,
        &[&[server.base()], &["--fans", "1000000", "--connections", "1"]],
    );
    let concerts = concert(&server).await;

    going.interrupt();

    assert_eq!(going.end().await.code(), Some(1), "{}", going.told());
    let told = going.told();
    let line = told
        .lines()
        .find(|line| line.starts_with("frontrow: interrupted"))
        .expect("a line");
    let id = concerts.list("items")[0]["concert_id"].as_str().expect("an id");
    assert!(line.contains(id), "{line}");
    assert!(fs::read(&going.said).expect("a file").is_empty());
    server.finish().await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_second_interrupt_ends_it_at_once() {
    let deployment = Deployment::on(Storage::Memory);
    let server = deployment.start().await;
    let mut going = Going::start(
        &deployment,
        &[&[server.base()], &["--fans", "1000000", "--connections", "1"]],
    );
    concert(&server).await;
    // From now on no call is answered, and one interrupt alone would wait for the last of them.
    signal("-STOP", server.process_id());

    let ended = async || {
        going.interrupt();
        going.child.try_wait().expect("a child can be awaited")
    };
    let ended = eventually("the rehearsal ends", ended).await;

    signal("-CONT", server.process_id());
    assert_eq!(ended.code(), Some(1), "{}", going.told());
    let told = going.told();
    let line = told
        .lines()
        .find(|line| line.starts_with("frontrow: "))
        .expect("a line");
    assert!(line.contains("ended at once") && line.contains("the concert"), "{line}");
    server.finish().await;
}
