//! What is rehearsed: the options, made sense of.

use crate::{
    base::Base,
    options::{KEY_VARIABLE, TABLE},
};
use secrecy::SecretString;
use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

/// What was said: flags without their hyphens, and `url`.
pub type Given = BTreeMap<&'static str, String>;

/// An option that is not acceptable, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongOption(String);

/// A rehearsal that can be begun.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Which server is rehearsed with.
    pub target: Target,
    /// Which sale.
    pub sale: Sale,
    /// Who comes, and how.
    pub crowd: Crowd,
    /// How many connections the fans share.
    pub connections: usize,
    /// Where the report goes besides the terminal.
    pub papers: Papers,
}

/// Which server is rehearsed with.
#[derive(Debug, Clone)]
pub enum Target {
    /// One that the rehearsal starts, and stops again.
    Own,
    /// One that runs.
    Running {
        /// Where.
        base: Base,
        /// The operator's credential there.
        key: SecretString,
    },
}

/// Which sale is rehearsed.
#[derive(Debug, Clone, PartialEq)]
pub enum Sale {
    /// One of the rehearsal's own.
    New(NewSale),
    /// One that exists on the server.
    Existing {
        /// Of which concert.
        concert_id: String,
        /// When.
        date: String,
    },
}

/// A sale to be set up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSale {
    /// How many seats.
    pub seats: u32,
    /// What one costs.
    pub price: u32,
    /// How many fans may be inside at once.
    pub max_active: u32,
    /// How many fans are let in a minute.
    pub admissions_per_minute: u32,
}

/// Who comes, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Crowd {
    /// How many fans.
    pub fans: u32,
    /// How many of them in the first moment.
    pub burst: u32,
    /// How many of the others in a second, on average.
    pub arrivals_per_second: f64,
    /// How long a fan thinks before a step inside, on average.
    pub think: Duration,
    /// The share of fans who give up somewhere.
    pub abandon: f64,
    /// How many seats each wants.
    pub seats_per_fan: u32,
    /// Which.
    pub want: Want,
    /// What each has in the wallet.
    pub money: u64,
    /// Where all choices come from.
    pub seed: u64,
}

/// Which seats fans go for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Each another place, at random.
    Any,
    /// All the same few.
    Front,
}

impl Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Want::Any => "any",
            Want::Front => "front",
        })
    }
}

/// Where the report goes besides the terminal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Papers {
    /// As JSON.
    pub json: Option<Paper>,
    /// As a page.
    pub html: Option<PathBuf>,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paper {
    /// To standard output.
    Stdout,
    /// To a file.
    File(PathBuf),
}

/// The most that a wallet can be charged with at once.
const MOST_MONEY: u64 = 10_000_000;

/// What only says something about a sale of the rehearsal's own.
const OF_NEW_SALE: [&str; 4] = ["seats", "price", "max-active", "admissions-per-minute"];

impl Plan {
    /// Makes sense of what was said. `key` is the operator key of the environment.
    ///
    /// # Errors
    /// Names the first option that is wrong, in one line that never shows a key.
    pub fn of(given: &Given, key: Option<String>) -> Result<Self, WrongOption> {
        let target = target(given, key)?;
        let sale = sale(given, &target)?;
        let crowd = crowd(given, &sale)?;
        Ok(Self {
            target,
            sale,
            crowd,
            connections: number(given, "connections", 1, 10_000)?,
            papers: papers(given)?,
        })
    }
}

fn target(given: &Given, key: Option<String>) -> Result<Target, WrongOption> {
    let Some(url) = given.get("url") else {
        if given.contains_key("operator-key") {
            return wrong("--operator-key goes with the URL of a server; without one, the rehearsal starts its own");
        }
        return Ok(Target::Own);
    };
    let base = Base::from_str(url).map_err(|must| WrongOption(format!("{url:?} {must}")))?;
    let Some(key) = given.get("operator-key").cloned().or(key) else {
        return wrong(format!(
            "a rehearsal with {base} needs an operator key of it: set {KEY_VARIABLE}"
        ));
    };
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || !visible {
        return wrong("the operator key must be visible ASCII characters");
    }
    Ok(Target::Running { base, key: key.into() })
}

