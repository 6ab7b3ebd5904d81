//! The command line. Flags of settings come from the settings' table; this file adds the commands.

use crate::{
    commands::rehearse,
    settings::table::{Audience, Form, Setting, TABLE},
};
use clap::{Arg, ArgAction, ArgMatches, Command};
use frontrow_domain::identity::Scope;
use frontrow_rehearse::plan;
use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

const ABOUT: &str = "The booking backend of a concert seller: fans queue, are let in a few at a time, hold seats, pay, \
                     and own them.";

const EXAMPLES: &str = "\
Examples:
  frontrow demo                       a first look: sample concert, open sign-up, simulated payments
  frontrow serve                      serve on http://127.0.0.1:8080, everything in ./frontrow.db
  frontrow serve --listen 0.0.0.0:80  serve to everybody
  frontrow keys create --name box-office --scopes users:write,booking:on-behalf
  frontrow config                     the settings in force, and where each comes from
  frontrow rehearse --fans 5000       an on-sale with simulated fans, against a server of its own

Settings:
  Each setting is a flag (--hold-seconds 300), an environment variable (FRONTROW_HOLD_SECONDS=300)
  or a key in frontrow.toml in the working folder (hold_seconds = 300). Flags win over the
  environment, the environment over the file, the file over defaults. Secrets stand in the
  environment alone: FRONTROW_SECRET (or FRONTROW_SECRET_FILE, which names a file) and
  FRONTROW_OPERATOR_KEY. `frontrow help serve` explains every setting.

Exit codes:
  0 done, 1 failed (or audit or rehearsal found what must not be), 2 a wrong setting or command line";

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Task {
    /// Serve.
    Serve,
    /// Serve for a first look.
    Demo,
    /// Bring the storage to this version.
    Migrate,
    /// Make an operator key.
    CreateKey {
        /// What the operator calls it.
        name: String,
        /// What it may do.
        scopes: Vec<Scope>,
    },
    /// List operator keys.
    ListKeys,
    /// Revoke an operator key.
    RevokeKey {
        /// Which one.
        id: String,
    },
    /// Check the invariants.
    Audit,
    /// Print the OpenAPI document.
    OpenApi,
    /// Print the settings in force.
    Config,
    /// Rehearse an on-sale.
    Rehearse(plan::Given),
}

/// A command line.
#[derive(Debug)]
pub struct Invocation {
    /// What is to be done.
    pub task: Task,
    /// The settings that are flags, by key.
    pub flags: BTreeMap<&'static str, String>,
    /// The settings file that was named.
    pub file: Option<PathBuf>,
}

/// Reads a command line.
///
/// # Errors
/// Clap's, which also carry `--help` and `--version`.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let matches = command().try_get_matches_from(arguments)?;
    let mut leaf = &matches;
    let mut path = Vec::new();
    while let Some((name, below)) = leaf.subcommand() {
        path.push(name);
        leaf = below;
    }
    let task = match path.as_slice() {
        ["serve"] => Task::Serve,
        ["demo"] => Task::Demo,
        ["migrate"] => Task::Migrate,
        ["keys", "create"] => Task::CreateKey {
            name: text(leaf, "name"),
            scopes: scopes(&text(leaf, "scopes"))?,
        },
        ["keys", "list"] => Task::ListKeys,
        ["keys", "revoke"] => Task::RevokeKey { id: text(leaf, "id") },
        ["audit"] => Task::Audit,
        ["openapi"] => Task::OpenApi,
        ["config"] => Task::Config,
        ["rehearse"] => Task::Rehearse(rehearse::given(leaf)),
        other => {
            let unknown = format!("there is no command `{}`\n", other.join(" "));
            return Err(clap::Error::raw(clap::error::ErrorKind::InvalidSubcommand, unknown));
        }
    };
    Ok(Invocation {
        task,
        flags: flags(leaf),
        file: leaf.try_get_one::<PathBuf>("config").ok().flatten().cloned(),
    })
}

/// A clap error as one line.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    let shown = error.to_string();
    let first = shown.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.split_whitespace().collect();
    let line = words.join(" ");
    format!("{}; see frontrow --help", line.strip_prefix("error: ").unwrap_or(&line))
}

fn command() -> Command {
    let serving = [
        with_settings(
            Command::new("serve").about("Serve until SIGTERM or Ctrl-C"),
            Audience::Server,
        ),
        with_settings(
            Command::new("demo").about(
                "Serve for a first look: open sign-up, simulated payments, a sample concert, and what to type next",
            ),
            Audience::Server,
        ),
    ];
    let migrate = Command::new("migrate").about("Bring the storage to this version, then end");
    let audit = Command::new("audit").about("Check every invariant on live data; exit code 1 on a violation");
    let config =
        Command::new("config").about("Print the settings in force, secrets redacted, with where each comes from");
    Command::new("frontrow")
        .about(ABOUT)
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(EXAMPLES)
        .subcommand_required(true)
        .arg_required_else_help(false)
        .subcommands(serving)
        .subcommand(with_settings(migrate, Audience::All))
        .subcommand(keys())
        .subcommand(with_settings(audit, Audience::All))
        .subcommand(Command::new("openapi").about("Print the OpenAPI document of the HTTP API"))
        .subcommand(with_settings(config, Audience::Server))
        .subcommand(rehearse::command())
}

