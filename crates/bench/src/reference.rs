//! The reference: pgbench runs the same transactions one by one, against the same schema with the
//! same number of rows.

use crate::{
    ground::Ground,
    pgbench::{Length, Report, Run, logged_micros},
    postgres::Database,
    service,
    stats::Spread,
};
use anyhow::{Context as _, Result, ensure};
use std::path::PathBuf;

const HOLD: &str = include_str!("../pgbench/hold.sql");
const PAY: &str = include_str!("../pgbench/pay.sql");

/// How many clients pgbench is given; the best of them counts.
pub const CLIENTS: [u64; 3] = [8, 16, 32];

/// A stage is filled up to a number that all of [`CLIENTS`] divide, times the seats of a fan.
const EVEN: u64 = 128;

const FILL: &str = include_str!("../sql/reference.sql");

/// The numbers of a performance's rows begin at a multiple of this.
const APART: u64 = 100_000_000;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transactions {
    /// Holds; each fan holds four seats, one after another.
    Holds,
    /// A hold and its payment; each fan has one seat.
    Pairs,
}

impl Transactions {
    fn seats_per_fan(self) -> u64 {
        match self {
            Transactions::Holds => 4,
            Transactions::Pairs => 1,
        }
    }

    fn script(self) -> String {
        match self {
            Transactions::Holds => HOLD.to_owned(),
            Transactions::Pairs => format!("{HOLD}{PAY}"),
        }
    }
}

/// A database for pgbench.
pub struct Reference<'g> {
    ground: &'g Ground,
    database: Database,
    kind: Transactions,
    script: PathBuf,
    stages: u64,
}

/// A performance in it that nobody has booked yet.
struct Stage {
    schedule_id: String,
    first: u64,
    seats: u64,
}

impl<'g> Reference<'g> {
    /// Makes the database, warmed up; answers how fast that went, in transactions a second.
    ///
    /// # Errors
    /// PostgreSQL or pgbench refuses.
    pub async fn new(ground: &'g Ground, kind: Transactions) -> Result<(Self, f64)> {
        const SEATS: u64 = 8_064;
        const WARMING: u64 = 16;
        let script = ground.path("reference.sql");
        std::fs::write(&script, kind.script())?;
        let database = ground.postgres.create().await?;
        service::run(ground, database.url(), "migrate").await?;
        let mut reference = Self {
            ground,
            database,
            kind,
            script,
            stages: 0,
        };
        let stage = reference.fill(SEATS).await?;
        let length = Length::Transactions(SEATS / WARMING);
        let report = reference.run(&stage, WARMING, length, None).await?;
        Ok((reference, report.per_second))
    }

    /// The rate of the best number of clients.
    ///
    /// # Errors
    /// A transaction failed, or rows were not changed as they should.
    pub async fn best_rate(&mut self, seats: usize) -> Result<f64> {
        let mut stages = Vec::new();
        for clients in CLIENTS {
            stages.push((clients, self.fill(seats as u64).await?));
        }
        let mut best = 0.0_f64;
        for (clients, stage) in stages {
            let report = self.measure(&stage, clients, None).await?;
            best = best.max(report.per_second);
        }
        Ok(best)
    }

    /// The median time of one client's transaction, in microseconds.
    ///
    /// # Errors
    /// As [`Self::best_rate`].
    pub async fn median_micros(&mut self, seats: usize) -> Result<f64> {
        let stage = self.fill(seats as u64).await?;
        let prefix = self.ground.path("transactions");
        self.measure(&stage, 1, Some(prefix.clone())).await?;
        let times = logged_micros(&prefix)?;
        Ok(Spread::of(&times).context("pgbench logged nothing")?.median)
    }

    /// Audits what pgbench left behind, and removes it.
    ///
    /// # Errors
    /// The rows are not what the service would have made of them.
    pub async fn finish(self) -> Result<()> {
        service::run(self.ground, self.database.url(), "audit").await?;
        self.ground.postgres.drop(self.database).await
    }

    /// Runs the script on a settled stage, and insists that all rows were found by their keys: a
    /// reference that read whole tables would be slow for a reason of its own.
    async fn measure(&self, stage: &Stage, clients: u64, log: Option<PathBuf>) -> Result<Report> {
        self.database.settle().await?;
        let before = self.whole_reads().await?;
        let length = Length::Seconds(self.ground.scale.seconds);
        let report = self.run(stage, clients, length, log).await?;
        let read = self.whole_reads().await? - before;
        ensure!(read == 0, "pgbench's statements read a whole table {read} times");
        Ok(report)
    }

    /// Runs the script, and insists that each transaction changed its rows.
    async fn run(&self, stage: &Stage, clients: u64, length: Length, log: Option<PathBuf>) -> Result<Report> {
        let variables = [
            ("schedule", stage.schedule_id.clone()),
            ("first", stage.first.to_string()),
            ("stride", (stage.seats / clients).to_string()),
            ("seats_per_fan", self.kind.seats_per_fan().to_string()),
            ("i", "-1".to_owned()),
        ];
        let run = Run {
            database: self.database.url(),
            script: &self.script,
            clients,
            length,
            variables: &variables,
            log_prefix: log.as_deref(),
        };
        let report = self.ground.pgbench.run(&run).await?;
        let status = match self.kind {
            Transactions::Holds => "held",
            Transactions::Pairs => "sold",
        };
        let changed = format!(
            "SET enable_seqscan = off;
             SELECT count(*) FROM seats s JOIN reservations r USING (schedule_id, reservation_id)
             WHERE s.schedule_id = '{}' AND s.status = '{status}' AND r.seat_numbers = ARRAY[s.number]",
            stage.schedule_id
        );
        let (changed, expected) = (self.database.number(&changed).await?, report.transactions);
        ensure!(
            changed == expected,
            "pgbench counts {expected} and changed {changed} seats"
        );
        Ok(report)
    }

    /// How often a table that grows was read from end to end so far.
    async fn whole_reads(&self) -> Result<u64> {
        let sum = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables
             WHERE relname IN ('queue_tokens', 'seats', 'reservations', 'wallets', 'payments')";
        self.database.number(sum).await
    }

    /// Adds a performance, its fans inside, their wallets charged where they are to pay. The audit
    /// has to find nothing wrong with it.
    async fn fill(&mut self, seats: u64) -> Result<Stage> {
        self.stages += 1;
        let per_fan = self.kind.seats_per_fan();
        let stage = Stage {
            schedule_id: format!("{:032}", self.stages),
            first: self.stages * APART,
            seats: seats.next_multiple_of(EVEN),
        };
        let fill = FILL
            .replace("{schedule}", &stage.schedule_id)
            .replace("{seats}", &stage.seats.to_string())
            .replace("{fans}", &(stage.seats / per_fan).to_string())
            .replace("{first_fan}", &(stage.first / per_fan).to_string());
        self.database.execute(&fill).await?;
        Ok(stage)
    }
}
