//! Holds while the tables are small, and while they are large.

use super::holds::distinct_seats;
use crate::{
    ground::{CONNECTIONS, Ground},
    ledger::{Figure, Ledger},
    postgres::Database,
    service::{self, Service},
};
use anyhow::{Result, ensure};

const SOLD: &str = include_str!("../../sql/sold.sql");

/// Sold seats of each performance, in reservations of four.
const SEATS: u64 = 100_000;

/// Both figures, over all rounds. The large tables are made once: what a round adds is little to
/// them. The small ones are made anew. The audit is the command's, which may take longer than an
/// answer over HTTP.
pub async fn all(ground: &Ground, ledger: &mut Ledger) -> Result<()> {
    let many = sold_out(ground, ground.scale.many_sold).await?;
    for _ in 0..ground.scale.rounds {
        let few = sold_out(ground, ground.scale.few_sold).await?;
        hold(ground, &few, Figure::HoldsFewSold, ledger).await?;
        service::run(ground, few.url(), "audit").await?;
        ground.postgres.drop(few).await?;
        hold(ground, &many, Figure::HoldsManySold, ledger).await?;
    }
    service::run(ground, many.url(), "audit").await?;
    ground.postgres.drop(many).await
}

/// A database with so many sold seats, at performances of their own.
async fn sold_out(ground: &Ground, seats: u64) -> Result<Database> {
    let database = ground.postgres.create().await?;
    service::run(ground, database.url(), "migrate").await?;
    let (shows, each) = (seats.div_ceil(SEATS), seats.min(SEATS));
    for show in 1..=shows {
        let sold = SOLD
            .replace("{schedule}", &format!("{show:032}"))
            .replace("{seats}", &each.to_string())
            .replace("{fans}", &(each / 4).to_string())
            .replace("{first}", &(show * SEATS).to_string());
        database.execute(&sold).await?;
    }
    let sold = database
        .number("SELECT count(*) FROM seats WHERE status = 'sold'")
        .await?;
    ensure!(sold == seats, "{sold} of {seats} seats are sold");
    database.settle().await?;
    Ok(database)
}

async fn hold(ground: &Ground, database: &Database, figure: Figure, ledger: &mut Ledger) -> Result<()> {
    let service = Service::start(ground, database.url()).await?;
    let done = distinct_seats(ground, &service, CONNECTIONS, Some(database)).await?;
    ledger.add(figure, &done);
    service.stop().await
}
