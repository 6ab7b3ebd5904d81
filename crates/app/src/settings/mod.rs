//! The settings in force, checked.
//!
//! [`table`] names them, [`layers`] finds out what was said where, this module makes sense of the texts. What it cannot
//! make sense of stops the start with one line that names the setting and its origin, and never shows a secret.

pub mod layers;
mod parse;
pub mod show;
pub mod table;

use frontrow_domain::policy::Policy;
use frontrow_http::TrustedProxies;
use layers::{Given, Layers, Sources};
use secrecy::SecretString;
use std::{fmt, net::SocketAddr, path::PathBuf};
use time::Duration;

/// A setting that is not acceptable, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongSetting(String);

impl WrongSetting {
    /// A wrong setting, told in one line that names it.
    #[must_use]
    pub fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }
}

/// Where everything is kept.
#[derive(Debug, Clone)]
pub enum StorageUrl {
    /// In this process, until it ends.
    Memory,
    /// In a file.
    Sqlite(PathBuf),
    /// In a PostgreSQL database; the URL may carry a password.
    Postgres(SecretString),
}

/// Where the root key of all signatures comes from.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// The environment.
    Given(SecretString),
    /// A file the operator keeps.
    File(PathBuf),
    /// Nobody said: what the storage's kind does then.
    OfStorage,
}

/// The provider behind payments and charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderKind {
    /// None: payments need no approval, charges are refused.
    None,
    /// Does what `payment_method` says.
    Simulated,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// All settings.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "`table` says what each means")]
pub struct Settings {
    pub storage: StorageUrl,
    pub migrate: bool,
    pub listen: SocketAddr,
    pub secret: SecretSource,
    pub operator_key: Option<SecretString>,
    pub open_signup: bool,
    pub payments: ProviderKind,
    pub allow_simulated_payments: bool,
    pub policy: Policy,
    pub access_token_life: Duration,
    pub rate_limits: bool,
    pub trusted_proxies: TrustedProxies,
    pub workers: usize,
    pub streams: usize,
    pub streams_per_caller: usize,
    pub gates: usize,
    pub postgres_connections: usize,
    pub audit_every: Option<std::time::Duration>,
    pub log_filter: String,
    pub log_format: LogFormat,
}

impl Settings {
    /// Reads all layers and checks every setting by itself.
    ///
    /// # Errors
    /// Names the first setting that is wrong.
    pub fn read(sources: &Sources<'_>) -> Result<(Self, Layers), WrongSetting> {
        let layers = Layers::read(sources)?;
        let settings = Self::check(&layers)?;
        Ok((settings, layers))
    }

    fn check(layers: &Layers) -> Result<Self, WrongSetting> {
        let seconds = |key, least, most| number(layers, key, least, most).map(Duration::seconds);
        Ok(Self {
            storage: get(layers, "storage", parse::storage)?,
            migrate: !get(layers, "no_migrate", parse::switch)?,
            listen: get(layers, "listen", parse::listen)?,
            secret: secret_source(layers)?,
            operator_key: optional(layers, "operator_key", parse::operator_key)?,
            open_signup: get(layers, "signup", |text| {
                parse::choice(text, [("open", true), ("closed", false)])
            })?,
            payments: get(layers, "payments", |text| {
                parse::choice(
                    text,
                    [("none", ProviderKind::None), ("simulated", ProviderKind::Simulated)],
                )
            })?,
            allow_simulated_payments: get(layers, "allow_simulated_payments", parse::switch)?,
            policy: Policy {
                hold: seconds("hold_seconds", 1, 86_400)?,
                claim: seconds("claim_seconds", 2, 86_400)?,
                seat_limit: number(layers, "seat_limit", 1, Policy::MOST_SEATS_PER_FAN)?,
                currency: get(layers, "currency", parse::currency)?,
            },
            access_token_life: seconds("access_token_seconds", 1, 3_153_600_000)?,
            rate_limits: get(layers, "rate_limits", |text| {
                parse::choice(text, [("on", true), ("off", false)])
            })?,
            trusted_proxies: get(layers, "trusted_proxies", parse::trusted_proxies)?,
            workers: get(layers, "workers", parse::workers)?,
            streams: number(layers, "streams", 0, 1_000_000)?,
            streams_per_caller: number(layers, "streams_per_caller", 0, 1_000)?,
            gates: number(layers, "gates", 1, 100_000)?,
            postgres_connections: number(layers, "postgres_connections", 4, 1_000)?,
            audit_every: match number(layers, "audit_seconds", 0, 86_400)? {
                0 => None,
                seconds => Some(std::time::Duration::from_secs(seconds)),
            },
            log_filter: get(layers, "log", parse::log_filter)?,
            log_format: get(layers, "log_format", |text| {
                parse::choice(text, [("text", LogFormat::Text), ("json", LogFormat::Json)])
            })?,
        })
    }

