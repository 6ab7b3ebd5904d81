//! The `frontrow` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    frontrow_app::run(std::env::args_os())
}
