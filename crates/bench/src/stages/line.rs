//! A short line and a long one: does a poll cost more, and what does a fan who waits weigh?

use crate::{
    ground::{CONNECTIONS, Ground, WARM_UP},
    ledger::{Figure, Ledger},
    load::{Cycle, Done, Work, ask},
    postgres::Database,
    rows::Wanted,
    service::Service,
    show::{Gate, Show, join_on_behalf, poll},
};
use anyhow::{Context as _, Result, ensure};
use frontrow_rehearse::client::{Call, Connection};
use hyper::header::HeaderValue;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Coprime to every round number, so that polls come from all over a line.
const STRIDE: usize = 618_033;

/// Every figure, over all rounds.
pub async fn all(ground: &Ground, wanted: &Wanted, ledger: &mut Ledger) -> Result<()> {
    let mut few = Line::form(ground, ground.scale.few_waiting).await?;
    let mut many = Line::form(ground, ground.scale.many_waiting).await?;
    if wanted.wants(Figure::BytesPerFan) {
        ledger.add(Figure::BytesPerFan, many.bytes_per_fan);
    }
    if wanted.wants(Figure::PollsMany) {
        for _ in 0..ground.scale.rounds {
            ledger.add(Figure::PollsFew, &few.measure(ground).await?);
            ledger.add(Figure::PollsMany, &many.measure(ground).await?);
        }
    }
    few.end(ground).await?;
    many.end(ground).await
}

/// Fans who wait behind a gate that is paused, in a database of their own.
struct Line {
    database: Database,
    show: Show,
    places: Arc<[HeaderValue]>,
    bytes_per_fan: f64,
}

impl Line {
    /// All of them join over HTTP and poll once, at one instance, whose memory is looked at before
    /// and after. An operator joins on behalf of users who were made by SQL.
    async fn form(ground: &Ground, fans: usize) -> Result<Self> {
        let database = ground.postgres.create().await?;
        let service = Service::start(ground, database.url()).await?;
        database.execute(&USERS.replace("{count}", &fans.to_string())).await?;
        let show = Show::of_seats(&service, 1_000, Gate::Paused).await?;
        let mut crew = service.crew(CONNECTIONS).await?;
        let look = Cycle::new(vec![Call::get(format!("/v1/concerts/{}", show.concert_id))], 200);
        crew.work(&look, Some(WARM_UP)).await?;

        let idle = service.resident_bytes()?;
        let user_id = |index| format!("{index:032}");
        let places: Arc<[HeaderValue]> = join_on_behalf(&mut crew, fans, &show, user_id).await?.into();
        crew.work(&Polls::new(&places, Some(fans)), None).await?;
        let grown = service.resident_bytes()?.saturating_sub(idle);

        let waiting = service.figure(&show.schedule_id, "/tokens/waiting").await?;
        ensure!(waiting == fans as u64, "{waiting} of {fans} fans wait");
        service.audit().await?;
        service.stop().await?;
        database.settle().await?;
        Ok(Self {
            database,
            show,
            places,
            bytes_per_fan: grown as f64 / fans as f64,
        })
    }

    /// Polls from all over the line. Only this line's instance runs meanwhile.
    async fn measure(&mut self, ground: &Ground) -> Result<Done> {
        let service = Service::start(ground, self.database.url()).await?;
        let mut crew = service.crew(CONNECTIONS).await?;
        let polls = Polls::new(&self.places, None);
        crew.work(&polls, Some(2 * WARM_UP)).await?;
        let done = crew.work(&polls, Some(ground.scale.time())).await?;
        let waiting = service.figure(&self.show.schedule_id, "/tokens/waiting").await?;
        ensure!(waiting == self.places.len() as u64, "{waiting} fans wait");
        service.stop().await?;
        Ok(done)
    }

    async fn end(self, ground: &Ground) -> Result<()> {
        ground.postgres.drop(self.database).await
    }
}

const USERS: &str = "INSERT INTO users
    SELECT lpad(index::text, 32, '0')::uuid, 'Fan ' || index, now() FROM generate_series(0, {count} - 1) index";

/// Polls with the places of all fans in turn.
struct Polls {
    places: Arc<[HeaderValue]>,
    next: AtomicUsize,
    most: Option<usize>,
}

impl Polls {
    fn new(places: &Arc<[HeaderValue]>, most: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            places: places.clone(),
            next: AtomicUsize::new(0),
            most,
        })
    }
}

impl Work for Polls {
    async fn turn(&self, connection: &mut Connection) -> Result<bool> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        if self.most.is_some_and(|most| turn >= most) {
            return Ok(false);
        }
        let place = self.places.get(turn.wrapping_mul(STRIDE) % self.places.len().max(1));
        ask(connection, poll(place.context("nobody waits")?), 200).await?;
        Ok(true)
    }
}
