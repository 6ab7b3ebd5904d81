//! The command line.

use crate::{ground::Scale, rows::Row};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Measures the service beside what it is compared to, in one run, and writes docs/BENCHMARKS.md.
///
/// `make bench` builds everything, starts a throw-away PostgreSQL and runs this. Nothing else
/// should be running: load client, service and database share the machine.
#[derive(Debug, Parser)]
pub struct Options {
    /// How often everything is measured; what is told is the median
    #[arg(long)]
    pub rounds: Option<u32>,
    /// How long each measurement lasts
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Only these rows, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<Row>,
    /// A short run, to see that everything works
    #[arg(long)]
    pub quick: bool,
    /// Where to write the document; unless said, docs/BENCHMARKS.md after a full run and nowhere
    /// after any other
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Where to write the raw figures
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// The service's binary; the one beside this program unless said
    #[arg(long)]
    pub frontrow: Option<PathBuf>,
    /// Something else than measuring.
    #[command(subcommand)]
    pub other: Option<Other>,
}

/// What the program does besides measuring.
#[derive(Debug, Subcommand)]
pub enum Other {
    /// Serves the bytes of a file, and nothing else: what reads are compared to
    #[command(hide = true)]
    Bare {
        /// The file.
        body: PathBuf,
    },
}

impl Options {
    /// How much of everything there is to be.
    #[must_use]
    pub fn scale(&self) -> Scale {
        let scale = if self.quick { Scale::QUICK } else { Scale::FULL };
        Scale {
            rounds: self.rounds.unwrap_or(scale.rounds).max(1),
            seconds: self.seconds.unwrap_or(scale.seconds).max(1),
            ..scale
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
        let options = Options::parse_from(["bench", "--quick", "--seconds", "2", "--only", "holds,seat-map"]);
        assert_eq!(options.only, [Row::Holds, Row::SeatMap]);
        assert_eq!((options.scale().rounds, options.scale().seconds), (1, 2));
    }
}
