//! Polls and seat maps, beside an endpoint that has nothing to do.

use crate::{
    ground::{CONNECTIONS, Ground, WARM_UP},
    ledger::{Figure, Ledger},
    load::{Crew, Cycle, Done, ask},
    process::Process,
    rows::Wanted,
    service::Service,
    show::{Fan, Gate, Show, enter, join, sign_up},
};
use anyhow::{Context as _, Result, ensure};
use frontrow_rehearse::client::{Call, Connection, Reply};
use serde_json::{Value, json};
use tokio::process::Command;

/// Connections that read seat maps: each answer is megabytes.
const MAP_CONNECTIONS: usize = 16;

/// How many instances there are where any of them may be asked.
const INSTANCES: usize = 3;

/// Fans who poll in turn.
const FANS: usize = 1_000;

/// One round of every figure that is wanted.
pub async fn round(ground: &Ground, wanted: &Wanted, ledger: &mut Ledger) -> Result<()> {
    let database = ground.postgres.create().await?;
    let service = Service::start(ground, database.url()).await?;
    if wanted.wants_any(&[Figure::BareJson, Figure::BareJsonAnywhere]) {
        let polls = polls(&service).await?;
        let body = one(&service, &polls[0], 200).await?;
        let token: Value = serde_json::from_slice(&body.body)?;
        ensure!(token["status"] == "waiting", "this fan does not wait: {token}");
        database.settle().await?;
        if wanted.wants(Figure::BareJson) {
            ledger.add(Figure::BareJson, &bare(ground, &body, &polls, CONNECTIONS, 1).await?);
        }
        if wanted.wants(Figure::Polls) {
            let done = cycle(ground, &[service.authority()], &polls, 200, CONNECTIONS).await?;
            ledger.add(Figure::Polls, &done);
        }
        if wanted.wants(Figure::PollsAnywhere) {
            let done = bare(ground, &body, &polls, CONNECTIONS, INSTANCES).await?;
            ledger.add(Figure::BareJsonAnywhere, &done);
            let (second, third) = (service.sibling().await?, service.sibling().await?);
            let instances = [service.authority(), second.authority(), third.authority()];
            let done = cycle(ground, &instances, &polls, 200, CONNECTIONS).await?;
            ledger.add(Figure::PollsAnywhere, &done);
            second.stop().await?;
            third.stop().await?;
        }
    }
    if wanted.wants_any(&[Figure::SeatMaps, Figure::NotModified]) {
        seat_maps(ground, &service, wanted, ledger).await?;
    }
    service.stop().await?;
    ground.postgres.drop(database).await
}

/// The polls of fans who wait behind a gate that is paused.
async fn polls(service: &Service<'_>) -> Result<Vec<Call>> {
    let mut crew = service.crew(CONNECTIONS).await?;
    let show = Show::of_seats(service, FANS, Gate::Paused).await?;
    let accounts = sign_up(&mut crew, FANS).await?;
    let fans = join(&mut crew, &accounts, &show).await?;
    Ok(fans.iter().map(Fan::poll).collect())
}

async fn seat_maps(ground: &Ground, service: &Service<'_>, wanted: &Wanted, ledger: &mut Ledger) -> Result<()> {
    const SEATS_PER_ROW: u32 = 50;
    let mut crew = service.crew(CONNECTIONS).await?;
    let section = |name: &str, price: u32| {
        let rows = ground.scale.hall / 2 / SEATS_PER_ROW;
        json!({ "name": name, "rows": rows, "seats_per_row": SEATS_PER_ROW, "price": price })
    };
    let seats = json!({ "sections": [section("Floor", 150_000), section("Balcony", 99_000)] });
    let show = Show::stage(service, seats, Gate::Open).await?;
    let accounts = sign_up(&mut crew, CONNECTIONS).await?;
    let fans = enter(service, &mut crew, &accounts, &show).await?;
    let maps: Vec<Call> = fans
        .iter()
        .map(|fan| fan.booking(Call::get(show.seats_path())))
        .collect();
    let map = one(service, &maps[0], 200).await?;
    if wanted.wants(Figure::SeatMaps) {
        let done = bare(ground, &map, &maps, MAP_CONNECTIONS, 1).await?;
        ledger.add(Figure::BareMap, &done);
        let done = cycle(ground, &[service.authority()], &maps, 200, MAP_CONNECTIONS).await?;
        ledger.add(Figure::SeatMaps, &done);
    }
    if wanted.wants(Figure::NotModified) {
        let etag = map.headers.get("etag").context("a seat map has an ETag")?;
        let known: Vec<Call> = maps
            .into_iter()
            .map(|map| map.with("if-none-match", etag.clone()))
            .collect();
        let done = cycle(ground, &[service.authority()], &known, 304, CONNECTIONS).await?;
        ledger.add(Figure::NotModified, &done);
    }
    Ok(())
}

/// The same calls to endpoints that answer with this body at once.
async fn bare(ground: &Ground, reply: &Reply, calls: &[Call], connections: usize, endpoints: usize) -> Result<Done> {
    let body = ground.path("body.json");
    std::fs::write(&body, &reply.body)?;
    let mut servers = Vec::new();
    for place in 0..endpoints {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bare").arg(&body);
        let server = Process::start(command, &ground.path(&format!("bare-{place}.log"))).await?;
        let echoed = one_at(server.authority(), &calls[0], 200).await?;
        ensure!(echoed.body == reply.body, "the bare endpoint answers something else");
        servers.push(server);
    }
    let authorities: Vec<&str> = servers.iter().map(Process::authority).collect();
    let done = cycle(ground, &authorities, calls, 200, connections).await?;
    for server in servers {
        server.stop().await?;
    }
    Ok(done)
}

async fn cycle(
    ground: &Ground,
    authorities: &[&str],
    calls: &[Call],
    expected: u16,
    connections: usize,
) -> Result<Done> {
    let mut crew = Crew::spread(authorities, connections).await?;
    let work = Cycle::new(calls.to_vec(), expected);
    crew.work(&work, Some(WARM_UP)).await?;
    crew.work(&work, Some(ground.scale.time())).await
}

async fn one(service: &Service<'_>, call: &Call, expected: u16) -> Result<Reply> {
    one_at(service.authority(), call, expected).await
}

async fn one_at(authority: &str, call: &Call, expected: u16) -> Result<Reply> {
    let mut connection = Connection::open(authority).await?;
    ask(&mut connection, call.clone(), expected).await
}
