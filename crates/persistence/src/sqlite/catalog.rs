//! Reading what is on sale.

use super::{
    Sqlite,
    error::SqlError,
    rows::{ScheduleRow, SeatBlockRow},
    schema::{concerts, schedules, seat_blocks},
    types::{Id, Moment},
};
use async_trait::async_trait;
use diesel::{prelude::*, sqlite::SqliteConnection};
use frontrow_domain::{
    catalog::{Concert, Programme, Schedule, port::CatalogQueries},
    id::{ConcertId, ScheduleId},
    money::Currency,
    outcome::StoreError,
    page::{Page, PageRequest},
};
use std::sync::Arc;
use uuid::Uuid;

/// After every id there is.
const NEWEST: Uuid = Uuid::max();

#[async_trait]
impl CatalogQueries for Sqlite {
    async fn programmes(&self, page: PageRequest<ConcertId>) -> Result<Page<Programme, ConcertId>, StoreError> {
        let currency = self.policy.currency;
        let items = self.readers.run(move |conn| {
            let before = page.before.map_or(NEWEST, |id| id.0);
            let found: Vec<ConcertColumns> = concerts::table
                .filter(concerts::concert_id.lt(Id(before)))
                .order(concerts::concert_id.desc())
                .limit(i64::from(page.limit) + 1)
                .load(conn)?;
            let programmes = found.into_iter().map(|row| programme(conn, concert(row), currency));
            programmes.collect::<Result<Vec<_>, _>>()
        });
        Ok(Page::from_overfetch(items.await?, page.limit, |programme| {
            programme.concert.id
        }))
    }

    async fn programme(&self, id: ConcertId) -> Result<Option<Programme>, StoreError> {
        let currency = self.policy.currency;
        let work = move |conn: &mut SqliteConnection| {
            let found = concert_by_id(conn, id)?;
            found.map(|concert| programme(conn, concert, currency)).transpose()
        };
        self.readers.run(work).await
    }

    async fn schedule(&self, id: ScheduleId) -> Result<Option<Schedule>, StoreError> {
        let currency = self.policy.currency;
        self.readers.run(move |conn| schedule_by_id(conn, id, currency)).await
    }
}

type ConcertColumns = (Id, String, String, Moment);

fn concert((id, title, venue, created_at): ConcertColumns) -> Concert {
    Concert {
        id: ConcertId(id.0),
        title,
        venue,
        created_at: created_at.0,
    }
}

fn programme(conn: &mut SqliteConnection, concert: Concert, currency: Currency) -> Result<Programme, SqlError> {
    let schedules = schedules_of(conn, concert.id, currency)?;
    Ok(Programme {
        concert,
        schedules: schedules.into_iter().map(Arc::new).collect(),
    })
}

pub(super) fn concert_by_id(conn: &mut SqliteConnection, id: ConcertId) -> Result<Option<Concert>, SqlError> {
    let found: Option<ConcertColumns> = concerts::table.find(Id(id.0)).get_result(conn).optional()?;
    Ok(found.map(concert))
}

/// The performances of a concert, in the order they start.
pub(super) fn schedules_of(
    conn: &mut SqliteConnection,
    concert: ConcertId,
    currency: Currency,
) -> Result<Vec<Schedule>, SqlError> {
    let found = schedules::table
        .filter(schedules::concert_id.eq(Id(concert.0)))
        .order(schedules::starts_at)
        .select(ScheduleRow::as_select())
        .load(conn)?;
    found.into_iter().map(|row| with_layout(conn, row, currency)).collect()
}

pub(super) fn schedule_by_id(
    conn: &mut SqliteConnection,
    id: ScheduleId,
    currency: Currency,
) -> Result<Option<Schedule>, SqlError> {
    let found = schedules::table.find(Id(id.0)).select(ScheduleRow::as_select());
    let found = found.get_result(conn).optional()?;
    found.map(|row| with_layout(conn, row, currency)).transpose()
}

fn with_layout(conn: &mut SqliteConnection, row: ScheduleRow, currency: Currency) -> Result<Schedule, SqlError> {
    let blocks = seat_blocks::table
        .filter(seat_blocks::schedule_id.eq(Id(row.id().0)))
        .order(seat_blocks::ordinal)
        .select(SeatBlockRow::as_select())
        .load(conn)?;
    Ok(row.with_layout(blocks, currency))
}
