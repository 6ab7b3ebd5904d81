//! The settings for people to read, without a secret in them.

use super::{
    layers::{Layers, Origin},
    table::{self, Form, TABLE},
};
use std::fmt::Write as _;

const REDACTED: &str = "[redacted]";

/// A setting's text as it may be shown: in quotes unless it is a number or a truth value, secrets not at all.
#[must_use]
pub fn redacted(key: &str, text: &str) -> String {
    match table::find(key).map(|setting| setting.form) {
        None | Some(Form::Secret) => REDACTED.to_owned(),
        Some(Form::Value(_) | Form::Switch) => {
            let bare = text.parse::<i64>().is_ok() || text.parse::<bool>().is_ok();
            let text = without_password(text);
            if bare { text } else { format!("{text:?}") }
        }
    }
}

/// A URL without the password in front of its host or among its parameters. What merely looks like a URL is treated
/// as one: better a text shown too little of than a password shown.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, rest),
    };
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let user = user.map_or(String::new(), |user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:{REDACTED}@"),
        None => format!("{user}@"),
    });
    let mut shown = format!("{scheme}://{user}{place}");
    for (place, parameter) in parameters.split('&').filter(|p| !p.is_empty()).enumerate() {
        let lead = if place == 0 { '?' } else { '&' };
        let name = parameter.split('=').next().unwrap_or_default();
        let harmless = ["sslmode", "application_name", "connect_timeout"].contains(&name);
        let parameter = if harmless {
            parameter.to_owned()
        } else {
            format!("{name}={REDACTED}")
        };
        shown.push(lead);
        shown.push_str(&parameter);
    }
    shown
}

/// All settings in force, each with its origin. What can stand in `frontrow.toml` is shown as it would stand there.
#[must_use]
pub fn settings(layers: &Layers) -> String {
    let mut lines = Vec::new();
    for setting in TABLE {
        let given = layers.get(setting.key);
        let unset = given.text.is_empty() && given.origin == Origin::Default;
        let line = match (setting.form, unset) {
            (Form::Secret, true) => format!("# {} is not set", setting.key),
            (Form::Secret, false) => format!("# {} = {REDACTED}", setting.key),
            (Form::Value(_) | Form::Switch, true) => format!("# {} = \"\"", setting.key),
            (Form::Value(_) | Form::Switch, false) => {
                format!("{} = {}", setting.key, redacted(setting.key, &given.text))
            }
        };
        lines.push((line, &given.origin));
    }
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
    let mut shown = String::new();
    for (line, origin) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(shown, "{line:width$}  # {origin}");
    }
    shown
}