fn sale(given: &Given, target: &Target) -> Result<Sale, WrongOption> {
    match (given.get("concert"), given.get("date")) {
        (None, None) => Ok(Sale::New(NewSale {
            seats: number(given, "seats", 1, 100_000)?,
            price: number(given, "price", 0, 1_000_000_000)?,
            max_active: number(given, "max-active", 1, 1_000_000)?,
            admissions_per_minute: number(given, "admissions-per-minute", 1, 1_000_000)?,
        })),
        (Some(concert_id), Some(date)) => {
            if matches!(target, Target::Own) {
                return wrong("--concert goes with the URL of the server that has it");
            }
            if let Some(flag) = OF_NEW_SALE.iter().find(|flag| given.contains_key(*flag)) {
                return wrong(format!(
                    "--{flag} is for a sale of the rehearsal's own; --concert names one that exists"
                ));
            }
            Ok(Sale::Existing {
                concert_id: path_segment("concert", concert_id)?,
                date: path_segment("date", date)?,
            })
        }
        (Some(_), None) => wrong("--concert needs --date"),
        (None, Some(_)) => wrong("--date needs --concert"),
    }
}

/// Something that becomes part of a path.
fn path_segment(flag: &str, text: &str) -> Result<String, WrongOption> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-:.+".contains(c);
    if text.is_empty() || !text.chars().all(plain) {
        let such = if flag == "concert" {
            "an id"
        } else {
            "a date such as 2027-05-01"
        };
        return wrong(format!("--{flag} {text:?} must be {such}"));
    }
    Ok(text.to_owned())
}

fn crowd(given: &Given, sale: &Sale) -> Result<Crowd, WrongOption> {
    let fans: u32 = number(given, "fans", 1, 1_000_000)?;
    let burst = match given.get("burst") {
        Some(_) => number(given, "burst", 0, fans)?,
        None => fans / 2,
    };
    let seats_per_fan = number(given, "seats-per-fan", 1, 100)?;
    let money = match (given.get("money"), sale) {
        (Some(_), _) => number(given, "money", 0, MOST_MONEY)?,
        (None, Sale::New(new)) => {
            let cost = u64::from(new.price) * u64::from(seats_per_fan);
            if cost > MOST_MONEY {
                return wrong(format!(
                    "--price times --seats-per-fan is {cost}; a wallet takes {MOST_MONEY} at once"
                ));
            }
            cost
        }
        (None, Sale::Existing { .. }) => 1_000_000,
    };
    Ok(Crowd {
        fans,
        burst,
        arrivals_per_second: number(given, "arrivals-per-second", 0.001, 1_000_000.0)?,
        think: Duration::from_secs_f64(number(given, "think", 0.0, 3_600.0)?),
        abandon: number(given, "abandon", 0.0, 1.0)?,
        seats_per_fan,
        want: match text(given, "want") {
            "any" => Want::Any,
            "front" => Want::Front,
            other => return wrong(format!("--want {other:?} must be any or front")),
        },
        money,
        seed: match given.get("seed") {
            Some(_) => number(given, "seed", 0, u64::MAX)?,
            // Short enough to be typed again.
            None => u64::from(rand::random::<u32>()),
        },
    })
}

fn papers(given: &Given) -> Result<Papers, WrongOption> {
    let file = |flag: &str, text: &str| {
        let path = PathBuf::from(text);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if path.file_name().is_none() || path.is_dir() || folder.is_some_and(|folder| !folder.is_dir()) {
            return wrong(format!("--{flag} {text:?} must be a file in a folder that exists"));
        }
        Ok(path)
    };
    let json = match given.get("json").map(String::as_str) {
        None => None,
        Some("-") => Some(Paper::Stdout),
        Some(text) => Some(Paper::File(file("json", text)?)),
    };
    let html = given.get("html").map(|text| file("html", text)).transpose()?;
    Ok(Papers { json, html })
}

