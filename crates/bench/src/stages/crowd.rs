//! A long line: how fast fans join it, and how long it takes to let some of them in.

use crate::{
    ground::{CONNECTIONS, Ground},
    ledger::{Figure, Ledger},
    load::{Done, Once},
    pgbench::{Length, Run},
    postgres::Database,
    reference::CLIENTS,
    rows::Wanted,
    service::{self, Service},
    show::{Gate, MOST_SEATS, Show, sign_up},
    stats::Spread,
};
use anyhow::{Context as _, Result, ensure};
use std::{path::PathBuf, time::Duration};

const CROWD: &str = include_str!("../../sql/crowd.sql");
const JOIN: &str = include_str!("../../pgbench/join.sql");
const INSERT: &str = include_str!("../../pgbench/insert.sql");

const WARM_UP_JOINS: usize = 8_000;

/// The ids of what each run of pgbench adds begin at a multiple of this.
const APART: u64 = 1_000_000_000;

/// The most fans that the service lets in at once.
const AT_ONCE: u64 = 1_000;

/// So many are let in in each round, unless fewer wait.
const LET_IN: u64 = 20_000;

/// Every figure, over all rounds. The line is made once: what a round adds and takes is little to it.
pub async fn all(ground: &Ground, wanted: &Wanted, ledger: &mut Ledger) -> Result<()> {
    let mut crowd = Crowd::gather(ground).await?;
    for _ in 0..ground.scale.rounds {
        if wanted.wants(Figure::JoinsPgbench) {
            let best = crowd.best_rate(&crowd.by_hand.clone()).await?;
            ledger.add(Figure::JoinsPgbench, best);
        }
        if wanted.wants(Figure::InsertsPgbench) {
            let best = crowd.best_rate(&crowd.bare.clone()).await?;
            ledger.add(Figure::InsertsPgbench, best);
        }
        if wanted.wants(Figure::Joins) {
            ledger.add(Figure::Joins, &crowd.joins().await?);
        }
        if wanted.wants(Figure::Tick) {
            ledger.add(Figure::Tick, crowd.median_tick().await?);
        }
    }
    service::run(ground, crowd.database.url(), "audit").await?;
    ground.postgres.drop(crowd.database).await
}

/// What pgbench runs.
#[derive(Clone)]
struct Script {
    path: PathBuf,
    /// Whether its numbers are from the sequence and not from the line's row.
    has_own_numbers: bool,
}

/// Fans who wait behind a gate that is paused unless they are to be let in.
struct Crowd<'g> {
    ground: &'g Ground,
    database: Database,
    show: Show,
    by_hand: Script,
    bare: Script,
    runs: u64,
}

impl<'g> Crowd<'g> {
    async fn gather(ground: &'g Ground) -> Result<Self> {
        let database = ground.postgres.create().await?;
        let service = Service::start(ground, database.url()).await?;
        let show = Show::of_seats(&service, MOST_SEATS, Gate::Paused).await?;
        service.stop().await?;
        let fill = CROWD
            .replace("{schedule}", &show.schedule_id)
            .replace("{fans}", &ground.scale.many_waiting.to_string());
        database.execute(&fill).await?;
        let script = |text: &str, has_own_numbers| {
            let path = ground.path("join.sql");
            std::fs::write(&path, text)?;
            anyhow::Ok(Script { path, has_own_numbers })
        };
        Ok(Self {
            ground,
            database,
            show,
            by_hand: script(JOIN, false)?,
            bare: script(INSERT, true)?,
            runs: 0,
        })
    }

    /// How many numbers were given out.
    async fn issued(&self) -> Result<u64> {
        let issued = format!(
            "SELECT issued FROM lines WHERE schedule_id = '{}'",
            self.show.schedule_id
        );
        self.database.number(&issued).await
    }

    /// Insists that so many places were added behind this number, and that the line knows of them.
    async fn expect_added(&self, before: u64, added: u64) -> Result<()> {
        let behind = format!(
            "SELECT count(*) FROM queue_tokens WHERE schedule_id = '{}' AND number > {before}",
            self.show.schedule_id
        );
        let (there, issued) = (self.database.number(&behind).await?, self.issued().await? - before);
        ensure!(
            there == added && issued == added,
            "{added} places were counted, {there} are there, {issued} numbers were given out"
        );
        Ok(())
    }

