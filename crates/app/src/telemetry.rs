//! Logs: to stderr, as text or as JSON.

use crate::settings::{LogFormat, Settings, WrongSetting};
use std::io::{self, IsTerminal as _};
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt as _};

/// Starts logging for the whole process.
///
/// # Errors
/// When the filter is none. Settings were checked before, so this tells of a defect.
pub fn start(settings: &Settings) -> Result<(), WrongSetting> {
    let wrong = |error: &dyn std::fmt::Display| WrongSetting::new(format!("log: {error}"));
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|error| wrong(&error))?;
    // A log that cannot be written is no reason to stop: without this, it would be complained about on stderr, by a panic.
    let lines = fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .log_internal_errors(false);
    match settings.log_format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    }
    .map_err(|error| wrong(&error))
}
