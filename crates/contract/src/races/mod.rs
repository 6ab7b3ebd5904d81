//! Many at once, and what must be true afterwards.
//!
//! Each race says what it found broken instead of panicking, so that a control, a storage without
//! guards, can show that it would be found.

mod keys;
mod line;
mod money;
mod seats;

pub use keys::*;
pub use line::*;
pub use money::*;
pub use seats::*;

use crate::{Fan, Fixture, Show, Stage, stage::patiently};
use frontrow_domain::{
    decision::{Command, Verdict},
    id::ReservationId,
};
use std::{fmt::Debug, sync::Arc};
use tokio::sync::Barrier;

/// What a race found: nothing, or what was broken.
pub type Found = Result<(), String>;

fn check(holds: bool, what: &str, seen: &dyn Debug) -> Found {
    if holds {
        Ok(())
    } else {
        Err(format!("{what}: {seen:?}"))
    }
}

/// Decides these commands at the same time, each in a call of its own.
async fn at_once<F: Fixture>(stage: &Stage<F>, commands: Vec<Command>) -> Vec<Verdict> {
    stage.fixture.about_to_race(commands.len());
    let start = Arc::new(Barrier::new(commands.len()));
    let contenders: Vec<_> = commands
        .into_iter()
        .map(|command| {
            let (start, decisions) = (start.clone(), stage.storage.decisions.clone());
            tokio::spawn(async move {
                start.wait().await;
                patiently(&*decisions, vec![command]).await
            })
        })
        .collect();
    let mut verdicts = Vec::new();
    for contender in contenders {
        verdicts.extend(contender.await.expect("no contender panics"));
    }
    verdicts
}

async fn racing<F: Fixture, C: Into<Command>>(stage: &Stage<F>, commands: Vec<C>) -> Vec<Verdict> {
    at_once(stage, commands.into_iter().map(Into::into).collect()).await
}

/// A fan with money and a hold on seats 1 and 2.
async fn buyer<F: Fixture>(stage: &Stage<F>, show: &Show) -> (Fan, ReservationId) {
    let fan = stage.insider(show).await;
    stage.charge(fan.user, 5_000).await;
    (fan, stage.held(&fan, show, &[1, 2]).await.id)
}
