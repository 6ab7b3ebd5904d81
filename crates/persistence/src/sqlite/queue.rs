//! Reading places in line; reading and changing gates.

use super::{
    Sqlite,
    error::SqlError,
    rows::{GateRow, TokenRow},
    schema::{gates, lines, queue_tokens, schedules},
    statement::{read, run},
    types::{Day, Id, Moment, Named, Whole},
};
use crate::codec::{count_from_db, count_to_db};
use async_trait::async_trait;
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Text},
    sqlite::SqliteConnection,
};
use frontrow_domain::{
    catalog::InvalidField,
    clock::Timestamp,
    id::{ConcertId, ScheduleId, TokenId},
    money::Currency,
    outcome::StoreError,
    policy::Policy,
    queue::{
        Gate, GatePatch, GateSettings, Line, MeasuredPace, Place, QueueToken, TokenRef, TokenState, TokenStatus,
        WaitAt,
        port::{GateNews, MOST_LEAVERS, QueueQueries, ReservationCounts, SeatCounts, Stats, TokenCounts},
    },
    seating::ReservationState,
};
use time::Duration;

/// How many waits the figures are taken from at the most.
const MOST_WAITS: i64 = 10_000;

#[async_trait]
impl QueueQueries for Sqlite {
    async fn statuses(&self, tokens: Vec<TokenRef>) -> Result<Vec<Option<TokenStatus>>, StoreError> {
        let policy = self.policy;
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            let statuses = tokens
                .into_iter()
                .map(|token| match token_by_id(conn, token.schedule_id, token.id)? {
                    Some(token) => status(conn, token, &policy, clock.now()),
                    None => Ok(None),
                });
            statuses.collect()
        });
        work.await
    }

    async fn gate(&self, schedule: ScheduleId) -> Result<Option<Gate>, StoreError> {
        self.readers.run(move |conn| gate_by_id(conn, schedule)).await
    }

    async fn gate_news(&self, after: Vec<(ScheduleId, u64)>) -> Result<Vec<GateNews>, StoreError> {
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            // Before the first look at the file, which takes the snapshot.
            let as_of = clock.now();
            let news = after
                .into_iter()
                .map(|(gate, after)| news_of(conn, gate, after, as_of).transpose());
            news.flatten().collect()
        });
        work.await
    }

    async fn patch_gate(
        &self,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, StoreError> {
        let work = self.writer.run(move |conn| {
            let Some(gate) = gate_by_id(conn, schedule)? else {
                return Ok(None);
            };
            let settings = match patch.apply(gate.settings) {
                Ok(settings) => settings,
                Err(invalid) => return Ok(Some(Err(invalid))),
            };
            update_settings(conn, schedule, settings)?;
            Ok(Some(Ok(Gate { settings, ..gate })))
        });
        work.await
    }

    async fn stats(&self, schedule: ScheduleId) -> Result<Option<Stats>, StoreError> {
        let currency = self.policy.currency;
        let clock = self.clock.clone();
        let work = self.readers.run(move |conn| {
            if gate_by_id(conn, schedule)?.is_none() {
                return Ok(None);
            }
            stats(conn, schedule, currency, clock.now()).map(Some)
        });
        work.await
    }
}

pub(super) fn token_by_id(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    id: TokenId,
) -> Result<Option<QueueToken>, SqlError> {
    let found = queue_tokens::table.find((Id(schedule.0), Id(id.0)));
    let found = found.select(TokenRow::as_select()).get_result(conn).optional()?;
    Ok(found.map(Into::into))
}

pub(super) fn gate_by_id(conn: &mut SqliteConnection, schedule: ScheduleId) -> Result<Option<Gate>, SqlError> {
    let found = gates::table.find(Id(schedule.0)).select(GateRow::as_select());
    Ok(found.get_result(conn).optional()?.map(Into::into))
}

/// The last number given out at a gate.
pub(super) fn issued(conn: &mut SqliteConnection, schedule: ScheduleId) -> Result<Option<u64>, SqlError> {
    let found = lines::table.find(Id(schedule.0)).select(lines::issued);
    let found: Option<Whole<u64>> = found.get_result(conn).optional()?;
    Ok(found.map(|issued| issued.0))
}

pub(super) fn line(conn: &mut SqliteConnection, schedule: ScheduleId) -> Result<Option<Line>, SqlError> {
    let found = lines::table
        .find(Id(schedule.0))
        .select((lines::issued, lines::departed));
    let found: Option<(Whole<u64>, Whole<u64>)> = found.get_result(conn).optional()?;
    let (Some(gate), Some((issued, departed))) = (gate_by_id(conn, schedule)?, found) else {
        return Ok(None);
    };
    Ok(Some(Line {
        schedule_id: schedule,
        issued: issued.0,
        departed: departed.0,
        gate,
    }))
}

