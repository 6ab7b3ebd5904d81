//! The account as one page: no script, no request to anywhere.

use super::{
    Report,
    latency::shown,
    plot::{Line, Plot, escaped},
    text,
};
use crate::{live::Sample, tally::End};
use std::fmt::Write as _;

const STYLE: &str = include_str!("style.css");

/// The most points of a line over time.
const MOST_POINTS: usize = 720;

pub(super) fn render(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) -> std::fmt::Result {
    let what = &report.rehearsal;
    writeln!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>frontrow rehearsal, seed {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Rehearsal of an on-sale</h1>",
        what.seed
    )?;
    paragraph(
        page,
        &format!(
            "{} (frontrow {}), {}, seed {}",
            what.server, what.server_version, what.started_at, what.seed
        ),
    )?;
    paragraph(page, &text::crowd(report))?;
    verdict(page, report)?;
    summary(page, report)?;
    latencies(page, report)?;
    refusals(page, report)?;
    over_time(page, &report.series)?;
    audit(page, report)?;
    writeln!(page, "</body>\n</html>")
}

fn paragraph(page: &mut String, text: &str) -> std::fmt::Result {
    writeln!(page, "<p>{}</p>", escaped(text))
}

fn verdict(page: &mut String, report: &Report) -> std::fmt::Result {
    let (class, word) = match (report.findings.is_empty(), report.finished) {
        (false, _) => ("bad", "Not well"),
        (true, false) => ("so-so", "Interrupted"),
        (true, true) => ("good", "All is well"),
    };
    writeln!(page, "<section class=\"{class}\"><h2>{word}</h2><ul>")?;
    for sentence in report.findings.iter().chain(&report.notes) {
        writeln!(page, "<li>{}</li>", escaped(sentence))?;
    }
    for (name, sentence) in [
        ("Seats", text::seats(report)),
        ("Fairness", text::fairness(report)),
        ("Audit", text::audit(report)),
    ] {
        writeln!(page, "<li>{name}: {}</li>", escaped(&sentence))?;
    }
    writeln!(page, "</ul></section>")
}

fn summary(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "<h2>Fans</h2>\n<table><tbody>")?;
    let mut row = |count: u64, words: &str| writeln!(page, "<tr><td>{count}</td><th scope=\"row\">{words}</th></tr>");
    row(report.fans.arrived, &format!("arrived in {:.1} s", report.seconds))?;
    for end in End::ALL {
        if let Some(count) = report.fans.ends.get(&end) {
            row(*count, end.words())?;
        }
    }
    row(report.fans.waiting, "still in line")?;
    row(report.fans.inside, "still inside")?;
    writeln!(page, "</tbody></table>")
}

fn latencies(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(
        page,
        "<h2>Latency</h2>\n<p>In milliseconds, from the moment a step was due (by the arrival schedule, by \
         poll_after_seconds, by the end of thinking) to its answer, not from when a connection was free. \
         “Server” counts from having a connection.</p>\n<table><thead><tr><th>step</th><th>count</th>\
         <th>per second</th><th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th><th>server p50</th>\
         <th>server p99</th></tr></thead><tbody>"
    )?;
    for step in &report.steps {
        write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{:.1}</td>",
            step.step.name(),
            step.count,
            step.per_second
        )?;
        let felt = &step.felt;
        let served = &step.served;
        for value in [
            felt.p50_ms,
            felt.p90_ms,
            felt.p99_ms,
            felt.p999_ms,
            felt.max_ms,
            served.p50_ms,
            served.p99_ms,
        ] {
            write!(page, "<td>{}</td>", shown(value))?;
        }
        writeln!(page, "</tr>")?;
    }
    let (client, answers) = (&report.client, &report.answers);
    writeln!(
        page,
        "</tbody></table>\n<p>Calls waited p50 {} and p99 {} ms for one of the {} connections and began p50 {} and \
         p99 {} ms late. {} answers, {:.0} a second, {:.0} in the best second.</p>",
        shown(client.queued.p50_ms),
        shown(client.queued.p99_ms),
        report.rehearsal.connections,
        shown(client.late.p50_ms),
        shown(client.late.p99_ms),
        answers.count,
        answers.per_second,
        answers.peak_per_second,
    )?;
    writeln!(page, "<h3>Milliseconds by percentile</h3>")?;
    let marks = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99];
    let plot = Plot {
        title: "Latency of each step by percentile, logarithmic",
        lines: report
            .steps
            .iter()
            .map(|step| distribution(step.step.name(), &step.felt.distribution))
            .collect(),
        marks: marks
            .map(|percentile| (nines(percentile), percentile.to_string()))
            .to_vec(),
        logarithmic: true,
    };
    page.push_str(&plot.render());
    Ok(())
}

