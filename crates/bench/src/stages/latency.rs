//! How long one hold takes when nothing else is going on.

use super::holds::{WARM_UP_HOLDS, distinct_seats};
use crate::{
    ground::Ground,
    ledger::{Figure, Ledger, Sample},
    reference::{Reference, Transactions},
    service::Service,
};
use anyhow::Result;

/// One round: pgbench, then the service.
pub async fn round(ground: &Ground, ledger: &mut Ledger) -> Result<()> {
    let (mut reference, rate) = Reference::new(ground, Transactions::Holds).await?;
    let median = reference
        .median_micros(ground.scale.enough(rate, WARM_UP_HOLDS))
        .await?;
    reference.finish().await?;
    ledger.add(Figure::LatencyPgbench, median);

    let database = ground.postgres.create().await?;
    let service = Service::start(ground, database.url()).await?;
    let done = distinct_seats(ground, &service, 1, Some(&database)).await?;
    service.audit().await?;
    let median = done.micros.value_at_quantile(0.5) as f64;
    ledger.add(
        Figure::LatencyPostgres,
        Sample {
            value: median,
            ..Sample::from(&done)
        },
    );
    service.stop().await?;
    ground.postgres.drop(database).await
}