/// What happened at a gate after so many departures.
fn news_of(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    after: u64,
    as_of: Timestamp,
) -> Result<Option<GateNews>, SqlError> {
    let Some(line) = line(conn, schedule)? else {
        return Ok(None);
    };
    let Line {
        issued, departed, gate, ..
    } = line;
    let seen = departed.min(after + MOST_LEAVERS);
    let leavers: Vec<Whole<u64>> = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(schedule.0)))
        .filter(queue_tokens::departure.gt(Whole(after)))
        .filter(queue_tokens::departure.le(Whole(seen)))
        .filter(queue_tokens::number.gt(Whole(gate.admitted_number)))
        .select(queue_tokens::number)
        .load(conn)?;
    Ok(Some(GateNews {
        schedule_id: schedule,
        settings: gate.settings,
        issued,
        admitted: gate.admitted,
        admitted_number: gate.admitted_number,
        departed,
        after,
        seen,
        leavers: leavers.into_iter().map(|number| number.0).collect(),
        as_of,
    }))
}

/// How many fans wait ahead of a token that is stored as waiting.
pub(super) fn ahead_of(conn: &mut SqliteConnection, token: &QueueToken) -> Result<Option<u64>, SqlError> {
    if token.state != TokenState::Waiting {
        return Ok(None);
    }
    let gate = gate_by_id(conn, token.schedule_id)?;
    gate.map(|gate| waiting_up_to(conn, &gate, token.number - 1))
        .transpose()
}

/// How many fans with a number up to this one wait: those beyond the gate's mark, without those
/// who have left the line out of turn.
fn waiting_up_to(conn: &mut SqliteConnection, gate: &Gate, number: u64) -> Result<u64, SqlError> {
    let sql = "SELECT COUNT(*) FROM queue_tokens INDEXED BY queue_tokens_gone \
               WHERE schedule_id = ? AND number > ? AND number <= ? AND departure IS NOT NULL";
    let binds = [
        gate.schedule_id.0.into(),
        count_to_db(gate.admitted_number)?.into(),
        count_to_db(number)?.into(),
    ];
    let gone: Vec<Whole<u64>> = read::<BigInt, _, 3>(conn, sql, binds)?;
    let gone = gone.first().map_or(0, |gone| gone.0);
    let beyond = number.saturating_sub(gate.admitted_number);
    Ok(beyond.saturating_sub(gone))
}

