//! Reading what is on sale.

use super::{
    Inner, Postgres,
    assemble::layouts,
    error::Failure,
    pool::Lease,
    rows::{BlockRow, ConcertRow, ScheduleRow},
    schema::{concerts, schedules, seat_blocks},
};
use async_trait::async_trait;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    catalog::{Concert, Programme, Schedule, port::CatalogQueries},
    id::{ConcertId, ScheduleId},
    outcome::StoreError,
    page::{Page, PageRequest},
};
use futures_util::future::try_join;
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

#[async_trait]
impl CatalogQueries for Postgres {
    async fn programmes(&self, page: PageRequest<ConcertId>) -> Result<Page<Programme, ConcertId>, StoreError> {
        let before = page.before.map_or(Uuid::max(), |id| id.0);
        self.query(move |inner, lease| {
            Box::pin(async move {
                let rows: Vec<ConcertRow> = concerts::table
                    .filter(concerts::concert_id.lt(before))
                    .order(concerts::concert_id.desc())
                    .limit(i64::from(page.limit) + 1)
                    .select(ConcertRow::as_select())
                    .load(&mut lease.connection()?)
                    .await?;
                let concerts: Vec<Concert> = rows.into_iter().map(Concert::from).collect();
                let page = Page::from_overfetch(concerts, page.limit, |concert: &Concert| concert.id);
                Ok(Page {
                    items: inner.programmes_of(lease, page.items).await?,
                    next: page.next,
                })
            })
        })
        .await
    }

    async fn programme(&self, id: ConcertId) -> Result<Option<Programme>, StoreError> {
        self.query(move |inner, lease| {
            Box::pin(async move {
                let row: Option<ConcertRow> = concerts::table
                    .filter(concerts::concert_id.eq(id.0))
                    .select(ConcertRow::as_select())
                    .first(&mut lease.connection()?)
                    .await
                    .optional()?;
                let concert = row.map(Concert::from).into_iter().collect();
                Ok(inner.programmes_of(lease, concert).await?.pop())
            })
        })
        .await
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, StoreError> {
        self.query(move |inner, lease| Box::pin(inner.schedule(lease, id)))
            .await
    }
}

impl Inner {
    /// One performance. It never changes, so it may be put together from two statements.
    pub(super) async fn schedule(&self, lease: &Lease, id: ScheduleId) -> Result<Option<Schedule>, Failure> {
        let conn = lease.connection()?;
        let schedule = schedules::table
            .filter(schedules::schedule_id.eq(id.0))
            .select(ScheduleRow::as_select());
        let blocks = seat_blocks::table
            .filter(seat_blocks::schedule_id.eq(id.0))
            .order(seat_blocks::ordinal)
            .select(BlockRow::as_select());
        let (mut first, mut second) = (conn, conn);
        let (schedule, blocks) = try_join(
            schedule.load::<ScheduleRow>(&mut first),
            blocks.load::<BlockRow>(&mut second),
        )
        .await?;
        let mut layouts = layouts(blocks, self.policy.currency)?;
        let layout = layouts.remove(&id.0).unwrap_or_default();
        Ok(schedule.into_iter().next().map(|row| row.with_layout(layout)))
    }

    /// These concerts with their performances, in the order given.
    async fn programmes_of(&self, lease: &Lease, concerts: Vec<Concert>) -> Result<Vec<Programme>, Failure> {
        let ids: Vec<ConcertId> = concerts.iter().map(|concert| concert.id).collect();
        let mut schedules = self.schedules_of(lease, &ids).await?;
        let programme = |concert: Concert| Programme {
            schedules: schedules.remove(&concert.id).unwrap_or_default(),
            concert,
        };
        Ok(concerts.into_iter().map(programme).collect())
    }

    /// The performances of these concerts, by concert, in the order they start.
    pub(super) async fn schedules_of(
        &self,
        lease: &Lease,
        concerts: &[ConcertId],
    ) -> Result<BTreeMap<ConcertId, Vec<Arc<Schedule>>>, Failure> {
        let conn = lease.connection()?;
        let ids: Vec<Uuid> = concerts.iter().map(|concert| concert.0).collect();
        let found = schedules::table
            .filter(schedules::concert_id.eq_any(ids.clone()))
            .order((schedules::starts_at, schedules::schedule_id))
            .select(ScheduleRow::as_select());
        let blocks = seat_blocks::table
            .inner_join(schedules::table)
            .filter(schedules::concert_id.eq_any(ids))
            .order((seat_blocks::schedule_id, seat_blocks::ordinal))
            .select(BlockRow::as_select());
        let (mut first, mut second) = (conn, conn);
        let (found, blocks) = try_join(
            found.load::<ScheduleRow>(&mut first),
            blocks.load::<BlockRow>(&mut second),
        )
        .await?;
        let mut layouts = layouts(blocks, self.policy.currency)?;
        let mut performances: BTreeMap<ConcertId, Vec<Arc<Schedule>>> = BTreeMap::new();
        for row in found {
            let layout = layouts.remove(&row.schedule_id).unwrap_or_default();
            let schedule = row.with_layout(layout);
            performances
                .entry(schedule.concert_id)
                .or_default()
                .push(Arc::new(schedule));
        }
        Ok(performances)
    }
}
