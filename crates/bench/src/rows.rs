//! What is claimed: the rows of the table.

use crate::{ground::Scale, ledger::Figure};
use clap::ValueEnum;

/// A row, by the name that `--only` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Row {
    /// Holds of distinct seats against pgbench.
    Holds,
    /// Holds with their payments against pgbench.
    Pairs,
    /// One seat wanted by all against distinct seats.
    OneSeat,
    /// Holds on SQLite against PostgreSQL.
    Sqlite,
    /// One connection's hold against one pgbench client's.
    Latency,
    /// Polls against a bare endpoint.
    Poll,
    /// A seat map against a bare endpoint.
    SeatMap,
    /// A seat map that has not changed against a bare endpoint.
    NotModified,
    /// A long line against a short one.
    LongLine,
    /// Large tables against small ones.
    LargeTables,
    /// Memory of those who wait.
    Memory,
}

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// At least this; better, at least that.
    AtLeast(f64, Option<f64>),
    /// At most this.
    AtMost(f64),
}

/// How a figure came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Not as it has to be.
    Missed,
    /// As it has to be.
    Met,
    /// As it should be.
    Reached,
}

impl Target {
    /// How this value comes out.
    #[must_use]
    pub fn judge(self, value: f64) -> Outcome {
        match self {
            Target::AtLeast(_, Some(goal)) if value >= goal => Outcome::Reached,
            Target::AtLeast(least, _) if value >= least => Outcome::Met,
            Target::AtMost(most) if value <= most => Outcome::Met,
            Target::AtLeast(..) | Target::AtMost(_) => Outcome::Missed,
        }
    }
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// So many a second.
    PerSecond,
    /// Microseconds.
    Micros,
    /// Bytes.
    Bytes,
}

/// What a row says.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What is measured.
    pub work: String,
    /// What it is compared to; nothing when it stands for itself.
    pub reference: String,
    /// What has to come out.
    pub target: Target,
    /// The figure.
    pub figure: Figure,
    /// Whatever it is divided by.
    pub divided_by: Option<Figure>,
    /// The unit of both.
    pub unit: Unit,
}