    /// Refuses to look for what an earlier process left behind where nothing can have been left.
    ///
    /// # Errors
    /// The storage is in memory.
    pub fn check_lasting(&self) -> Result<(), WrongSetting> {
        match self.storage {
            StorageUrl::Sqlite(_) | StorageUrl::Postgres(_) => Ok(()),
            StorageUrl::Memory => Err(WrongSetting::new(
                "storage = \"memory:\" keeps nothing beyond this command; ask the server itself, with \
                 FRONTROW_OPERATOR_KEY",
            )),
        }
    }

    /// Checks what settings mean together, for a command that serves.
    ///
    /// # Errors
    /// Simulated payments where others could reach them; PostgreSQL without a secret.
    pub fn check_serving(&self) -> Result<(), WrongSetting> {
        let reachable = !self.listen.ip().is_loopback();
        if self.payments == ProviderKind::Simulated && reachable && !self.allow_simulated_payments {
            let listen = self.listen;
            return Err(WrongSetting::new(format!(
                "payments = \"simulated\" lets everybody who reaches {listen} make money out of nothing: listen on \
                 127.0.0.1, or say --allow-simulated-payments"
            )));
        }
        let has_own = match &self.storage {
            StorageUrl::Memory | StorageUrl::Sqlite(_) => true,
            StorageUrl::Postgres(_) => false,
        };
        if !has_own && matches!(self.secret, SecretSource::OfStorage) {
            return Err(WrongSetting::new(
                "PostgreSQL needs a secret that all instances share, at least 32 bytes: set FRONTROW_SECRET or \
                 FRONTROW_SECRET_FILE",
            ));
        }
        Ok(())
    }
}

fn get<T>(layers: &Layers, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, WrongSetting> {
    let given = layers.get(key);
    parse(&given.text).map_err(|must| wrong(key, given, &must))
}

fn optional<T>(
    layers: &Layers,
    key: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, WrongSetting> {
    if layers.get(key).origin == layers::Origin::Default {
        return Ok(None);
    }
    get(layers, key, parse).map(Some)
}

fn number<T>(layers: &Layers, key: &str, least: T, most: T) -> Result<T, WrongSetting>
where
    T: std::str::FromStr + PartialOrd + fmt::Display + Copy,
{
    get(layers, key, |text| match text.parse::<T>() {
        Ok(number) if least <= number && number <= most => Ok(number),
        Ok(_) | Err(_) => Err(format!("must be a whole number from {least} to {most}")),
    })
}

fn secret_source(layers: &Layers) -> Result<SecretSource, WrongSetting> {
    let secret = optional(layers, "secret", parse::secret)?;
    let file = optional(layers, "secret_file", parse::path)?;
    match (secret, file) {
        (None, None) => Ok(SecretSource::OfStorage),
        (Some(secret), None) => Ok(SecretSource::Given(secret)),
        (None, Some(path)) => Ok(SecretSource::File(path)),
        (Some(_), Some(_)) => {
            let origin = &layers.get("secret_file").origin;
            Err(WrongSetting::new(format!(
                "there are two secrets, in FRONTROW_SECRET and in secret_file ({origin}): take one away"
            )))
        }
    }
}

fn wrong(key: &str, given: &Given, must: &str) -> WrongSetting {
    let origin = &given.origin;
    let shown = show::redacted(key, &given.text);
    WrongSetting::new(format!("{key} = {shown} ({origin}) {must}"))
}

#[cfg(test)]
mod tests;
