//! When to stop.

use std::io;

/// The signals that end a server: SIGTERM, and Ctrl-C.
pub struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes the signals from now on; they no longer end the process by themselves.
    ///
    /// # Errors
    /// When the system does not allow it.
    #[cfg(unix)]
    pub fn take() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Takes Ctrl-C from now on.
    ///
    /// # Errors
    /// Never; as on other systems.
    #[cfg(not(unix))]
    pub fn take() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next signal and names it.
    #[cfg(unix)]
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for the next Ctrl-C.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> &'static str {
        // Without a way to hear of Ctrl-C, the server runs until the process is ended.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}
