//! `frontrow rehearse`: an on-sale with simulated fans, and an account of it.

use crate::{failure::Failure, output::say, settings::WrongSetting, shutdown::Signals};
use clap::{Arg, ArgMatches, Command};
use frontrow_rehearse::{
    Plan, Rehearsal, Report,
    options::{KEY_VARIABLE, TABLE},
    plan::{Given, Paper, Papers},
};
use std::{path::Path, pin::pin};
use tokio::sync::watch;

const ABOUT: &str = "Rehearse an on-sale with simulated fans, and report how it went";

const EXAMPLES: &str = "\
Examples:
  frontrow rehearse                                       on a server of its own
  frontrow rehearse --fans 20000 --seats 5000 --max-active 1000 --admissions-per-minute 60000
  frontrow rehearse --want front --abandon 0.3 --seed 7   all want the front row, many give up

  export FRONTROW_OPERATOR_KEY=…                          a key of the server that is rehearsed
  frontrow rehearse http://10.0.0.7:8080 --fans 5000 --html report.html
  frontrow rehearse http://10.0.0.7:8080 --concert ID --date 2027-05-01

Without a URL the rehearsal starts a server, on a new SQLite file with simulated payments and
no rate limits, and removes both in the end. With one, it makes a concert of its own there (or
sells an existing one) and as many users as fans; the report names them, for there is no call to
remove them. A server behind https is named by the address behind its proxy.

Latencies count from the moment a step was due, however busy the server or the rehearsal is.
Ctrl-C ends the rehearsal and prints the report so far; once more ends it at once.

Exit codes:
  0 all is well; 1 it could not be held, was interrupted, or found what must not be (a violated
  invariant, a fan overtaken in line, a seat sold twice); 2 a wrong command line";

/// The command line of it.
pub fn command() -> Command {
    let url = Arg::new("url")
        .value_name("URL")
        .help("A running server, such as http://10.0.0.7:8080; without one, the rehearsal starts its own");
    let options = TABLE.iter().map(|choice| {
        let help = match choice.default {
            "" => choice.help.to_owned(),
            default => format!("{} [default {default}]", choice.help),
        };
        Arg::new(choice.flag)
            .long(choice.flag)
            .value_name(choice.value)
            .allow_hyphen_values(true)
            .help(help)
            .help_heading(choice.heading)
    });
    Command::new("rehearse")
        .about(ABOUT)
        .after_help(EXAMPLES)
        .arg(url)
        .args(options)
}

/// What a command line says about a rehearsal.
pub fn given(matches: &ArgMatches) -> Given {
    let names = TABLE.iter().map(|choice| choice.flag).chain(["url"]);
    names
        .filter_map(|name| Some((name, matches.get_one::<String>(name)?.clone())))
        .collect()
}

/// Holds the rehearsal and hands out its report.
///
/// # Errors
/// A wrong option, whatever is in the way, and whatever the report says that must not be.
pub fn rehearse(given: &Given) -> Result<(), Failure> {
    let key = std::env::var(KEY_VARIABLE).ok();
    let plan = Plan::of(given, key).map_err(|wrong| WrongSetting::new(wrong.to_string()))?;
    let failed = |error: std::io::Error| Failure::Runtime(format!("the rehearsal cannot run: {error}"));
    let executable = std::env::current_exe().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("fans")
        .enable_all()
        .build()
        .map_err(failed)?;
    let papers = plan.papers.clone();
    let report = runtime.block_on(hold(&Rehearsal::new(plan, executable)))?;
    hand_out(&report, &papers)?;
    report.failure().map_or(Ok(()), |why| Err(Failure::Runtime(why)))
}

async fn hold(rehearsal: &Rehearsal) -> Result<Report, Failure> {
    let mut signals = Signals::take().map_err(|error| Failure::Runtime(format!("no signals: {error}")))?;
    let (stop, stopped) = watch::channel(false);
    let mut held = pin!(rehearsal.hold(stopped));
    let held = tokio::select! {
        held = &mut held => held,
        _ = signals.next() => {
            stop.send_replace(true);
            tokio::select! {
                held = &mut held => held,
                again = signals.next() => {
                    let left = rehearsal.left_behind().map_or_else(String::new, |left| format!("; {left}"));
                    return Err(Failure::Runtime(format!("{again} again: ended at once{left}")));
                }
            }
        }
    };
    held.map_err(|obstacle| Failure::Runtime(obstacle.to_string()))
}

fn hand_out(report: &Report, papers: &Papers) -> Result<(), Failure> {
    match &papers.json {
        Some(Paper::Stdout) => {
            eprint!("{}", report.text());
            say(&report.json())?;
        }
        Some(Paper::File(path)) => {
            say(&report.text())?;
            write(path, &report.json())?;
        }
        None => say(&report.text())?,
    }
    papers.html.as_ref().map_or(Ok(()), |path| write(path, &report.html()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let shown = path.display();
    std::fs::write(path, text).map_err(|error| Failure::Runtime(format!("{shown} cannot be written: {error}")))
}
