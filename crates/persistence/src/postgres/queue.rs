//! Reading places in line; reading and changing gates.

use super::{
    Inner, Mode, Postgres,
    error::Failure,
    locks,
    pool::Lease,
    rows::{GateRow, TokenRow, small_from_db, small_to_db},
    schema::gates,
    sql::sql,
    stats,
};
use crate::codec::{count_from_db, count_to_db};
use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper,
    sql_types::{Array, BigInt, Bool, Date as SqlDate, Integer, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use frontrow_domain::{
    catalog::InvalidField,
    clock::Timestamp,
    id::{ConcertId, ScheduleId},
    outcome::StoreError,
    policy::Policy,
    queue::{
        Gate, GatePatch, GateSettings, MeasuredPace, Place, QueueToken, TokenRef, TokenState, TokenStatus, WaitAt,
        port::{GateNews, MOST_LEAVERS, QueueQueries, Stats},
    },
};
use std::collections::HashMap;
use time::Date;
use uuid::Uuid;

/// Tokens, their gates and those ahead of them, from one snapshot. Ahead of a waiting fan is who
/// got a lower number behind the gate's mark, without those who have left the line out of turn.
const STATUSES: &str = "
    SELECT t.schedule_id, t.token_id, t.user_id, t.number, t.state, t.issued_at, t.activated_at,
        t.claimed_at, t.session_seconds, t.lapses_at, t.ended_at, t.admitted_under, t.departure,
        s.concert_id, s.date, s.booking_opens_at,
        g.max_active, g.admissions_per_minute, g.session_seconds AS gate_session_seconds, g.paused,
        clock_timestamp() AS at,
        CASE WHEN t.state = 'waiting' THEN greatest(0, t.number - 1 - g.admitted_number - (
            SELECT count(*) FROM queue_tokens gone
            WHERE gone.schedule_id = t.schedule_id AND gone.number > g.admitted_number AND gone.number < t.number
                AND gone.departure IS NOT NULL))
        END AS ahead
    FROM unnest($1, $2) AS asked (schedule_id, token_id)
    CROSS JOIN LATERAL (
        SELECT * FROM queue_tokens one
        WHERE one.schedule_id = asked.schedule_id AND one.token_id = asked.token_id OFFSET 0) t
    CROSS JOIN LATERAL (SELECT * FROM gates one WHERE one.schedule_id = asked.schedule_id OFFSET 0) g
    CROSS JOIN LATERAL (SELECT * FROM schedules one WHERE one.schedule_id = asked.schedule_id OFFSET 0) s";

/// The news of gates, each from one snapshot, which is not older than `at`. A gate and its line
/// are looked up one by one, however many there are.
const NEWS: &str = "
    SELECT known.schedule_id, known.departure AS after, g.max_active, g.admissions_per_minute, g.session_seconds,
        g.paused, l.issued, g.admitted, g.admitted_number, l.departed, now() AS at,
        ARRAY(
            SELECT t.number FROM queue_tokens t
            WHERE t.schedule_id = known.schedule_id AND t.departure > known.departure
                AND t.departure <= known.departure + $3 AND t.number > g.admitted_number) AS leavers
    FROM unnest($1, $2) AS known (schedule_id, departure)
    CROSS JOIN LATERAL (SELECT * FROM gates one WHERE one.schedule_id = known.schedule_id OFFSET 0) g
    CROSS JOIN LATERAL (SELECT * FROM lines one WHERE one.schedule_id = known.schedule_id OFFSET 0) l";

#[derive(QueryableByName)]
struct NewsRow {
    #[diesel(sql_type = SqlUuid)]
    schedule_id: Uuid,
    #[diesel(sql_type = BigInt)]
    after: i64,
    #[diesel(sql_type = Integer)]
    max_active: i32,
    #[diesel(sql_type = Integer)]
    admissions_per_minute: i32,
    #[diesel(sql_type = Integer)]
    session_seconds: i32,
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = BigInt)]
    issued: i64,
    #[diesel(sql_type = BigInt)]
    admitted: i64,
    #[diesel(sql_type = BigInt)]
    admitted_number: i64,
    #[diesel(sql_type = BigInt)]
    departed: i64,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Array<BigInt>)]
    leavers: Vec<i64>,
}

impl TryFrom<NewsRow> for GateNews {
    type Error = StoreError;

    fn try_from(row: NewsRow) -> Result<Self, StoreError> {
        let departed = count_from_db(row.departed)?;
        let after = count_from_db(row.after)?;
        Ok(Self {
            schedule_id: ScheduleId(row.schedule_id),
            settings: GateSettings {
                max_active: small_from_db(row.max_active)?,
                admissions_per_minute: small_from_db(row.admissions_per_minute)?,
                session_seconds: small_from_db(row.session_seconds)?,
                paused: row.paused,
            },
            issued: count_from_db(row.issued)?,
            admitted: count_from_db(row.admitted)?,
            admitted_number: count_from_db(row.admitted_number)?,
            departed,
            after,
            seen: departed.min(after + MOST_LEAVERS),
            leavers: row.leavers.into_iter().map(count_from_db).collect::<Result<_, _>>()?,
            as_of: row.at,
        })
    }
}

