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
    /// Places in a long line against pgbench.
    Join,
    /// The same against bare inserts.
    JoinInsert,
    /// Letting fans in from a long line.
    Tick,
    /// Polls at three instances against three bare endpoints.
    PollAnywhere,
    /// Memory of streams.
    Streams,
    /// Telling a line that everything is sold.
    SoldOut,
}

/// What a figure has to be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// At least this; better, at least that.
    AtLeast(f64, Option<f64>),
    /// At most this.
    AtMost(f64),
    /// Nothing: it is there to be known.
    Known,
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
    /// Nothing has to come out.
    Known,
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
            Target::Known => Outcome::Known,
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
        use Target::{AtLeast, AtMost, Known};
        let (target, figure, divided_by) = match self {
            Row::Holds => (AtLeast(3.0, Some(4.0)), F::HoldsPostgres, Some(F::HoldsPgbench)),
            Row::Pairs => (AtLeast(2.0, Some(3.0)), F::PairsPostgres, Some(F::PairsPgbench)),
            Row::OneSeat => (AtLeast(1.5, None), F::RefusalsPostgres, Some(F::HoldsPostgres)),
            Row::Sqlite => (AtLeast(1.0, None), F::HoldsSqlite, Some(F::HoldsPostgres)),
            Row::Latency => (AtMost(1.5), F::LatencyPostgres, Some(F::LatencyPgbench)),
            Row::Poll => (AtLeast(0.8, None), F::Polls, Some(F::BareJson)),
            Row::SeatMap => (AtLeast(0.7, None), F::SeatMaps, Some(F::BareMap)),
            Row::NotModified => (AtLeast(0.5, None), F::NotModified, Some(F::BareJson)),
            Row::LongLine => (AtLeast(0.9, None), F::PollsMany, Some(F::PollsFew)),
            Row::LargeTables => (AtLeast(0.8, None), F::HoldsManySold, Some(F::HoldsFewSold)),
            Row::Memory => (AtMost(200.0), F::BytesPerFan, None),
            Row::Join => (AtLeast(3.0, None), F::Joins, Some(F::JoinsPgbench)),
            Row::JoinInsert => (Known, F::Joins, Some(F::InsertsPgbench)),
            Row::Tick => (AtMost(100_000.0), F::Tick, None),
            Row::PollAnywhere => (AtLeast(0.8, None), F::PollsAnywhere, Some(F::BareJsonAnywhere)),
            Row::Streams => (AtMost(15_000.0), F::BytesPerStream, None),
            Row::SoldOut => (AtMost(1_000_000.0), F::SoldOut, None),
        };
        Claim {
            work: self.work(scale),
            reference: self.reference(scale),
            target,
            figure,
            divided_by,
            unit: self.unit(),
        }
    }

    fn work(self, scale: &Scale) -> String {
        let waiting = grouped(scale.many_waiting as u64);
        match self {
            Row::Holds => "Holds of distinct seats, PostgreSQL, 256 connections".to_owned(),
            Row::Pairs => "Hold and pay, PostgreSQL, 256 connections".to_owned(),
            Row::OneSeat => "One seat wanted by all (refusals), PostgreSQL, 256 connections".to_owned(),
            Row::Sqlite => "Holds of distinct seats, SQLite, 256 connections".to_owned(),
            Row::Latency => "Median time of a hold, PostgreSQL, 1 connection".to_owned(),
            Row::Poll => "Poll while waiting, 256 connections".to_owned(),
            Row::SeatMap => {
                let seats = grouped(scale.hall.into());
                format!("Seat map of {seats} seats, unchanged, 16 connections")
            }
            Row::NotModified => "The same with a matching ETag (304), 256 connections".to_owned(),
            Row::LongLine => format!("Poll with {waiting} fans waiting, 256 connections"),
            Row::LargeTables => format!("Holds with {} sold seats in the tables", grouped(scale.many_sold)),
            Row::Memory => format!("Memory of the service with {waiting} fans waiting, above idle, for each fan"),
            Row::Join => format!("Places in a line of {waiting}, PostgreSQL, 256 connections"),
            Row::JoinInsert => "The same".to_owned(),
            Row::Tick => format!("Median time of letting 1,000 fans in with {waiting} waiting"),
            Row::PollAnywhere => {
                "Poll while waiting, 256 connections, each request at one of three instances".to_owned()
            }
            Row::Streams => {
                let streams = grouped(scale.streams as u64);
                format!("Memory of the service with {streams} streams of places open, above idle, for each stream")
            }
            Row::SoldOut => {
                let told = grouped(scale.told as u64);
                format!("From the last payment's answer until {told} fans at three instances are told on their streams")
            }
        }
    }

    fn reference(self, scale: &Scale) -> String {
        match self {
            Row::Holds => "pgbench, the same hold one by one".to_owned(),
            Row::Pairs => "pgbench, the same hold and payment one by one".to_owned(),
            Row::OneSeat | Row::Sqlite => "holds of distinct seats, PostgreSQL".to_owned(),
            Row::Latency => "pgbench, the same hold, 1 client".to_owned(),
            Row::Poll => "bare endpoint, a JSON body of the same size".to_owned(),
            Row::PollAnywhere => "three bare endpoints, a JSON body of the same size".to_owned(),
            Row::SeatMap => "bare endpoint, the same bytes".to_owned(),
            Row::NotModified => "bare endpoint, the JSON body of a poll".to_owned(),
            Row::LongLine => format!("the same with {} waiting", grouped(scale.few_waiting as u64)),
            Row::LargeTables => format!("the same with {}", grouped(scale.few_sold)),
            Row::Join => "pgbench, the next number and the place one by one".to_owned(),
            Row::JoinInsert => "pgbench, the place alone, numbers from a sequence".to_owned(),
            Row::Memory | Row::Tick | Row::Streams | Row::SoldOut => "–".to_owned(),
        }
    }

    fn unit(self) -> Unit {
        match self {
            Row::Latency | Row::Tick | Row::SoldOut => Unit::Micros,
            Row::Memory | Row::Streams => Unit::Bytes,
            Row::Holds
            | Row::Pairs
            | Row::OneSeat
            | Row::Sqlite
            | Row::Poll
            | Row::SeatMap
            | Row::NotModified
            | Row::LongLine
            | Row::LargeTables
            | Row::Join
            | Row::JoinInsert
            | Row::PollAnywhere => Unit::PerSecond,
        }
    }
}

/// A number with its thousands apart.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
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
        assert_eq!(Target::Known.judge(0.0), Outcome::Known);
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
