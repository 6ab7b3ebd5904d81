//! What commands say on stdout.

use crate::failure::Failure;
use std::io::{self, ErrorKind, Write as _};

/// Says it. A reader that has heard enough and closed the pipe is no failure.
///
/// # Errors
/// When stdout takes no more, as on a full disk.
pub fn say(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Runtime(format!("stdout: {error}"))),
        Ok(()) | Err(_) => Ok(()),
    }
}