    /// The rate of the best number of clients.
    async fn best_rate(&mut self, script: &Script) -> Result<f64> {
        let mut best = 0.0_f64;
        for clients in CLIENTS {
            self.database.settle().await?;
            best = best.max(self.rate(script, clients).await?);
        }
        Ok(best)
    }

    async fn rate(&mut self, script: &Script, clients: u64) -> Result<f64> {
        self.runs += 1;
        let before = self.issued().await?;
        if script.has_own_numbers {
            let next = format!("SELECT setval('numbers', {before})");
            self.database.number(&next).await?;
        }
        let variables = [
            ("schedule", self.show.schedule_id.clone()),
            ("first", (self.runs * APART).to_string()),
            ("stride", (APART / clients).to_string()),
            ("i", "-1".to_owned()),
        ];
        let run = Run {
            database: self.database.url(),
            script: &script.path,
            clients,
            length: Length::Seconds(self.ground.scale.seconds),
            variables: &variables,
            log_prefix: None,
        };
        let report = self.ground.pgbench.run(&run).await?;
        if script.has_own_numbers {
            let note = format!(
                "UPDATE lines SET issued = issued + {} WHERE schedule_id = '{}'",
                report.transactions, self.show.schedule_id
            );
            self.database.execute(&note).await?;
        }
        self.expect_added(before, report.transactions).await?;
        Ok(report.per_second)
    }

    /// Fans who are signed up join over HTTP, each for themselves.
    async fn joins(&self) -> Result<Done> {
        let service = Service::start(self.ground, self.database.url()).await?;
        let mut crew = service.crew(CONNECTIONS).await?;
        let accounts = sign_up(&mut crew, WARM_UP_JOINS).await?;
        let warm_up = Once::new(self.show.joins(&accounts), 201);
        let rate = crew.work(&warm_up, None).await?.rate();

        let fans = self.ground.scale.enough(rate, WARM_UP_JOINS);
        let accounts = sign_up(&mut crew, fans).await?;
        self.database.settle().await?;
        let before = self.issued().await?;
        let joins = Once::new(self.show.joins(&accounts), 201);
        let mut crew = service.crew(CONNECTIONS).await?;
        let done = crew.work(&joins, Some(self.ground.scale.time())).await?;
        self.expect_added(before, done.count).await?;
        service.stop().await?;
        Ok(done)
    }

    /// The gate is opened wide, so that more fans are due than are let in at once and one tick follows
    /// the other. From the moment of one to the moment of the next is what one takes, with all that
    /// the service does for it.
    async fn median_tick(&self) -> Result<f64> {
        const EVERY: Duration = Duration::from_millis(50);
        self.database.settle().await?;
        let service = Service::start(self.ground, self.database.url()).await?;
        let id = &self.show.schedule_id;
        let admitted = format!("SELECT admitted FROM gates WHERE schedule_id = '{id}'");
        let before = self.database.number(&admitted).await?;
        let enough = before + LET_IN.min(self.ground.scale.many_waiting as u64 / 2);
        self.show.set_gate(&service, Gate::Open).await?;
        while self.database.number(&admitted).await? < enough {
            tokio::time::sleep(EVERY).await;
        }
        self.show.set_gate(&service, Gate::Paused).await?;
        service.stop().await?;
        let ticks = format!(
            "WITH ticks AS (
                 SELECT activated_at, count(*) AS many FROM queue_tokens
                 WHERE schedule_id = '{id}' AND number > {before} AND activated_at IS NOT NULL GROUP BY activated_at),
             gaps AS (SELECT many, lead(activated_at) OVER (ORDER BY activated_at) - activated_at AS took FROM ticks)
             SELECT (extract(epoch FROM took) * 1000000)::bigint FROM gaps
             WHERE many = {AT_ONCE} AND took IS NOT NULL"
        );
        let ticks = self.database.numbers(&ticks).await?;
        ensure!(ticks.len() >= 3, "there were only {} full ticks", ticks.len());
        eprintln!(
            "    {} ticks, the longest {:.0} µs",
            ticks.len(),
            ticks.iter().copied().fold(0.0, f64::max)
        );
        Ok(Spread::of(&ticks).context("nobody was let in")?.median)
    }
}
