//! What the binary makes of its settings: a wrong one stops it with one line, none shows a secret.

use e2e::{Deployment, Storage};
use std::process::Output;

const SECRET: &str = "hunter2hunter2hunter2hunter2hunter2";

fn lines(output: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(output).lines().map(ToOwned::to_owned).collect()
}

fn run(deployment: &Deployment, arguments: &[&str]) -> Output {
    deployment.command(arguments).output().expect("the binary runs")
}

/// The one line with which a wrong setting or command line is refused.
#[track_caller]
fn refusal(deployment: &Deployment, arguments: &[&str]) -> String {
    let output = run(deployment, arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let mut lines = lines(&output.stderr);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines.remove(0);
    assert!(line.starts_with("frontrow: ") && !line.contains("hunter2"), "{line}");
    line
}

#[test]
fn every_wrong_setting_stops_the_start_with_one_line_that_names_it() {
    let wrong = [
        ("STORAGE", "mysql://root:hunter2@localhost/x"),
        ("STORAGE", "sqlite:"),
        ("LISTEN", "somewhere"),
        ("SECRET", "hunter2"),
        ("OPERATOR_KEY", "hunter2"),
        ("OPERATOR_KEY", "hunter2 hunter2 hunter2 hunter2 hunter2"),
        ("SIGNUP", "maybe"),
        ("PAYMENTS", "real"),
        ("ALLOW_SIMULATED_PAYMENTS", "perhaps"),
        ("CURRENCY", "WON"),
        ("HOLD_SECONDS", "0"),
        ("CLAIM_SECONDS", "1"),
        ("SEAT_LIMIT", "many"),
        ("ACCESS_TOKEN_SECONDS", "-1"),
        ("RATE_LIMITS", "some"),
        ("TRUSTED_PROXIES", "all"),
        ("WORKERS", "0"),
        ("AUDIT_SECONDS", "often"),
        ("LOG", "loud"),
        ("LOG_FORMAT", "xml"),
        ("NO_MIGRATE", "maybe"),
        ("SECRET_FILE", ""),
    ];
    let deployment = Deployment::on(Storage::Memory).without("SECRET");
    for (name, value) in wrong {
        let line = refusal(&deployment.clone().with(name, value), &["serve"]);
        assert!(line.contains(&format!("FRONTROW_{name}")), "{name}: {line}");
    }
}

#[test]
fn settings_that_do_not_go_together_stop_the_start() {
    let deployment = Deployment::on(Storage::Memory);
    let reachable = deployment.clone().with("LISTEN", "0.0.0.0:0");
    assert!(refusal(&reachable, &["serve"]).contains("--allow-simulated-payments"));
    assert!(refusal(&reachable, &["demo"]).contains("--allow-simulated-payments"));
    let two = deployment.clone().with("SECRET_FILE", "secret");
    assert!(refusal(&two, &["serve"]).contains("two secrets"));
    let postgres = deployment
        .without("SECRET")
        .with("STORAGE", "postgres://app:hunter2@db/x");
    assert!(refusal(&postgres, &["serve"]).contains("FRONTROW_SECRET"));
}

#[test]
fn a_secret_file_has_to_be_there_and_long_enough() {
    let deployment = Deployment::on(Storage::Memory).without("SECRET");
    let absent = deployment.clone().with("SECRET_FILE", "nowhere");
    assert!(refusal(&absent, &["serve"]).contains("nowhere cannot be read"));
    std::fs::write(deployment.folder().join("short"), "hunter2\n").unwrap();
    let short = deployment.with("SECRET_FILE", "short");
    assert!(refusal(&short, &["serve"]).contains("at least 32 bytes"));
}

#[test]
fn a_wrong_settings_file_stops_the_start() {
    let wrong = [
        ("hold_second = 30", "hold_second"),
        ("hold_seconds = \"long\"", "hold_seconds"),
        (
            "operator_key = \"hunter2hunter2hunter2hunter2hunter2\"",
            "FRONTROW_OPERATOR_KEY",
        ),
        ("hold_seconds = 30\nlisten = hunter2", "line 2"),
    ];
    for (text, told) in wrong {
        let deployment = Deployment::on(Storage::Memory);
        std::fs::write(deployment.folder().join("frontrow.toml"), text).unwrap();
        let line = refusal(&deployment, &["serve"]);
        assert!(line.contains("frontrow.toml") && line.contains(told), "{line}");
    }
    let absent = Deployment::on(Storage::Memory);
    assert!(refusal(&absent, &["serve", "--config", "other.toml"]).contains("other.toml"));
}

#[test]
fn a_wrong_command_line_is_refused_with_one_line() {
    let deployment = Deployment::on(Storage::Memory);
    for arguments in [
        &["sell"][..],
        &[],
        &["serve", "--secret", SECRET],
        &["serve", "--storage"],
        &["keys"],
        &["keys", "create", "--name", "door"],
        &["keys", "create", "--name", "door", "--scopes", "everything"],
        &["keys", "create", "--name", "", "--scopes", "audit:read"],
    ] {
        refusal(&deployment, arguments);
    }
}

#[test]
fn settings_in_force_are_shown_with_their_origin_and_without_secrets() {
    let deployment = Deployment::on(Storage::Memory)
        .with("SECRET", SECRET)
        .with("OPERATOR_KEY", SECRET)
        .with("STORAGE", "postgres://app:hunter2@db/frontrow")
        .with("SEAT_LIMIT", "6");
    let file = "seat_limit = 5\nhold_seconds = 30\nclaim_seconds = 9\n";
    std::fs::write(deployment.folder().join("frontrow.toml"), file).unwrap();

    let output = run(&deployment, &["config", "--hold-seconds", "31"]);

    assert!(output.status.success(), "{output:?}");
    let shown = lines(&output.stdout);
    let line = |key: &str| {
        let found = shown.iter().find(|line| line.starts_with(key));
        found.map_or_else(
            || panic!("{key} is not shown: {shown:?}"),
            |line| line.split_whitespace().collect::<Vec<_>>(),
        )
    };
    assert_eq!(
        line("hold_seconds"),
        ["hold_seconds", "=", "31", "#", "flag", "--hold-seconds"]
    );
    assert_eq!(
        line("seat_limit"),
        ["seat_limit", "=", "6", "#", "environment", "FRONTROW_SEAT_LIMIT"]
    );
    assert_eq!(line("claim_seconds"), ["claim_seconds", "=", "9", "#", "frontrow.toml"]);
    assert_eq!(line("currency"), ["currency", "=", "\"KRW\"", "#", "default"]);
    assert_eq!(line("# secret =")[..4], ["#", "secret", "=", "[redacted]"]);
    assert_eq!(line("storage")[2], "\"postgres://app:[redacted]@db/frontrow\"");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter2"));
}

#[tokio::test]
async fn the_ready_line_is_plain_whatever_the_logs_are_like() {
    for (format, level) in [("json", "trace"), ("text", "off")] {
        let deployment = Deployment::on(Storage::Memory)
            .with("LOG_FORMAT", format)
            .with("LOG", level);
        let server = deployment.start().await;
        let logged = server.stderr();
        match format {
            "json" => assert!(logged.lines().all(|line| line.starts_with('{')), "{logged}"),
            _ => assert!(logged.is_empty(), "{logged}"),
        }
        server.finish().await;
    }
}
