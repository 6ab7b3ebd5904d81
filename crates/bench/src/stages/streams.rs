//! Streams of places in line: what one weighs, and how soon a whole line is told that all is sold.

use crate::{
    ground::{CONNECTIONS, Ground},
    ledger::{Figure, Ledger},
    load::ask,
    rows::Wanted,
    service::Service,
    show::{Fan, Gate, Show, charge, enter, join, sign_up},
};
use anyhow::{Context as _, Result, ensure};
use frontrow_rehearse::client::{Connection, Events};
use serde_json::Value;
use std::{sync::Arc, time::Instant};
use tokio::task::JoinSet;

/// One round of every figure that is wanted.
pub async fn round(ground: &Ground, wanted: &Wanted, ledger: &mut Ledger) -> Result<()> {
    if wanted.wants(Figure::BytesPerStream) {
        ledger.add(Figure::BytesPerStream, bytes_per_stream(ground).await?);
    }
    if wanted.wants(Figure::SoldOut) {
        ledger.add(Figure::SoldOut, sold_out(ground).await?);
    }
    Ok(())
}

/// Each fan has a connection and a stream. The instance has served all of them before, so that what
/// it keeps of a line anyway does not count.
async fn bytes_per_stream(ground: &Ground) -> Result<f64> {
    let many = ground.scale.streams;
    let database = ground.postgres.create().await?;
    let service = Service::start(ground, database.url()).await?;
    let mut crew = service.crew(CONNECTIONS).await?;
    let show = Show::of_seats(&service, many, Gate::Paused).await?;
    let accounts = sign_up(&mut crew, many).await?;
    let fans: Arc<[Fan]> = join(&mut crew, &accounts, &show).await?.into();
    let poll = {
        let fans = fans.clone();
        move |index: usize| fans[index].poll()
    };
    crew.ask_each(many, 200, poll, |_| Ok(())).await?;

    let idle = service.resident_bytes()?;
    let open = open(&fans, &[service.authority()]).await?;
    let grown = service.resident_bytes()?.saturating_sub(idle);
    drop(open);
    service.audit().await?;
    service.stop().await?;
    ground.postgres.drop(database).await?;
    Ok(grown as f64 / many as f64)
}

/// The last seat is held by the only fan inside and paid for, while everybody else waits at one of
/// three instances. Microseconds from the answer to the payment until the last one was told.
async fn sold_out(ground: &Ground) -> Result<f64> {
    let database = ground.postgres.create().await?;
    let service = Service::start(ground, database.url()).await?;
    let (second, till) = (service.sibling().await?, service.till().await?);
    let instances = [service.authority(), second.authority(), till.authority()];
    let show = Show::of_seats(&service, 1, Gate::Open).await?;
    let mut crew = service.crew(CONNECTIONS).await?;
    let buyer = sign_up(&mut crew, 1).await?;
    charge(&mut till.crew(1).await?, &buyer).await?;
    let buyer = enter(&service, &mut crew, &buyer, &show).await?;
    let accounts = sign_up(&mut crew, ground.scale.told).await?;
    let fans = join(&mut crew, &accounts, &show).await?;

    let open = open(&fans, &instances).await?;
    let mut connection = Connection::open(service.authority()).await?;
    let held = ask(&mut connection, buyer[0].hold(&show, 1), 201).await?;
    let open = all(open.into_iter().map(|events| told(events, "all_held"))).await?;

    let mut waiting: JoinSet<_> = open.into_iter().map(|events| told(events, "sold_out")).collect();
    let held: Value = serde_json::from_slice(&held.body)?;
    let reservation = held["reservation_id"].as_str().context("no reservation")?;
    ask(&mut connection, buyer[0].pay(reservation), 201).await?;
    let paid = Instant::now();
    let mut streams = Vec::with_capacity(fans.len());
    while let Some(told) = waiting.join_next().await {
        streams.push(told??);
    }
    let took = paid.elapsed();
    ensure!(streams.len() == fans.len(), "{} were told", streams.len());
    drop(streams);

    service.audit().await?;
    for instance in [till, second, service] {
        instance.stop().await?;
    }
    ground.postgres.drop(database).await?;
    Ok(took.as_micros() as f64)
}

/// Opens a stream for each of these fans, at these instances in turn, and waits until each was told
/// its place.
async fn open(fans: &[Fan], instances: &[&str]) -> Result<Vec<Events>> {
    const AT_ONCE: usize = 64;
    let mut open = Vec::with_capacity(fans.len());
    let at: Vec<_> = fans.iter().zip(instances.iter().cycle()).collect();
    for some in at.chunks(AT_ONCE) {
        let opening = some.iter().map(|(fan, instance)| {
            let (authority, call) = ((**instance).to_owned(), fan.place_events());
            async move {
                let mut events = Connection::open(&authority).await?.stream(call).await?;
                ensure!(events.status == 200, "{} instead of a stream", events.status);
                let place = next(&mut events).await?;
                ensure!(place["status"] == "waiting", "this fan does not wait: {place}");
                Ok(events)
            }
        });
        open.extend(all(opening).await?);
    }
    Ok(open)
}

/// Reads on until the fan is told this of what is left.
async fn told(mut events: Events, outlook: &'static str) -> Result<Events> {
    while next(&mut events).await?["outlook"] != outlook {}
    Ok(events)
}

async fn next(events: &mut Events) -> Result<Value> {
    let data = events.next().await?.context("a stream has ended")?;
    Ok(serde_json::from_slice(&data)?)
}

/// Does all of these at the same time.
async fn all<F>(work: impl Iterator<Item = F>) -> Result<Vec<Events>>
where
    F: Future<Output = Result<Events>> + Send + 'static,
{
    let mut tasks: JoinSet<_> = work.collect();
    let mut done = Vec::new();
    while let Some(task) = tasks.join_next().await {
        done.push(task??);
    }
    Ok(done)
}
