//! The document.

use crate::{
    ground::Scale,
    ledger::Ledger,
    rows::{Claim, Outcome, Target, Unit, Wanted, grouped},
    service::SETTINGS,
    stats::Spread,
    surroundings::Surroundings,
};
use anyhow::Result;
use std::fmt::Write as _;

const METHOD: &str = include_str!("method.md");

/// Renders everything that was measured.
///
/// # Errors
/// A row's figure is missing.
pub fn render(wanted: &Wanted, ledger: &Ledger, scale: &Scale, place: &Surroundings) -> Result<String> {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `make bench`. Load client, service and database shared one machine; each figure stands \
         beside its\nreference, measured in the same run.\n\n",
    );
    text.push_str(&table(wanted, ledger, scale)?);
    text.push('\n');
    surroundings(&mut text, place)?;
    writeln!(
        text,
        "\nRounds: {}, of {} s a measurement. A ratio is that of one round; what is told is their median (least to greatest).\n",
        scale.rounds, scale.seconds
    )?;
    text.push_str(METHOD);
    Ok(text)
}

/// The table alone.
///
/// # Errors
/// A row's figure is missing.
pub fn table(wanted: &Wanted, ledger: &Ledger, scale: &Scale) -> Result<String> {
    let mut text =
        String::from("| work | reference | target | measured | figures: work / reference |\n|---|---|---|---|---|\n");
    for row in &wanted.rows {
        let claim = row.claim(scale);
        writeln!(text, "{}", line(&claim, ledger)?)?;
    }
    Ok(text)
}

fn line(claim: &Claim, ledger: &Ledger) -> Result<String> {
    let figure = ledger.spread(claim.figure)?;
    let (result, figures) = match claim.divided_by {
        Some(reference) => {
            let divisor = ledger.spread(reference)?;
            let figures = format!(
                "{} / {}",
                shown(figure.median, claim.unit),
                shown(divisor.median, claim.unit)
            );
            (ledger.ratio(claim.figure, reference)?, figures)
        }
        None => (figure, "–".to_owned()),
    };
    let outcome = match claim.target.judge(result.median) {
        Outcome::Missed => ": missed",
        Outcome::Met => ": met",
        Outcome::Reached => ": goal reached",
        Outcome::Known => "",
    };
    let measured = measured(result, claim);
    let (work, reference, target) = (&claim.work, &claim.reference, required(claim));
    Ok(format!(
        "| {work} | {reference} | {target} | {measured}{outcome} | {figures} |"
    ))
}

fn measured(result: Spread, claim: &Claim) -> String {
    let Spread {
        median,
        least,
        greatest,
    } = result;
    if claim.divided_by.is_some() {
        format!("**{median:.2}×** ({least:.2}–{greatest:.2})")
    } else if least < greatest {
        let [median, least, greatest] = [median, least, greatest].map(|value| shown(value, claim.unit));
        format!("**{median}** ({least}–{greatest})")
    } else {
        format!("**{}**", shown(median, claim.unit))
    }
}

fn required(claim: &Claim) -> String {
    match claim.target {
        Target::AtLeast(least, Some(goal)) => format!("≥ {least}×, goal {goal}×"),
        Target::AtLeast(least, None) => format!("≥ {least}×"),
        Target::AtMost(most) if claim.divided_by.is_some() => format!("≤ {most}×"),
        Target::AtMost(most) => format!("≤ {}", shown(most, claim.unit)),
        Target::Known => "–".to_owned(),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are positive, and far from the bounds of a number"
)]
fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", grouped(value.round() as u64)),
        Unit::Micros => format!("{:.2} ms", value / 1_000.0),
        Unit::Bytes => format!("{} bytes", grouped(value.round() as u64)),
    }
}

fn surroundings(text: &mut String, place: &Surroundings) -> Result<()> {
    let settings = |pairs: &mut dyn Iterator<Item = String>| pairs.collect::<Vec<_>>().join(", ");
    let postgres = settings(
        &mut place
            .postgres_settings
            .iter()
            .map(|(name, value)| format!("`{name} = {value}`")),
    );
    let service = settings(&mut SETTINGS.iter().map(|(name, value)| format!("`{name}={value}`")));
    writeln!(text, "| | |\n|---|---|")?;
    writeln!(text, "| date | {} |", place.date)?;
    writeln!(text, "| command | `{}` |", place.command)?;
    writeln!(
        text,
        "| machine | {} cores, {}, {:.1} GiB of memory |",
        place.cores,
        place.processor,
        place.memory_mib as f64 / 1024.0
    )?;
    writeln!(
        text,
        "| versions | {}, PostgreSQL {}, {} |",
        place.frontrow, place.postgres, place.rustc
    )?;
    writeln!(text, "| PostgreSQL | {postgres} |")?;
    writeln!(
        text,
        "| SQLite | as the service always opens it: WAL, `synchronous = FULL` |"
    )?;
    writeln!(text, "| service | release build; {service} |")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::Figure, rows::Row};

    #[test]
    fn a_row_shows_its_ratio_and_the_figures_beside_each_other() {
        let mut ledger = Ledger::default();
        for (holds, reference) in [(28_000.0, 7_000.0), (21_000.0, 7_000.0), (24_500.0, 7_000.0)] {
            ledger.add(Figure::HoldsPostgres, holds);
            ledger.add(Figure::HoldsPgbench, reference);
        }
        let wanted = Wanted::new(&[Row::Holds], &Scale::FULL);
        let table = table(&wanted, &ledger, &Scale::FULL).unwrap();
        let row = table.lines().last().unwrap();
        assert!(
            row.contains("| ≥ 3×, goal 4× | **3.50×** (3.00–4.00): met | 24,500/s / 7,000/s |"),
            "{row}"
        );
    }

    #[test]
    fn what_has_no_reference_is_shown_in_its_unit() {
        let mut ledger = Ledger::default();
        ledger.add(Figure::BytesPerFan, 1_240.0);
        let wanted = Wanted::new(&[Row::Memory], &Scale::FULL);
        let table = table(&wanted, &ledger, &Scale::FULL).unwrap();
        assert!(
            table.contains("| – | ≤ 200 bytes | **1,240 bytes**: missed | – |"),
            "{table}"
        );
    }

    #[test]
    fn what_has_no_reference_is_shown_with_its_spread() {
        let mut ledger = Ledger::default();
        for micros in [41_000.0, 52_500.0, 39_000.0] {
            ledger.add(Figure::Tick, micros);
        }
        let wanted = Wanted::new(&[Row::Tick], &Scale::FULL);
        let table = table(&wanted, &ledger, &Scale::FULL).unwrap();
        assert!(
            table.contains("| – | ≤ 100.00 ms | **41.00 ms** (39.00 ms–52.50 ms): met | – |"),
            "{table}"
        );
    }

    #[test]
    fn a_figure_that_was_not_measured_is_no_row() {
        let wanted = Wanted::new(&[Row::Holds], &Scale::FULL);
        assert!(table(&wanted, &Ledger::default(), &Scale::FULL).is_err());
    }
}
