//! Gates and places in line.

use crate::sqlite::{
    schema::{gates, queue_tokens},
    types::{Id, Moment, Named, Whole},
};
use diesel::prelude::*;
use frontrow_domain::{
    id::{ScheduleId, TokenId, UserId},
    queue::{Gate, GateSettings, QueueToken, TokenState},
};
use time::Duration;

#[derive(Queryable, Selectable)]
#[diesel(table_name = gates, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct GateRow {
    schedule_id: Id,
    max_active: Whole<u32>,
    admissions_per_minute: Whole<u32>,
    session_seconds: Whole<u32>,
    paused: bool,
    admitted_number: Whole<u64>,
    next_slot_at: Option<Moment>,
    admitted: Whole<u64>,
}

impl From<GateRow> for Gate {
    fn from(row: GateRow) -> Self {
        Self {
            schedule_id: ScheduleId(row.schedule_id.0),
            settings: GateSettings {
                max_active: row.max_active.0,
                admissions_per_minute: row.admissions_per_minute.0,
                session_seconds: row.session_seconds.0,
                paused: row.paused,
            },
            admitted_number: row.admitted_number.0,
            admitted: row.admitted.0,
            next_slot_at: row.next_slot_at.map(|at| at.0),
        }
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = queue_tokens, check_for_backend(diesel::sqlite::Sqlite))]
pub(in crate::sqlite) struct TokenRow {
    schedule_id: Id,
    token_id: Id,
    user_id: Id,
    number: Whole<u64>,
    state: Named<TokenState>,
    issued_at: Moment,
    activated_at: Option<Moment>,
    claimed_at: Option<Moment>,
    session_seconds: i64,
    lapses_at: Moment,
    ended_at: Option<Moment>,
    admitted_under: Option<Whole<u32>>,
    departure: Option<Whole<u64>>,
}

impl From<TokenRow> for QueueToken {
    fn from(row: TokenRow) -> Self {
        Self {
            id: TokenId(row.token_id.0),
            schedule_id: ScheduleId(row.schedule_id.0),
            user_id: UserId(row.user_id.0),
            number: row.number.0,
            state: row.state.0,
            issued_at: row.issued_at.0,
            activated_at: row.activated_at.map(|at| at.0),
            claimed_at: row.claimed_at.map(|at| at.0),
            session: Duration::seconds(row.session_seconds),
            lapses_at: row.lapses_at.0,
            ended_at: row.ended_at.map(|at| at.0),
            admitted_under: row.admitted_under.map(|most| most.0),
            departure: row.departure.map(|departure| departure.0),
        }
    }
}

impl From<&QueueToken> for TokenRow {
    fn from(token: &QueueToken) -> Self {
        Self {
            schedule_id: Id(token.schedule_id.0),
            token_id: Id(token.id.0),
            user_id: Id(token.user_id.0),
            number: Whole(token.number),
            state: Named(token.state),
            issued_at: Moment(token.issued_at),
            activated_at: token.activated_at.map(Moment),
            claimed_at: token.claimed_at.map(Moment),
            session_seconds: token.session.whole_seconds(),
            lapses_at: Moment(token.lapses_at),
            ended_at: token.ended_at.map(Moment),
            admitted_under: token.admitted_under.map(Whole),
            departure: token.departure.map(Whole),
        }
    }
}
