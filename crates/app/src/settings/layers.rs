//! Flags over environment over `frontrow.toml` over defaults.

use super::{
    WrongSetting,
    table::{self, Form, Setting, TABLE},
};
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
};

/// The settings file that is read when it exists and no other is named.
pub const DEFAULT_FILE: &str = "frontrow.toml";

/// Where the settings come from.
pub struct Sources<'a> {
    /// What the command line says, by key.
    pub flags: &'a BTreeMap<&'static str, String>,
    /// Reads an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<OsString>,
    /// The file that was named; `None` for [`DEFAULT_FILE`], which need not exist.
    pub file: Option<&'a Path>,
    /// Whether the defaults are those of `frontrow demo`.
    pub demo: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A settings file.
    File(PathBuf),
    /// Nobody said anything.
    Default,
    /// Nobody said anything, in `frontrow demo`.
    Demo,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(f, "flag --{flag}"),
            Origin::Environment(variable) => write!(f, "environment {variable}"),
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Default => f.write_str("default"),
            Origin::Demo => f.write_str("default of demo"),
        }
    }
}

/// A setting's text in force.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The text.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// All settings as texts, each with its origin.
pub struct Layers(BTreeMap<&'static str, Given>);

impl Layers {
    /// Reads every layer.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML, or has a key that is no setting; a variable is no UTF-8.
    pub fn read(sources: &Sources<'_>) -> Result<Self, WrongSetting> {
        let mut file = read_file(sources.file)?;
        let mut layers = BTreeMap::new();
        for setting in TABLE {
            let from_file = file.remove(setting.key);
            layers.insert(setting.key, given(setting, sources, from_file)?);
        }
        Ok(Self(layers))
    }

    /// The text in force of a setting of the table.
    #[must_use]
    pub fn get(&self, key: &str) -> &Given {
        &self.0[key]
    }
}

fn given(setting: &Setting, sources: &Sources<'_>, from_file: Option<Given>) -> Result<Given, WrongSetting> {
    if let Some(text) = sources.flags.get(setting.key) {
        let origin = Origin::Flag(setting.flag());
        return Ok(Given {
            text: text.clone(),
            origin,
        });
    }
    let variable = setting.variable();
    if let Some(value) = (sources.environment)(&variable) {
        let text = value
            .into_string()
            .map_err(|_| WrongSetting::new(format!("{variable} is not UTF-8")))?;
        let origin = Origin::Environment(variable);
        return Ok(Given { text, origin });
    }
    let (text, origin) = match setting.demo.filter(|_| sources.demo) {
        Some(text) => (text, Origin::Demo),
        None => (setting.default, Origin::Default),
    };
    Ok(from_file.unwrap_or_else(|| Given {
        text: text.to_owned(),
        origin,
    }))
}

fn read_file(named: Option<&Path>) -> Result<BTreeMap<String, Given>, WrongSetting> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => {
            let path = path.display();
            return Err(WrongSetting::new(format!(
                "the settings file {path} cannot be read: {error}"
            )));
        }
    };
    parse_file(path, &text)
}

fn parse_file(path: &Path, text: &str) -> Result<BTreeMap<String, Given>, WrongSetting> {
    let shown = path.display();
    let entries: toml::Table = toml::from_str(text).map_err(|error| {
        let line = error
            .span()
            .map_or(1, |span| text[..span.start].matches('\n').count() + 1);
        let message = error.message().lines().next().unwrap_or_default();
        WrongSetting::new(format!("{shown}, line {line}: {message}"))
    })?;
    let mut layer = BTreeMap::new();
    for (key, value) in entries {
        match table::find(&key).map(|setting| setting.form) {
            Some(Form::Value(_) | Form::Switch) => {}
            Some(Form::Secret) => {
                let variable = format!("FRONTROW_{}", key.to_uppercase());
                return Err(WrongSetting::new(format!(
                    "{shown}: `{key}` does not belong into a settings file; set {variable} in the environment"
                )));
            }
            None => {
                return Err(WrongSetting::new(format!(
                    "{shown}: there is no setting `{key}`; `frontrow config` lists them"
                )));
            }
        }
        let text = plain(&value).ok_or_else(|| {
            WrongSetting::new(format!(
                "{shown}: `{key}` must be a text, a whole number, true or false, or a list of texts"
            ))
        })?;
        let origin = Origin::File(path.to_owned());
        layer.insert(key, Given { text, origin });
    }
    Ok(layer)
}

/// A value of the file as the text that a flag would carry.
fn plain(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            Some(texts?.join(","))
        }
        toml::Value::Float(_) | toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
