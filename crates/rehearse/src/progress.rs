//! What is shown while it happens: a live display on a terminal, else a line now and then. All of it on stderr.

use crate::live::Sample;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    io::{self, IsTerminal as _},
    sync::Mutex,
    time::Duration,
};
use tokio::time::Instant;

use crate::setup::lock;

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(5);

/// Shows how the rehearsal goes.
pub(crate) struct Display {
    on: Surface,
    shown_at: Mutex<Instant>,
}

enum Surface {
    Terminal(Bars),
    Lines,
}

struct Bars {
    all: MultiProgress,
    words: ProgressBar,
    fans: ProgressBar,
    seats: ProgressBar,
}

impl Display {
    pub(crate) fn new() -> Self {
        let on = if io::stderr().is_terminal() {
            Surface::Terminal(Bars::new())
        } else {
            Surface::Lines
        };
        Self {
            on,
            shown_at: Mutex::new(Instant::now()),
        }
    }

    /// Says what is being done.
    pub(crate) fn say(&self, words: &str) {
        match &self.on {
            Surface::Terminal(bars) => bars.words.set_message(words.to_owned()),
            Surface::Lines => eprintln!("{words}"),
        }
    }

    /// So many fans have an account.
    pub(crate) fn preparing(&self, made: u64, total: u64) {
        match &self.on {
            Surface::Terminal(bars) => bars.words.set_message(format!("making fans: {made} of {total}")),
            Surface::Lines => {
                if self.is_time() {
                    eprintln!("making fans: {made} of {total}");
                }
            }
        }
    }

    /// How the sale stands; `before` is about a second ago.
    pub(crate) fn selling(&self, now: &Sample, before: &Sample, of: (u64, u64)) {
        let (fans, seats) = of;
        match &self.on {
            Surface::Terminal(bars) => {
                for (bar, position, length) in [(&bars.fans, now.ended, fans), (&bars.seats, now.sold, seats)] {
                    bar.set_length(length);
                    bar.set_position(position);
                }
                bars.words.set_message(words(now, before));
            }
            Surface::Lines => {
                if self.is_time() {
                    let (ended, sold) = (now.ended, now.sold);
                    eprintln!(
                        "{}, {sold} of {seats} seats sold, {ended} of {fans} fans done",
                        words(now, before)
                    );
                }
            }
        }
    }

    /// Makes room for the report.
    pub(crate) fn end(&self) {
        match &self.on {
            Surface::Terminal(bars) => {
                for bar in [&bars.words, &bars.fans, &bars.seats] {
                    bar.finish_and_clear();
                }
                // A terminal that takes nothing has nothing to be cleared.
                let _ = bars.all.clear();
            }
            Surface::Lines => {}
        }
    }

    fn is_time(&self) -> bool {
        let mut shown_at = lock(&self.shown_at);
        let is_time = shown_at.elapsed() >= EVERY;
        if is_time {
            *shown_at = Instant::now();
        }
        is_time
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        let bar = |template: &str| {
            let bar = all.add(ProgressBar::no_length());
            // A template that is none leaves the bar plain.
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        };
        let bars = Self {
            words: bar("{spinner} {elapsed_precise} {wide_msg}"),
            fans: bar("  fans done   [{bar:40}] {pos}/{len}"),
            seats: bar("  seats sold  [{bar:40}] {pos}/{len}"),
            all,
        };
        bars.words.enable_steady_tick(Duration::from_millis(200));
        bars
    }
}

fn words(now: &Sample, before: &Sample) -> String {
    let seconds = (now.second - before.second).max(0.001);
    let rate = |number: fn(&Sample) -> u64| {
        let more = number(now).saturating_sub(number(before));
        format!("{:.0}", more as f64 / seconds)
    };
    format!(
        "{:.0} s: {} waiting, {} inside, {} sold; a second: {} joined, {} let in, {} sold, {} answers, {} refusals",
        now.second,
        now.waiting,
        now.inside,
        now.sold,
        rate(|sample| sample.joined),
        rate(|sample| sample.admitted),
        rate(|sample| sample.sold),
        rate(|sample| sample.answers),
        rate(|sample| sample.refusals),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let before = Sample {
            second: 1.0,
            sold: 10,
            ..Sample::default()
        };
        let now = Sample {
            second: 3.0,
            sold: 30,
            waiting: 7,
            ..before
        };
        let shown = words(&now, &before);
        assert!(shown.starts_with("3 s: 7 waiting, 0 inside, 30 sold;"), "{shown}");
        assert!(shown.contains("10 sold,"), "{shown}");
    }
}
