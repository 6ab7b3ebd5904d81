//! `frontrow demo`, as somebody sees it who has just cloned the repository.

use e2e::{Deployment, Storage, eventually};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A demo that is killed in the end.
struct Demo {
    child: Child,
    deployment: Deployment,
}

impl Demo {
    /// Starts one and waits until it is listening.
    async fn start(deployment: &Deployment) -> Self {
        Self::start_logging_to(&deployment.folder().join("logged"), deployment).await
    }

    async fn start_logging_to(log: &Path, deployment: &Deployment) -> Self {
        let said = fs::File::create(deployment.folder().join("said")).expect("a file");
        let logged = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .expect("a file");
        let child = deployment.command(&["demo"]).stdout(said).stderr(logged).spawn();
        let demo = Self {
            child: child.expect("the binary runs"),
            deployment: deployment.clone(),
        };
        eventually("the demo is listening", async || {
            demo.said().contains("\nlistening on ").then_some(())
        })
        .await;
        demo
    }

    fn said(&self) -> String {
        fs::read_to_string(self.deployment.folder().join("said")).expect("what it said")
    }

    fn after(&self, label: &str) -> String {
        let said = self.said();
        let line = said.lines().find_map(|line| line.trim().strip_prefix(label));
        let word = line.and_then(|rest| rest.split_whitespace().next());
        word.unwrap_or_else(|| panic!("no {label}\n{said}")).to_owned()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn demo_of(storage: Storage) -> Deployment {
    Deployment::on(storage)
        .without("SECRET")
        .without("OPERATOR_KEY")
        .without("SIGNUP")
        .without("PAYMENTS")
        .without("RATE_LIMITS")
}

#[tokio::test]
async fn the_walk_it_prints_buys_two_seats() {
    if Command::new("curl")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        eprintln!("there is no curl here to walk with");
        return;
    }
    let demo = Demo::start(&demo_of(Storage::Memory)).await;
    let said = demo.said();
    let walk: Vec<_> = said
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("BASE="))
        .take_while(|line| !line.starts_with("listening"))
        .collect();
    let shell = Command::new("bash")
        .args(["-c", &walk.join("\n")])
        .stdin(Stdio::null())
        .output();
    let shell = shell.expect("bash runs");
    let shown = String::from_utf8_lossy(&shell.stdout).into_owned();
    let last = shown.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let paid = last.contains("\"status\":\"success\"") && last.contains("\"seat_numbers\":[1,2]");
    assert!(paid, "{shown}\n{}", String::from_utf8_lossy(&shell.stderr));
}

#[tokio::test]
async fn the_concert_stays_and_the_secret_is_kept_when_it_is_started_again() {
    let deployment = demo_of(Storage::Sqlite);
    let first = Demo::start(&deployment).await;
    let (concert, date) = (first.after("concert"), first.after("date"));
    assert!(first.after("documentation").ends_with("/docs"));
    let secret = fs::read(deployment.folder().join("frontrow.db.secret")).expect("the secret");
    drop(first);

    let second = Demo::start(&deployment).await;

    assert_eq!((second.after("concert"), second.after("date")), (concert, date));
    assert_eq!(
        fs::read(deployment.folder().join("frontrow.db.secret")).ok(),
        Some(secret)
    );
    assert!(second.after("operator key").starts_with("fro_"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_log_that_takes_no_more_stops_nobody() {
    let demo = Demo::start_logging_to(Path::new("/dev/full"), &demo_of(Storage::Memory)).await;
    let base = demo.after("listening on");
    for _ in 0..3 {
        let answer = reqwest::get(format!("{base}/health/ready")).await.expect("an answer");
        assert_eq!(answer.status(), 200);
    }
}