fn keys() -> Command {
    let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    let scopes_help = format!("What it may do, separated by commas: {}", all.join(", "));
    let create = Command::new("create")
        .about("Make a key and print it, this once")
        .arg(Arg::new("name").long("name").required(true).help("What you call it"))
        .arg(Arg::new("scopes").long("scopes").required(true).help(scopes_help));
    let list = Command::new("list").about("List all keys, revoked ones included");
    let revoke = Command::new("revoke")
        .about("Revoke a key on every instance, from this moment on")
        .arg(
            Arg::new("id")
                .value_name("ID")
                .required(true)
                .help("The id that `keys list` shows"),
        );
    Command::new("keys")
        .about("Operator keys; they work beside a running server")
        .subcommand_required(true)
        .subcommands([create, list, revoke].map(|command| with_settings(command, Audience::All)))
}

/// A command that takes settings.
fn with_settings(command: Command, audience: Audience) -> Command {
    let offered = TABLE.iter().filter(|setting| match audience {
        Audience::Server => true,
        Audience::All => setting.audience == Audience::All,
    });
    let file = Arg::new("config")
        .long("config")
        .value_name("PATH")
        .value_parser(clap::value_parser!(PathBuf))
        .help("Read settings from this file instead of frontrow.toml")
        .help_heading("Settings");
    command.arg(file).args(offered.filter_map(argument))
}

fn argument(setting: &'static Setting) -> Option<Arg> {
    let argument = Arg::new(setting.key)
        .long(setting.flag())
        .help(help(setting))
        .help_heading("Settings");
    match setting.form {
        Form::Value(value) => Some(argument.value_name(value).action(ArgAction::Set)),
        Form::Switch => Some(argument.action(ArgAction::SetTrue)),
        Form::Secret => None,
    }
}

fn help(setting: &Setting) -> String {
    let mut remarks = Vec::new();
    if setting.form != Form::Switch && !setting.default.is_empty() {
        remarks.push(format!("default {}", setting.default));
    }
    if let Some(demo) = setting.demo {
        remarks.push(format!("in demo {demo}"));
    }
    remarks.push(setting.variable());
    format!("{} [{}]", setting.help, remarks.join("; "))
}

fn flags(matches: &ArgMatches) -> BTreeMap<&'static str, String> {
    let given = |setting: &&'static Setting| match setting.form {
        Form::Value(_) => matches.try_get_one::<String>(setting.key).ok().flatten().cloned(),
        Form::Switch => {
            let named = matches.try_get_one::<bool>(setting.key).ok().flatten();
            named.filter(|named| **named).map(ToString::to_string)
        }
        Form::Secret => None,
    };
    TABLE
        .iter()
        .filter_map(|setting| Some((setting.key, given(&setting)?)))
        .collect()
}

fn text(matches: &ArgMatches, name: &str) -> String {
    matches.get_one::<String>(name).cloned().unwrap_or_default()
}

fn scopes(list: &str) -> Result<Vec<Scope>, clap::Error> {
    list.split(',')
        .map(|name| name.trim().parse())
        .collect::<Result<Vec<Scope>, _>>()
        .map_err(|unknown| clap::Error::raw(clap::error::ErrorKind::InvalidValue, unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> Result<Invocation, clap::Error> {
        parse(words.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn a_flag_carries_its_setting() {
        let invocation = line("frontrow serve --hold-seconds 7 --no-migrate --config here.toml").unwrap();
        assert_eq!(invocation.task, Task::Serve);
        assert_eq!(invocation.file, Some(PathBuf::from("here.toml")));
        let flags: Vec<_> = invocation
            .flags
            .iter()
            .map(|(key, text)| (*key, text.as_str()))
            .collect();
        assert_eq!(flags, [("hold_seconds", "7"), ("no_migrate", "true")]);
    }

    #[test]
    fn keys_name_their_scopes() {
        let created = line("frontrow keys create --name door --scopes users:write,audit:read").unwrap();
        let scopes = vec![Scope::UsersWrite, Scope::AuditRead];
        let name = "door".to_owned();
        assert_eq!(created.task, Task::CreateKey { name, scopes });
        let refused = line("frontrow keys create --name door --scopes everything").unwrap_err();
        assert!(one_line(&refused).contains("there is no scope \"everything\""));
    }

    #[test]
    fn a_rehearsal_takes_a_server_and_options() {
        let invocation = line("frontrow rehearse http://127.0.0.1:1 --fans 7").unwrap();
        let said = [("fans", "7"), ("url", "http://127.0.0.1:1")].map(|(flag, text)| (flag, text.to_owned()));
        assert_eq!(invocation.task, Task::Rehearse(said.into()));
    }

    #[test]
    fn a_secret_is_no_flag_and_not_repeated() {
        let refused = line("frontrow serve --operator-key=hunter2hunter2hunter2hunter2hunter2").unwrap_err();
        let told = one_line(&refused);
        assert!(told.contains("--operator-key") && !told.contains("hunter2"), "{told}");
        assert_eq!(told.lines().count(), 1);
    }

    #[test]
    fn the_help_explains_every_setting() {
        let help = command()
            .find_subcommand_mut("serve")
            .unwrap()
            .render_help()
            .to_string();
        for setting in TABLE.iter().filter(|setting| setting.form != Form::Secret) {
            assert!(help.contains(&format!("--{}", setting.flag())), "{}", setting.key);
            assert!(help.contains(&setting.variable()), "{}", setting.key);
        }
    }
}
