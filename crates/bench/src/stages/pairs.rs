//! Holds that are paid.

use crate::{
    ground::{CONNECTIONS, Ground},
    ledger::{Figure, Ledger},
    load::{Crew, Done, Work, ask},
    reference::{Reference, Transactions},
    service::Service,
    show::{Fan, Gate, MOST_SEATS, Show, charge, enter, sign_up},
};
use anyhow::{Result, ensure};
use frontrow_rehearse::client::Connection;
use serde::Deserialize;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const WARM_UP_PAIRS: usize = 4_000;

/// One round: pgbench, then the service.
pub async fn round(ground: &Ground, ledger: &mut Ledger) -> Result<()> {
    let (mut reference, rate) = Reference::new(ground, Transactions::Pairs).await?;
    let best = reference
        .best_rate(ground.scale.enough(rate * 1.5, WARM_UP_PAIRS))
        .await?;
    reference.finish().await?;
    ledger.add(Figure::PairsPgbench, best);

    let database = ground.postgres.create().await?;
    let service = Service::start(ground, database.url()).await?;
    let till = service.till().await?;
    let mut crew = service.crew(CONNECTIONS).await?;
    let mut at_till = till.crew(CONNECTIONS).await?;

    let warm_up = Pairs::open(&service, &mut crew, &mut at_till, WARM_UP_PAIRS).await?;
    let rate = crew.work(&warm_up, None).await?.rate();
    let pairs = ground.scale.enough(rate, WARM_UP_PAIRS).min(MOST_SEATS);
    let pairs = Pairs::open(&service, &mut crew, &mut at_till, pairs).await?;
    drop(at_till);
    till.stop().await?;

    database.settle().await?;
    let done: Done = crew.work(&pairs, Some(ground.scale.time())).await?;
    let sold = service.figure(&pairs.show.schedule_id, "/seats/sold").await?;
    ensure!(
        sold == done.count,
        "{} seats were said to be sold, {sold} are",
        done.count
    );
    service.audit().await?;
    ledger.add(Figure::PairsPostgres, &done);
    service.stop().await?;
    ground.postgres.drop(database).await
}

/// Fans who each hold a seat and pay for it.
struct Pairs {
    show: Show,
    fans: Arc<[Fan]>,
    next: AtomicUsize,
}

impl Pairs {
    async fn open(service: &Service<'_>, crew: &mut Crew, at_till: &mut Crew, count: usize) -> Result<Arc<Self>> {
        let show = Show::of_seats(service, count, Gate::Open).await?;
        let accounts = sign_up(crew, count).await?;
        charge(at_till, &accounts).await?;
        let fans = enter(service, crew, &accounts, &show).await?;
        Ok(Arc::new(Self {
            show,
            fans,
            next: AtomicUsize::new(0),
        }))
    }
}

#[derive(Deserialize)]
struct Held<'a> {
    reservation_id: &'a str,
}

impl Work for Pairs {
    async fn turn(&self, connection: &mut Connection) -> Result<bool> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(fan) = self.fans.get(index) else {
            return Ok(false);
        };
        let held = ask(connection, fan.hold(&self.show, index + 1), 201).await?;
        let Held { reservation_id } = serde_json::from_slice(&held.body)?;
        ask(connection, fan.pay(reservation_id), 201).await?;
        Ok(true)
    }
}