/// What was said, or the default of the table.
fn text<'a>(given: &'a Given, flag: &str) -> &'a str {
    let default = || {
        TABLE
            .iter()
            .find(|choice| choice.flag == flag)
            .map_or("", |choice| choice.default)
    };
    given.get(flag).map_or_else(default, String::as_str)
}

fn number<T: FromStr + PartialOrd + Display + Copy>(
    given: &Given,
    flag: &str,
    least: T,
    most: T,
) -> Result<T, WrongOption> {
    let text = text(given, flag);
    match text.parse::<T>() {
        Ok(number) if least <= number && number <= most => Ok(number),
        Ok(_) | Err(_) => wrong(format!("--{flag} {text:?} must be a number from {least} to {most}")),
    }
}

fn wrong<T>(line: impl Into<String>) -> Result<T, WrongOption> {
    Err(WrongOption(line.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn plan(said: &[(&'static str, &str)]) -> Result<Plan, String> {
        let given = said.iter().map(|(flag, text)| (*flag, (*text).to_owned())).collect();
        Plan::of(&given, None).map_err(|wrong| wrong.to_string())
    }

    const THERE: (&str, &str) = ("url", "http://127.0.0.1:1");
    const KEY: (&str, &str) = ("operator-key", "hunter2");

    #[test]
    fn every_default_is_acceptable() {
        let plan = plan(&[]).unwrap();
        assert!(matches!(plan.target, Target::Own));
        assert_eq!(
            (plan.crowd.fans, plan.crowd.burst, plan.crowd.money),
            (1_000, 500, 50_000)
        );
    }

    #[test]
    fn a_key_comes_with_the_command_line_or_the_environment_and_is_not_shown() {
        let key_of = |plan: Plan| match plan.target {
            Target::Running { key, .. } => key.expose_secret().to_owned(),
            Target::Own => String::new(),
        };
        let given = Given::from([("url", "http://127.0.0.1:1".to_owned())]);
        assert_eq!(key_of(Plan::of(&given, Some("env".to_owned())).unwrap()), "env");
        assert_eq!(key_of(plan(&[THERE, KEY]).unwrap()), "hunter2");
        assert!(!format!("{:?}", plan(&[THERE, KEY]).unwrap()).contains("hunter2"));
        assert!(
            !plan(&[THERE, ("operator-key", "hunter2 ")])
                .unwrap_err()
                .contains("hunter2")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong: &[(&[(&'static str, &str)], &str)] = &[
            (&[("fans", "0")], "--fans"),
            (&[("fans", "10"), ("burst", "11")], "--burst"),
            (&[("arrivals-per-second", "0")], "--arrivals-per-second"),
            (&[("arrivals-per-second", "NaN")], "--arrivals-per-second"),
            (&[("think", "-1")], "--think"),
            (&[("abandon", "1.1")], "--abandon"),
            (&[("seats", "100001")], "--seats"),
            (&[("price", "5000001"), ("seats-per-fan", "2")], "--price"),
            (&[("want", "best")], "--want"),
            (&[("seed", "x")], "--seed"),
            (&[("connections", "0")], "--connections"),
            (&[THERE], "FRONTROW_OPERATOR_KEY"),
            (&[KEY], "--operator-key"),
            (&[("url", "nowhere")], "nowhere"),
            (&[("concert", "x"), ("date", "y")], "--concert"),
            (&[THERE, KEY, ("concert", "x")], "--date"),
            (&[THERE, KEY, ("date", "x")], "--concert"),
            (&[THERE, KEY, ("concert", "x/y"), ("date", "z")], "--concert"),
            (
                &[THERE, KEY, ("concert", "x"), ("date", "y"), ("seats", "7")],
                "--seats",
            ),
            (&[("html", "no/such/folder/report.html")], "--html"),
        ];
        for (said, name) in wrong {
            let line = plan(said).unwrap_err();
            assert!(line.contains(name) && line.lines().count() == 1, "{line}");
        }
    }
}
