//! What stops a rehearsal.

/// Why a rehearsal was not held, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Obstacle(String);

impl Obstacle {
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self(line.into())
    }

    /// The same, and what is left of the preparations.
    pub(crate) fn leaving(self, left: Option<String>) -> Self {
        match left {
            Some(left) => Self(format!("{}; {left}", self.0)),
            None => self,
        }
    }
}
