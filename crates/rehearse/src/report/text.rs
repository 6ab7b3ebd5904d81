//! The account for a terminal.

use super::{Report, latency::shown};
use crate::tally::End;
use std::fmt::Write as _;

pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut text, report);
    text
}

fn write(text: &mut String, report: &Report) -> std::fmt::Result {
    let what = &report.rehearsal;
    let own = if what.own_server { "its own server, " } else { "" };
    writeln!(
        text,
        "Rehearsal with {own}{} (frontrow {}), seed {}",
        what.server, what.server_version, what.seed
    )?;
    writeln!(text, "{}\n", crowd(report))?;
    writeln!(text, "Fans")?;
    writeln!(text, "  {:>9}  arrived in {:.1} s", report.fans.arrived, report.seconds)?;
    for end in End::ALL {
        if let Some(count) = report.fans.ends.get(&end) {
            writeln!(text, "  {count:>9}  {}", end.words())?;
        }
    }
    for (count, words) in [
        (report.fans.waiting, "still in line"),
        (report.fans.inside, "still inside"),
    ] {
        if count > 0 {
            writeln!(text, "  {count:>9}  {words}")?;
        }
    }
    writeln!(text, "\nSeats\n  {}", seats(report))?;
    steps(text, report)?;
    refusals(text, report)?;
    writeln!(text, "\nFairness\n  {}", fairness(report))?;
    writeln!(text, "\nAudit\n  {}", audit(report))?;
    for (heading, sentences) in [("Notes", &report.notes), ("NOT WELL", &report.findings)] {
        if !sentences.is_empty() {
            writeln!(text, "\n{heading}")?;
        }
        for sentence in sentences {
            writeln!(text, "  - {sentence}")?;
        }
    }
    Ok(())
}

/// Who came, in a sentence.
pub(super) fn crowd(report: &Report) -> String {
    let what = &report.rehearsal;
    let tail = match what.fans.saturating_sub(what.burst) {
        0 => String::new(),
        tail => format!(", then {tail} at {} a second", what.arrivals_per_second),
    };
    format!(
        "{} fans: {} at once{tail}; {} seat(s) each, {} s of thinking before each step, {:.0} % give up; {} connections",
        what.fans,
        what.burst,
        what.seats_per_fan,
        what.think_seconds,
        what.abandon * 100.0,
        what.connections,
    )
}

pub(super) fn seats(report: &Report) -> String {
    let seats = &report.seats;
    let sold = seats.sold.map_or_else(|| "?".to_owned(), |sold| sold.to_string());
    format!(
        "{} for sale, {} on receipts, {sold} sold by the server's count, {} sold twice",
        seats.for_sale, seats.receipts, seats.twice
    )
}

pub(super) fn fairness(report: &Report) -> String {
    let found = &report.fairness;
    format!(
        "{} inversions among {} pairs of the {} fans let in of whom one surely joined first; {} fans overtaken",
        found.inversions, found.pairs, found.admitted, found.overtaken
    )
}

pub(super) fn audit(report: &Report) -> String {
    let Some(audit) = &report.audit else {
        return "no verdict".to_owned();
    };
    let word = if audit.ok { "ok" } else { "VIOLATED" };
    let checks = audit.checks.iter();
    let checks: Vec<_> = checks
        .map(|check| format!("{} {}", check.invariant, check.violations))
        .collect();
    format!("{word}; violations by invariant: {}", checks.join(", "))
}

fn steps(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        text,
        "\nLatency in ms, from the moment a step was due (not from when a connection was free) to its answer"
    )?;
    writeln!(
        text,
        "  {:<6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}   {:>8}{:>9}",
        "step", "count", "/s", "p50", "p90", "p99", "p99.9", "max", "srv p50", "srv p99"
    )?;
    for step in &report.steps {
        let felt = &step.felt;
        writeln!(
            text,
            "  {:<6}{:>9}{:>9.1}{:>9}{:>9}{:>9}{:>9}{:>9}   {:>8}{:>9}",
            step.step.name(),
            step.count,
            step.per_second,
            shown(felt.p50_ms),
            shown(felt.p90_ms),
            shown(felt.p99_ms),
            shown(felt.p999_ms),
            shown(felt.max_ms),
            shown(step.served.p50_ms),
            shown(step.served.p99_ms),
        )?;
    }
    let client = &report.client;
    writeln!(
        text,
        "  srv: from having a connection to the answer. Before that, calls waited p50 {} and p99 {} ms for one of \
         the connections,\n  and began p50 {} and p99 {} ms late.",
        shown(client.queued.p50_ms),
        shown(client.queued.p99_ms),
        shown(client.late.p50_ms),
        shown(client.late.p99_ms),
    )?;
    let answers = &report.answers;
    writeln!(
        text,
        "  {} answers, {:.0} a second, {:.0} in the best second",
        answers.count, answers.per_second, answers.peak_per_second
    )
}

fn refusals(text: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(text, "\nRefusals by code")?;
    if report.refusals.is_empty() {
        writeln!(text, "  none")?;
    }
    for refusal in &report.refusals {
        writeln!(
            text,
            "  {:<6}{:>9}  {}",
            refusal.step.name(),
            refusal.count,
            refusal.code
        )?;
    }
    Ok(())
}