impl Row {
    /// What the row says at this scale.
    #[must_use]
    pub fn claim(self, scale: &Scale) -> Claim {
        use Figure as F;
        let rate = |work: &str, reference: &str, least: f64, goal, figure, divided_by| Claim {
            work: work.to_owned(),
            reference: reference.to_owned(),
            target: Target::AtLeast(least, goal),
            figure,
            divided_by: Some(divided_by),
            unit: Unit::PerSecond,
        };
        let (few, many) = (grouped(scale.few_waiting as u64), grouped(scale.many_waiting as u64));
        match self {
            Row::Holds => rate(
                "Holds of distinct seats, PostgreSQL, 256 connections",
                "pgbench, the same hold one by one",
                3.0,
                Some(4.0),
                F::HoldsPostgres,
                F::HoldsPgbench,
            ),
            Row::Pairs => rate(
                "Hold and pay, PostgreSQL, 256 connections",
                "pgbench, the same hold and payment one by one",
                2.0,
                Some(3.0),
                F::PairsPostgres,
                F::PairsPgbench,
            ),
            Row::OneSeat => rate(
                "One seat wanted by all (refusals), PostgreSQL, 256 connections",
                "holds of distinct seats, PostgreSQL",
                1.5,
                None,
                F::RefusalsPostgres,
                F::HoldsPostgres,
            ),
            Row::Sqlite => rate(
                "Holds of distinct seats, SQLite, 256 connections",
                "holds of distinct seats, PostgreSQL",
                1.0,
                None,
                F::HoldsSqlite,
                F::HoldsPostgres,
            ),
            Row::Latency => Claim {
                target: Target::AtMost(1.5),
                unit: Unit::Micros,
                ..rate(
                    "Median time of a hold, PostgreSQL, 1 connection",
                    "pgbench, the same hold, 1 client",
                    0.0,
                    None,
                    F::LatencyPostgres,
                    F::LatencyPgbench,
                )
            },
            Row::Poll => rate(
                "Poll while waiting, 256 connections",
                "bare endpoint, a JSON body of the same size",
                0.8,
                None,
                F::Polls,
                F::BareJson,
            ),
            Row::SeatMap => rate(
                &format!(
                    "Seat map of {} seats, unchanged, 16 connections",
                    grouped(scale.hall.into())
                ),
                "bare endpoint, the same bytes",
                0.7,
                None,
                F::SeatMaps,
                F::BareMap,
            ),
            Row::NotModified => rate(
                "The same with a matching ETag (304), 256 connections",
                "bare endpoint, the JSON body of a poll",
                0.5,
                None,
                F::NotModified,
                F::BareJson,
            ),
            Row::LongLine => rate(
                &format!("Poll with {many} fans waiting, 256 connections"),
                &format!("the same with {few} waiting"),
                0.9,
                None,
                F::PollsMany,
                F::PollsFew,
            ),
            Row::LargeTables => rate(
                &format!("Holds with {} sold seats in the tables", grouped(scale.many_sold)),
                &format!("the same with {}", grouped(scale.few_sold)),
                0.8,
                None,
                F::HoldsManySold,
                F::HoldsFewSold,
            ),
            Row::Memory => Claim {
                work: format!("Memory of the service with {many} fans waiting, less when idle, for each fan"),
                reference: "–".to_owned(),
                target: Target::AtMost(200.0),
                figure: F::BytesPerFan,
                divided_by: None,
                unit: Unit::Bytes,
            },
        }
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Which rows are wanted.
pub struct Wanted {
    /// In the order of the table.
    pub rows: Vec<Row>,
    figures: Vec<Figure>,
}

impl Wanted {
    /// These rows, or all when none is named.
    #[must_use]
    pub fn new(only: &[Row], scale: &Scale) -> Self {
        let all = Row::value_variants().iter().copied();
        let rows: Vec<Row> = all.filter(|row| only.is_empty() || only.contains(row)).collect();
        let claims = rows.iter().map(|row| row.claim(scale));
        let figures = claims.flat_map(|claim| [Some(claim.figure), claim.divided_by]);
        Self {
            figures: figures.flatten().collect(),
            rows,
        }
    }

    /// Whether it is all there is.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.rows.len() == Row::value_variants().len()
    }

    /// Whether a row needs the figure.
    #[must_use]
    pub fn wants(&self, figure: Figure) -> bool {
        self.figures.contains(&figure)
    }

    /// Whether a row needs one of the figures.
    #[must_use]
    pub fn wants_any(&self, figures: &[Figure]) -> bool {
        figures.iter().any(|figure| self.wants(*figure))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_tells_goals_from_requirements() {
        let target = Target::AtLeast(3.0, Some(4.0));
        assert_eq!(target.judge(2.99), Outcome::Missed);
        assert_eq!(target.judge(3.0), Outcome::Met);
        assert_eq!(target.judge(4.0), Outcome::Reached);
        assert_eq!(Target::AtMost(1.5).judge(1.5), Outcome::Met);
        assert_eq!(Target::AtMost(1.5).judge(1.51), Outcome::Missed);
    }

    #[test]
    fn a_row_brings_its_reference_along() {
        let wanted = Wanted::new(&[Row::Sqlite], &Scale::FULL);
        assert!(wanted.wants(Figure::HoldsSqlite) && wanted.wants(Figure::HoldsPostgres));
        assert!(!wanted.wants(Figure::HoldsPgbench) && !wanted.is_everything());
        assert!(Wanted::new(&[], &Scale::FULL).is_everything());
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([1, 1_000, 10_000_000].map(grouped), ["1", "1,000", "10,000,000"]);
    }
}