#[derive(QueryableByName)]
struct StatusRow {
    #[diesel(embed)]
    token: TokenRow,
    #[diesel(sql_type = SqlUuid)]
    concert_id: Uuid,
    #[diesel(sql_type = SqlDate)]
    date: Date,
    #[diesel(sql_type = Timestamptz)]
    booking_opens_at: Timestamp,
    #[diesel(sql_type = Integer)]
    max_active: i32,
    #[diesel(sql_type = Integer)]
    admissions_per_minute: i32,
    #[diesel(sql_type = Integer)]
    gate_session_seconds: i32,
    #[diesel(sql_type = Bool)]
    paused: bool,
    #[diesel(sql_type = Timestamptz)]
    at: Timestamp,
    #[diesel(sql_type = Nullable<BigInt>)]
    ahead: Option<i64>,
}

impl StatusRow {
    fn into_status(self, policy: &Policy) -> Result<TokenStatus, StoreError> {
        let token = QueueToken::try_from(self.token)?;
        let gate = GateSettings {
            max_active: small_from_db(self.max_active)?,
            admissions_per_minute: small_from_db(self.admissions_per_minute)?,
            session_seconds: small_from_db(self.gate_session_seconds)?,
            paused: self.paused,
        };
        let waits = token.state_at(self.at) == TokenState::Waiting;
        let ahead = self.ahead.filter(|_| waits).map(count_from_db).transpose()?;
        let at = WaitAt {
            settings: &gate,
            booking_opens_at: self.booking_opens_at,
            pace: MeasuredPace::default(),
            policy,
        };
        Ok(TokenStatus {
            place: ahead.map(|ahead| Place::of(token.id, ahead, &at, self.at)),
            token,
            concert_id: ConcertId(self.concert_id),
            date: self.date,
            outlook: None,
            as_of: self.at,
        })
    }
}

#[async_trait]
impl QueueQueries for Postgres {
    async fn statuses(&self, tokens: Vec<TokenRef>) -> Result<Vec<Option<TokenStatus>>, StoreError> {
        let gates: Vec<Uuid> = tokens.iter().map(|token| token.schedule_id.0).collect();
        let ids: Vec<Uuid> = tokens.iter().map(|token| token.id.0).collect();
        let found = self.query(move |inner, lease| {
            let statuses = sql(STATUSES)
                .bind::<Array<SqlUuid>, _>(gates.clone())
                .bind::<Array<SqlUuid>, _>(ids.clone());
            Box::pin(async move {
                let rows: Vec<StatusRow> = statuses.load(&mut lease.connection()?).await?;
                let statuses = rows.into_iter().map(|row| row.into_status(&inner.policy));
                Ok(statuses.collect::<Result<Vec<_>, _>>()?)
            })
        });
        let found = found.await?.into_iter();
        let found: HashMap<_, _> = found
            .map(|status| ((status.token.schedule_id, status.token.id), status))
            .collect();
        let status_of = |token: &TokenRef| found.get(&(token.schedule_id, token.id)).cloned();
        Ok(tokens.iter().map(status_of).collect())
    }

    async fn gate(&self, schedule: ScheduleId) -> Result<Option<Gate>, StoreError> {
        self.query(move |_, lease| {
            Box::pin(async move {
                let row: Option<GateRow> = gates::table
                    .filter(gates::schedule_id.eq(schedule.0))
                    .select(GateRow::as_select())
                    .first(&mut lease.connection()?)
                    .await
                    .optional()?;
                Ok(row.map(Gate::try_from).transpose()?)
            })
        })
        .await
    }

    async fn gate_news(&self, after: Vec<(ScheduleId, u64)>) -> Result<Vec<GateNews>, StoreError> {
        let departures = after.iter().map(|(_, departure)| count_to_db(*departure));
        let departures: Vec<i64> = departures.collect::<Result<_, _>>()?;
        let gates: Vec<Uuid> = after.iter().map(|(gate, _)| gate.0).collect();
        let most = count_to_db(MOST_LEAVERS)?;
        self.query(move |_, lease| {
            let news = sql(NEWS)
                .bind::<Array<SqlUuid>, _>(gates.clone())
                .bind::<Array<BigInt>, _>(departures.clone())
                .bind::<BigInt, _>(most);
            Box::pin(async move {
                let rows: Vec<NewsRow> = news.load(&mut lease.connection()?).await?;
                Ok(rows.into_iter().map(GateNews::try_from).collect::<Result<_, _>>()?)
            })
        })
        .await
    }

    async fn patch_gate(
        &self,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, StoreError> {
        self.transact(Mode::Write, move |inner, lease| {
            Box::pin(inner.patch_gate(lease, schedule, patch))
        })
        .await
    }

    async fn stats(&self, schedule: ScheduleId) -> Result<Option<Stats>, StoreError> {
        self.query(move |inner, lease| Box::pin(stats::of(&inner.policy, lease, schedule)))
            .await
    }
}

impl Inner {
    async fn patch_gate(
        &self,
        lease: &Lease,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, Failure> {
        let Some(mut gate) = locks::gate(lease.connection()?, schedule).await? else {
            return Ok(None);
        };
        let settings = match patch.apply(gate.settings) {
            Ok(settings) => settings,
            Err(invalid) => return Ok(Some(Err(invalid))),
        };
        gate.settings = settings;
        diesel::update(gates::table.filter(gates::schedule_id.eq(schedule.0)))
            .set((
                gates::max_active.eq(small_to_db(settings.max_active)?),
                gates::admissions_per_minute.eq(small_to_db(settings.admissions_per_minute)?),
                gates::session_seconds.eq(small_to_db(settings.session_seconds)?),
                gates::paused.eq(settings.paused),
            ))
            .execute(&mut lease.connection()?)
            .await?;
        Ok(Some(Ok(gate)))
    }
}
