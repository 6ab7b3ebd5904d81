//! Holds of distinct seats, and of one that all want.

use crate::{
    ground::{CONNECTIONS, Ground},
    ledger::{Figure, Ledger},
    load::{Crew, Cycle, Done, Once},
    postgres::Database,
    reference::{Reference, Transactions},
    rows::Wanted,
    service::Service,
    show::{Gate, MOST_SEATS, Show, enter, sign_up},
};
use anyhow::{Result, ensure};
use frontrow_rehearse::client::Call;

/// The default: seats per fan and performance.
pub const SEATS_PER_FAN: usize = 4;

/// How many holds warm a server up.
pub const WARM_UP_HOLDS: usize = 8_000;

/// One round of every figure that is wanted.
pub async fn round(ground: &Ground, wanted: &Wanted, ledger: &mut Ledger) -> Result<()> {
    if wanted.wants(Figure::HoldsPgbench) {
        let (mut reference, rate) = Reference::new(ground, Transactions::Holds).await?;
        let seats = ground.scale.enough(rate * 1.5, WARM_UP_HOLDS);
        let best = reference.best_rate(seats).await?;
        reference.finish().await?;
        ledger.add(Figure::HoldsPgbench, best);
    }
    let database = ground.postgres.create().await?;
    let service = Service::start(ground, database.url()).await?;
    let done = distinct_seats(ground, &service, CONNECTIONS, Some(&database)).await?;
    service.audit().await?;
    ledger.add(Figure::HoldsPostgres, &done);
    if wanted.wants(Figure::RefusalsPostgres) {
        let done = one_seat(ground, &service, &database).await?;
        ledger.add(Figure::RefusalsPostgres, &done);
    }
    service.stop().await?;
    ground.postgres.drop(database).await?;
    if wanted.wants(Figure::HoldsSqlite) {
        let storage = format!("sqlite:{}", ground.path("frontrow.db").display());
        let service = Service::start(ground, &storage).await?;
        let done = distinct_seats(ground, &service, CONNECTIONS, None).await?;
        service.audit().await?;
        ledger.add(Figure::HoldsSqlite, &done);
        service.stop().await?;
    }
    Ok(())
}

/// Holds of distinct seats with this many connections. A warm-up tells how many are needed; they
/// are all at one performance if it has room for them, as in an on-sale. What is left to the caller
/// is the audit.
pub async fn distinct_seats(
    ground: &Ground,
    service: &Service<'_>,
    connections: usize,
    database: Option<&Database>,
) -> Result<Done> {
    let mut setup = service.crew(CONNECTIONS).await?;
    let mut crew = service.crew(connections).await?;
    let warm_up_holds = WARM_UP_HOLDS * connections.max(8) / CONNECTIONS;
    let warm_up = Sale::open(service, &mut setup, warm_up_holds).await?;
    let rate = crew.work(&Once::new(warm_up.calls, 201), None).await?.rate();

    let sale = Sale::open(service, &mut setup, ground.scale.enough(rate, WARM_UP_HOLDS)).await?;
    if let Some(database) = database {
        database.settle().await?;
    }
    // Settling large tables takes longer than a server keeps an idle connection.
    let mut crew = service.crew(connections).await?;
    let done = crew
        .work(&Once::new(sale.calls, 201), Some(ground.scale.time()))
        .await?;
    let mut held = 0;
    for show in &sale.shows {
        held += service.figure(&show.schedule_id, "/seats/held").await?;
    }
    ensure!(
        held == done.count,
        "{} seats were said to be held, {held} are",
        done.count
    );
    Ok(done)
}

/// Performances, and the calls that hold all of their seats.
struct Sale {
    shows: Vec<Show>,
    calls: Vec<Call>,
}

impl Sale {
    async fn open(service: &Service<'_>, crew: &mut Crew, holds: usize) -> Result<Self> {
        let mut shows = Vec::new();
        let mut calls = Vec::with_capacity(holds);
        let mut left = holds;
        while left > 0 {
            let seats = left.min(MOST_SEATS).next_multiple_of(SEATS_PER_FAN);
            let show = Show::of_seats(service, seats, Gate::Open).await?;
            let accounts = sign_up(crew, seats / SEATS_PER_FAN).await?;
            let fans = enter(service, crew, &accounts, &show).await?;
            calls.extend((0..seats).map(|seat| fans[seat % fans.len()].hold(&show, seat + 1)));
            shows.push(show);
            left = left.saturating_sub(seats);
        }
        Ok(Self { shows, calls })
    }
}

/// One seat that is held already, and fans enough for all connections who try for it again and
/// again.
async fn one_seat(ground: &Ground, service: &Service<'_>, database: &Database) -> Result<Done> {
    const FANS: usize = 10 * CONNECTIONS;
    let mut crew = service.crew(CONNECTIONS).await?;
    // Nobody more is let in than there are seats: there is one for each, and they all want the first.
    let show = Show::of_seats(service, FANS + 1, Gate::Open).await?;
    let accounts = sign_up(&mut crew, FANS + 1).await?;
    let fans = enter(service, &mut crew, &accounts, &show).await?;
    let mut calls: Vec<Call> = fans.iter().map(|fan| fan.hold(&show, 1)).collect();
    let first = Once::new(calls.split_off(calls.len() - 1), 201);
    crew.work(&first, None).await?;
    database.settle().await?;
    let refusals = Cycle::new(calls, 409);
    crew.work(&refusals, Some(crate::ground::WARM_UP)).await?;
    let done = crew.work(&refusals, Some(ground.scale.time())).await?;
    let held = service.figure(&show.schedule_id, "/reservations/held").await?;
    ensure!(held == 1, "{held} fans hold the one seat");
    service.audit().await?;
    Ok(done)
}