fn distribution(name: &str, points: &[(f64, f64)]) -> Line {
    Line {
        name: name.to_owned(),
        points: points
            .iter()
            .map(|(percentile, ms)| (nines(*percentile), *ms))
            .collect(),
    }
}

/// Where a percentile is drawn: each nine takes as much room as the one before. The last is where 99.995 would be.
fn nines(percentile: f64) -> f64 {
    let beyond = (1.0 - percentile / 100.0).max(0.000_05);
    -beyond.log10()
}

fn refusals(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "<h2>Refusals by code</h2>")?;
    if report.refusals.is_empty() {
        return writeln!(page, "<p>None.</p>");
    }
    writeln!(
        page,
        "<table><thead><tr><th>step</th><th>code</th><th>count</th></tr></thead><tbody>"
    )?;
    for refusal in &report.refusals {
        writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><th>{}</th><td>{}</td></tr>",
            refusal.step.name(),
            escaped(&refusal.code),
            refusal.count
        )?;
    }
    writeln!(page, "</tbody></table>")
}

fn over_time(page: &mut String, series: &[Sample]) -> std::fmt::Result {
    let every = series.len().div_ceil(MOST_POINTS).max(1);
    let last = series.len().saturating_sub(1);
    let kept = series.iter().enumerate();
    let kept: Vec<_> = kept
        .filter(|(index, _)| index % every == 0 || *index == last)
        .map(|(_, sample)| *sample)
        .collect();
    let level = |name: &str, number: fn(&Sample) -> u64| Line {
        name: name.to_owned(),
        points: kept
            .iter()
            .map(|sample| (sample.second, number(sample) as f64))
            .collect(),
    };
    let rate = |name: &str, number: fn(&Sample) -> u64| Line {
        name: name.to_owned(),
        points: kept.windows(2).filter_map(|pair| rate(pair, number)).collect(),
    };
    for (title, lines) in [
        (
            "Fans waiting and inside",
            vec![level("waiting", |at| at.waiting), level("inside", |at| at.inside)],
        ),
        (
            "Seats held and sold",
            vec![level("held so far", |at| at.held), level("sold so far", |at| at.sold)],
        ),
        (
            "Fans and seats a second",
            vec![
                rate("joined", |at| at.joined),
                rate("let in", |at| at.admitted),
                rate("sold", |at| at.sold),
            ],
        ),
        (
            "Answers and refusals a second",
            vec![rate("answers", |at| at.answers), rate("refusals", |at| at.refusals)],
        ),
    ] {
        writeln!(page, "<h3>{title}, by second of the sale</h3>")?;
        let plot = Plot {
            title,
            lines,
            marks: Vec::new(),
            logarithmic: false,
        };
        page.push_str(&plot.render());
    }
    Ok(())
}

fn rate(pair: &[Sample], number: fn(&Sample) -> u64) -> Option<(f64, f64)> {
    let seconds = pair[1].second - pair[0].second;
    let more = number(&pair[1]).saturating_sub(number(&pair[0]));
    // A rate of a few milliseconds at the end would be a peak that never was.
    (seconds >= 0.5).then(|| (pair[1].second, more as f64 / seconds))
}

fn audit(page: &mut String, report: &Report) -> std::fmt::Result {
    let Some(audit) = &report.audit else { return Ok(()) };
    writeln!(
        page,
        "<h2>Audit</h2>\n<table><thead><tr><th>invariant</th><th>statement</th><th>violations</th></tr></thead><tbody>"
    )?;
    for check in &audit.checks {
        writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><th>{}</th><td>{}</td></tr>",
            escaped(&check.invariant),
            escaped(&check.statement),
            check.violations
        )?;
    }
    writeln!(page, "</tbody></table>")
}