fn status(
    conn: &mut SqliteConnection,
    token: QueueToken,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<TokenStatus>, SqlError> {
    let found = schedules::table.find(Id(token.schedule_id.0)).select((
        schedules::concert_id,
        schedules::date,
        schedules::booking_opens_at,
    ));
    let found: Option<(Id, Day, Moment)> = found.get_result(conn).optional()?;
    let gate = gate_by_id(conn, token.schedule_id)?;
    let (Some((concert, date, booking_opens_at)), Some(gate)) = (found, gate) else {
        return Ok(None);
    };
    let mut place = None;
    if token.state_at(now) == TokenState::Waiting {
        let ahead = waiting_up_to(conn, &gate, token.number - 1)?;
        let at = WaitAt {
            settings: &gate.settings,
            booking_opens_at: booking_opens_at.0,
            pace: MeasuredPace::default(),
            policy,
        };
        place = Some(Place::of(token.id, ahead, &at, now));
    }
    Ok(Some(TokenStatus {
        token,
        concert_id: ConcertId(concert.0),
        date: date.0,
        place,
        outlook: None,
        as_of: now,
    }))
}

fn update_settings(conn: &mut SqliteConnection, schedule: ScheduleId, settings: GateSettings) -> Result<(), SqlError> {
    let sql = "UPDATE gates SET max_active = ?, admissions_per_minute = ?, session_seconds = ?, paused = ? \
               WHERE schedule_id = ?";
    let binds = [
        settings.max_active.into(),
        settings.admissions_per_minute.into(),
        settings.session_seconds.into(),
        settings.paused.into(),
        schedule.0.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

fn stats(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    currency: Currency,
    now: Timestamp,
) -> Result<Stats, SqlError> {
    let revenue = "SELECT SUM(amount) FROM payments WHERE schedule_id = ? AND status = 'succeeded'";
    let revenue: Vec<Option<i64>> = read::<Nullable<BigInt>, _, 1>(conn, revenue, [schedule.0.into()])?;
    let revenue = revenue.into_iter().flatten().next().unwrap_or(0);
    let waits: Vec<(Moment, Option<Moment>)> = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(schedule.0)))
        .filter(queue_tokens::activated_at.is_not_null())
        .order(queue_tokens::activated_at.desc())
        .limit(MOST_WAITS)
        .select((queue_tokens::issued_at, queue_tokens::activated_at))
        .load(conn)?;
    let waits = waits.into_iter().filter_map(|(issued_at, activated_at)| {
        let waited = activated_at?.0 - issued_at.0;
        u64::try_from(waited.whole_seconds()).ok()
    });
    let line = line_figures(conn, schedule, now)?;
    Ok(Stats {
        seats: seat_counts(conn, schedule, now)?,
        tokens: line.tokens,
        reservations: reservation_counts(conn, schedule, now)?,
        revenue: currency.from_minor(revenue),
        admissions_last_minute: admitted_since(conn, schedule, now - Duration::MINUTE)?,
        waits: waits.collect(),
        no_shows: line.no_shows,
        leavers: line.leavers,
        let_through: line.let_through,
    })
}

/// How many fans were let in after this moment.
pub(super) fn admitted_since(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    since: Timestamp,
) -> Result<u64, SqlError> {
    let count: i64 = queue_tokens::table
        .filter(queue_tokens::schedule_id.eq(Id(schedule.0)))
        .filter(queue_tokens::activated_at.gt(Moment(since)))
        .count()
        .get_result(conn)?;
    Ok(count_from_db(count)?)
}

fn seat_counts(conn: &mut SqliteConnection, schedule: ScheduleId, now: Timestamp) -> Result<SeatCounts, SqlError> {
    let sql = "SELECT COUNT(*), COUNT(CASE WHEN status = 'sold' THEN 1 END), \
               COUNT(CASE WHEN status = 'held' AND held_until > ? THEN 1 END) FROM seats WHERE schedule_id = ?";
    let binds = [now.into(), schedule.0.into()];
    let counts: Vec<(Whole<u64>, Whole<u64>, Whole<u64>)> = read::<(BigInt, BigInt, BigInt), _, 2>(conn, sql, binds)?;
    let mut seats = SeatCounts::default();
    for (all, sold, held) in counts {
        seats.available = all.0 - sold.0 - held.0;
        seats.sold = sold.0;
        seats.held = held.0;
    }
    Ok(seats)
}

/// Rows by state, and how many of each have run out of time.
type ByState<T> = Vec<(Named<T>, Whole<u64>, Whole<u64>)>;

/// What became of the fans of a line.
#[derive(Default)]
struct LineFigures {
    tokens: TokenCounts,
    no_shows: u64,
    leavers: u64,
    let_through: u64,
}

/// A state; how many have it and how many of those have run out of time; and how many never claimed
/// their slot, were never let in and were let in out of turn.
type TokensOfState = (
    Named<TokenState>,
    Whole<u64>,
    Whole<u64>,
    Whole<u64>,
    Whole<u64>,
    Whole<u64>,
);

fn line_figures(conn: &mut SqliteConnection, schedule: ScheduleId, now: Timestamp) -> Result<LineFigures, SqlError> {
    let sql = "SELECT state, COUNT(*), COUNT(CASE WHEN lapses_at <= ? THEN 1 END), \
               COUNT(CASE WHEN activated_at IS NOT NULL AND claimed_at IS NULL AND lapses_at <= ? THEN 1 END), \
               COUNT(CASE WHEN activated_at IS NULL THEN 1 END), \
               COUNT(CASE WHEN activated_at IS NOT NULL AND departure IS NOT NULL THEN 1 END) \
               FROM queue_tokens WHERE schedule_id = ? GROUP BY state";
    let binds = [now.into(), now.into(), schedule.0.into()];
    let counts: Vec<TokensOfState> = read::<(Text, BigInt, BigInt, BigInt, BigInt, BigInt), _, 3>(conn, sql, binds)?;
    let mut line = LineFigures::default();
    for (state, all, lapsed, unclaimed, never_in, let_through) in counts {
        let lapsed = if state.0.is_live() { lapsed.0 } else { 0 };
        let tokens = &mut line.tokens;
        *match state.0 {
            TokenState::Waiting => &mut tokens.waiting,
            TokenState::Active => &mut tokens.active,
            TokenState::Completed => &mut tokens.completed,
            TokenState::Expired => &mut tokens.expired,
            TokenState::Left => &mut tokens.left,
        } += all.0 - lapsed;
        tokens.expired += lapsed;
        match state.0 {
            TokenState::Active | TokenState::Expired => line.no_shows += unclaimed.0,
            TokenState::Left => line.leavers += never_in.0,
            TokenState::Waiting | TokenState::Completed => {}
        }
        line.let_through += let_through.0;
    }
    Ok(line)
}

fn reservation_counts(
    conn: &mut SqliteConnection,
    schedule: ScheduleId,
    now: Timestamp,
) -> Result<ReservationCounts, SqlError> {
    let sql = "SELECT state, COUNT(*), COUNT(CASE WHEN held_until <= ? THEN 1 END) FROM reservations \
               WHERE schedule_id = ? GROUP BY state";
    let binds = [now.into(), schedule.0.into()];
    let counts: ByState<ReservationState> = read::<(Text, BigInt, BigInt), _, 2>(conn, sql, binds)?;
    let mut reservations = ReservationCounts::default();
    for (state, all, lapsed) in counts {
        match state.0 {
            ReservationState::Held => {
                reservations.held += all.0 - lapsed.0;
                reservations.expired += lapsed.0;
            }
            ReservationState::Confirmed => reservations.confirmed += all.0,
            ReservationState::Expired => reservations.expired += all.0,
            ReservationState::Released => reservations.released += all.0,
        }
    }
    Ok(reservations)
}
