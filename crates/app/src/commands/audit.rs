//! `frontrow audit`: every invariant, checked on live data.

use crate::{
    failure::Failure,
    output::say,
    settings::Settings,
    wiring::{OpenStorage, Purpose},
};
use frontrow_domain::audit::{Report, service::audit};
use frontrow_persistence::metrics::StoreMetrics;

/// Prints a table of all invariants.
///
/// # Errors
/// The storage brought no answer, or an invariant is violated.
pub async fn run(settings: &Settings) -> Result<(), Failure> {
    settings.check_lasting()?;
    let open = OpenStorage::open(settings, Purpose::Inspect, &StoreMetrics::default()).await?;
    let report = audit(&*open.storage.books).await;
    open.close().await;
    let report = report?;
    say(&table(&report))?;
    let violated = report.checks.iter().filter(|check| check.violations > 0).count();
    match violated {
        0 => Ok(()),
        1 => Err(Failure::Runtime("an invariant is violated".to_owned())),
        more => Err(Failure::Runtime(format!("{more} invariants are violated"))),
    }
}

fn table(report: &Report) -> String {
    let mut lines = vec!["     violations  statement".to_owned()];
    for check in &report.checks {
        let (name, violations) = (check.invariant.name(), check.violations);
        lines.push(format!("{name:<4} {violations:>10}  {}", check.invariant.statement()));
        lines.extend(check.sample.iter().map(|found| format!("{:17}- {found}", "")));
    }
    lines.push(String::new());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontrow_domain::audit::{Check, Invariant};

    #[test]
    fn a_violation_shows_with_its_sample() {
        let check = |invariant, sample: Vec<String>| Check {
            invariant,
            violations: sample.len() as u64,
            sample,
        };
        let sold_twice = vec!["seat 7 is sold 2 times".to_owned()];
        let checks = vec![check(Invariant::I1, sold_twice), check(Invariant::I2, Vec::new())];
        let shown = table(&Report { checks });
        let lines: Vec<_> = shown.lines().collect();
        assert!(
            lines[1].starts_with("I1            1  no seat is sold twice"),
            "{shown}"
        );
        assert_eq!(lines[2].trim(), "- seat 7 is sold 2 times");
        assert!(lines[3].starts_with("I2            0  "), "{shown}");
    }
}
