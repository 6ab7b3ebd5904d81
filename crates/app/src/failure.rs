//! How a command fails: one line for people, an exit code for scripts.

use crate::settings::WrongSetting;
use frontrow_domain::outcome::StoreError;
use std::process::ExitCode;

/// Why a command did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A wrong setting or command line.
    #[error(transparent)]
    Setting(#[from] WrongSetting),
    /// Something that was in the way.
    #[error("{0}")]
    Runtime(String),
    /// Storage brought no answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// 2 for what the caller has to write differently, 1 for everything else.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Setting(_) => ExitCode::from(2),
            Failure::Runtime(_) | Failure::Store(_) => ExitCode::FAILURE,
        }
    }

    /// The failure in one line, whatever its cause had to say.
    #[must_use]
    pub fn one_line(&self) -> String {
        self.to_string().lines().map(str::trim).collect::<Vec<_>>().join(" ")
    }
}
