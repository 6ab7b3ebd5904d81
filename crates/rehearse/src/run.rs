//! A rehearsal from beginning to end.

use crate::{
    arrivals,
    base::Base,
    dice::Dice,
    door::Door,
    fan::{Scene, visit},
    live::{Live, Sample},
    made::Made,
    maps::Maps,
    obstacle::Obstacle,
    operator::Operator,
    plan::{Plan, Target},
    progress::Display,
    report::{Held, Report},
    server::OwnServer,
    setup::{Ground, Preparation, Prepared, lock, look_around},
    tally::Tally,
};
use secrecy::SecretString;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet, time::Instant};

/// Parts of the tally that fans of different numbers write to.
const SHARDS: usize = 8;

/// How often the live numbers are read.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is said of an interruption by which nothing was measured yet.
pub(crate) const TOO_EARLY: &str = "interrupted before the sale opened";

/// An on-sale that can be rehearsed.
pub struct Rehearsal {
    plan: Plan,
    executable: PathBuf,
    made: Mutex<Made>,
}

impl Rehearsal {
    /// A rehearsal by this plan. `executable` is the server's, in case the plan is to start one.
    #[must_use]
    pub fn new(plan: Plan, executable: PathBuf) -> Self {
        Self {
            plan,
            executable,
            made: Mutex::default(),
        }
    }

    /// What the rehearsal has made on a server that outlives it, in one line.
    #[must_use]
    pub fn left_behind(&self) -> Option<String> {
        match self.plan.target {
            Target::Own => None,
            Target::Running { .. } => lock(&self.made).sentence(),
        }
    }

    /// Holds the rehearsal, until it is over or `stop` turns true; in the second case the report says what happened
    /// until then. Must be called on a tokio runtime.
    ///
    /// # Errors
    /// Whatever is in the way of opening the sale, in one line that names what was made before.
    pub async fn hold(&self, stop: watch::Receiver<bool>) -> Result<Report, Obstacle> {
        let display = Display::new();
        let held = match &self.plan.target {
            Target::Running { base, key } => self.hold_at(base.clone(), key, stop, &display).await,
            Target::Own => self.hold_at_own(stop, &display).await,
        };
        display.end();
        held.map_err(|obstacle| obstacle.leaving(self.left_behind()))
    }

    async fn hold_at_own(&self, stop: watch::Receiver<bool>, display: &Display) -> Result<Report, Obstacle> {
        display.say("starting a server");
        let server = unless_stopped(stop.clone(), TOO_EARLY, OwnServer::start(&self.executable)).await?;
        let held = self.hold_at(server.base.clone(), &server.key, stop, display).await;
        display.say("stopping the server");
        match server.stop().await {
            Ok(()) => held,
            Err(problem) => held.map(|report| report.with_finding(problem)),
        }
    }

    async fn hold_at(
        &self,
        base: Base,
        key: &SecretString,
        stop: watch::Receiver<bool>,
        display: &Display,
    ) -> Result<Report, Obstacle> {
        let door = Arc::new(Door::new(base, self.plan.connections));
        let operator = Operator::new(door, key)?;
        display.say("looking around");
        let ground = unless_stopped(stop.clone(), TOO_EARLY, look_around(&operator, &self.plan.sale)).await?;
        let run = format!("{:08x}", rand::random::<u32>());
        lock(&self.made).users_are_called = format!("Rehearsal {run} fan");
        let preparation = Preparation {
            operator: &operator,
            plan: &self.plan,
            run: &run,
            made: &self.made,
            display,
            stop: &stop,
        };
        let prepared = preparation.prepare(&ground).await?;
        self.sell(&operator, ground, prepared, run, stop, display).await
    }

    async fn sell(
        &self,
        operator: &Operator,
        ground: Ground,
        prepared: Prepared,
        run: String,
        mut stop: watch::Receiver<bool>,
        display: &Display,
    ) -> Result<Report, Obstacle> {
        let defect = |error: &dyn std::fmt::Display| Obstacle::new(format!("a defect of the rehearsal: {error}"));
        let crowd = &self.plan.crowd;
        let mut dice = Dice::of_arrivals(crowd.seed);
        let schedule = arrivals::schedule(crowd.fans, crowd.burst, crowd.arrivals_per_second, &mut dice);
        let scene = Arc::new(Scene {
            door: operator.door.clone(),
            tally: Tally::new(SHARDS).map_err(|error| defect(&error))?,
            live: Live::default(),
            crowd: crowd.clone(),
            show: prepared.show,
            maps: Maps::default(),
            pays: prepared.pays,
            run,
            opening: Instant::now(),
        });
        let series = Mutex::new(vec![Sample::default()]);
        let mut crowd_inside = JoinSet::new();
        let everybody = async {
            for (fan, at) in prepared.fans.into_iter().zip(schedule) {
                let arrival = scene.opening + at;
                tokio::time::sleep_until(arrival).await;
                crowd_inside.spawn(visit(scene.clone(), fan, arrival));
                while crowd_inside.try_join_next().is_some() {}
            }
            while crowd_inside.join_next().await.is_some() {}
        };
        let finished = tokio::select! {
            () = everybody => true,
            () = watch_sale(&scene, &series, prepared.seats.available, display) => false,
            _ = stop.wait_for(|stop| *stop) => false,
        };
        let seconds = scene.opening.elapsed().as_secs_f64();
        crowd_inside.shutdown().await;
        let mut series = series.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        series.push(scene.live.sample(seconds));
        display.say("asking for the audit");
        // Who has interrupted the sale still wants the verdict; who interrupts now does not.
        let audit_after = if finished {
            unless_stopped(stop, "interrupted", operator.audit()).await
        } else {
            operator.audit().await
        };
        let schedule_id = &scene.show.schedule_id;
        Ok(Report::of(&Held {
            plan: &self.plan,
            base: operator.door.base().to_string(),
            finished,
            seconds,
            counted: scene.tally.sum().map_err(|error| defect(&error))?,
            series,
            pays: scene.pays,
            show: scene.show.clone(),
            seats_before: prepared.seats,
            seats_after: operator.seats(schedule_id).await,
            audit_after,
            ground,
            made: match self.plan.target {
                Target::Own => Made::default(),
                Target::Running { .. } => lock(&self.made).clone(),
            },
        }))
    }
}

/// Looks again and again; never ends by itself.
async fn watch_sale(scene: &Scene, series: &Mutex<Vec<Sample>>, seats: u64, display: &Display) {
    let mut looks = tokio::time::interval_at(scene.opening + LOOK_EVERY, LOOK_EVERY);
    let mut before = Sample::default();
    loop {
        looks.tick().await;
        let now = scene.live.sample(scene.opening.elapsed().as_secs_f64());
        display.selling(&now, &before, (u64::from(scene.crowd.fans), seats));
        lock(series).push(now);
        before = now;
    }
}

/// What comes of something that changes nothing, unless it is not wanted any more.
async fn unless_stopped<T>(
    mut stop: watch::Receiver<bool>,
    interrupted: &str,
    work: impl Future<Output = Result<T, Obstacle>>,
) -> Result<T, Obstacle> {
    tokio::select! {
        done = work => done,
        _ = stop.wait_for(|stop| *stop) => Err(Obstacle::new(interrupted)),
    }
}
