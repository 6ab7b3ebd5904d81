//! The measurements, each group on a ground of its own: what is compared is measured in turn.

mod crowd;
pub mod holds;
mod latency;
mod line;
mod pairs;
mod reads;
mod sold;
mod streams;

use crate::{
    ground::Ground,
    ledger::{Figure, Ledger},
    rows::Wanted,
};
use anyhow::{Context as _, Result};

/// Measures all that is wanted.
///
/// # Errors
/// Something was not as it should be, so that no figure of this run is worth anything.
pub async fn measure(ground: &Ground, wanted: &Wanted) -> Result<Ledger> {
    use Figure as F;
    let mut ledger = Ledger::default();
    for round in 1..=ground.scale.rounds {
        let say = |what: &str| eprintln!("round {round}: {what}");
        if wanted.wants_any(&[F::HoldsPgbench, F::HoldsPostgres, F::RefusalsPostgres, F::HoldsSqlite]) {
            say("holds");
            let measured = holds::round(ground, wanted, &mut ledger).await;
            measured.context("while measuring holds")?;
        }
        if wanted.wants(F::PairsPostgres) {
            say("holds and payments");
            let measured = pairs::round(ground, &mut ledger).await;
            measured.context("while measuring holds and payments")?;
        }
        if wanted.wants(F::LatencyPostgres) {
            say("one connection");
            let measured = latency::round(ground, &mut ledger).await;
            measured.context("while measuring one connection")?;
        }
        if wanted.wants_any(&[F::BareJson, F::SeatMaps]) {
            say("reads");
            let measured = reads::round(ground, wanted, &mut ledger).await;
            measured.context("while measuring reads")?;
        }
        if wanted.wants_any(&[F::BytesPerStream, F::SoldOut]) {
            say("streams");
            let measured = streams::round(ground, wanted, &mut ledger).await;
            measured.context("while measuring streams")?;
        }
    }
    if wanted.wants_any(&[F::PollsMany, F::BytesPerFan]) {
        eprintln!(
            "lines of {} and {} fans",
            ground.scale.few_waiting, ground.scale.many_waiting
        );
        let measured = line::all(ground, wanted, &mut ledger).await;
        measured.context("while measuring lines")?;
    }
    if wanted.wants_any(&[F::Joins, F::Tick]) {
        eprintln!("a crowd of {} fans", ground.scale.many_waiting);
        let measured = crowd::all(ground, wanted, &mut ledger).await;
        measured.context("while measuring a crowd")?;
    }
    if wanted.wants(F::HoldsManySold) {
        eprintln!("{} and {} sold seats", ground.scale.few_sold, ground.scale.many_sold);
        let measured = sold::all(ground, &mut ledger).await;
        measured.context("while measuring large tables")?;
    }
    Ok(ledger)
}
