//! Storing what a batch changed.

use super::{
    error::SqlError,
    rows::{EntryRow, PaymentRow, ReservationRow, TokenRow, UserRow, WalletRow},
    schema::{payments, queue_tokens, reservations, users, wallet_entries, wallets},
    statement::{Bind, run},
};
use crate::codec::{ProgressColumns, count_to_db};
use diesel::{prelude::*, sqlite::SqliteConnection};
use frontrow_domain::{
    catalog::{Concert, Schedule},
    decision::WorkingSet,
    idempotency::Record,
    queue::{Gate, Line, QueueToken},
    seating::{Reservation, Seat, SeatState},
    wallet::Wallet,
};

pub(super) fn changes(conn: &mut SqliteConnection, rows: &WorkingSet) -> Result<(), SqlError> {
    for (_, user) in rows.users.inserted() {
        diesel::insert_into(users::table)
            .values(UserRow::from(user))
            .execute(conn)?;
    }
    for (_, concert) in rows.concerts.inserted() {
        insert_concert(conn, concert)?;
    }
    for (_, schedule) in rows.schedules.inserted() {
        insert_schedule(conn, schedule)?;
    }
    for (_, line) in rows.lines.inserted() {
        insert_line(conn, line)?;
    }
    for (id, line) in rows.lines.changed() {
        let sql = "UPDATE lines SET issued = ?, departed = ? WHERE schedule_id = ?";
        let (issued, departed) = (count_to_db(line.issued)?, count_to_db(line.departed)?);
        run(conn, sql, [issued.into(), departed.into(), id.0.into()])?;
    }
    // A lapsed token makes room for the fan's new one, so changes come first.
    for (_, token) in rows.tokens.changed() {
        update_token(conn, token)?;
    }
    for (_, token) in rows.tokens.inserted() {
        diesel::insert_into(queue_tokens::table)
            .values(TokenRow::from(token))
            .execute(conn)?;
    }
    for (_, reservation) in rows.reservations.inserted() {
        let row = ReservationRow::from(reservation);
        diesel::insert_into(reservations::table).values(row).execute(conn)?;
    }
    for (_, reservation) in rows.reservations.changed() {
        update_reservation(conn, reservation)?;
    }
    for (_, seat) in rows.seats.changed() {
        update_seat(conn, seat)?;
    }
    store_money(conn, rows)?;
    store_records(conn, rows)
}

fn store_money(conn: &mut SqliteConnection, rows: &WorkingSet) -> Result<(), SqlError> {
    for (_, wallet) in rows.wallets.inserted() {
        diesel::insert_into(wallets::table)
            .values(WalletRow::from(wallet))
            .execute(conn)?;
    }
    for (_, wallet) in rows.wallets.changed() {
        update_wallet(conn, wallet)?;
    }
    for entry in &rows.entries {
        diesel::insert_into(wallet_entries::table)
            .values(EntryRow::from(entry))
            .execute(conn)?;
    }
    for (_, payment) in rows.payments.inserted() {
        diesel::insert_into(payments::table)
            .values(PaymentRow::from(payment))
            .execute(conn)?;
    }
    Ok(())
}

fn store_records(conn: &mut SqliteConnection, rows: &WorkingSet) -> Result<(), SqlError> {
    for id in rows.records.removed() {
        let sql = "DELETE FROM idempotency_records WHERE scope = ? AND request_key = ?";
        run(conn, sql, [id.scope.into(), id.key.0.into()])?;
    }
    for (_, record) in rows.records.written() {
        put_record(conn, record)?;
    }
    Ok(())
}

fn insert_concert(conn: &mut SqliteConnection, concert: &Concert) -> Result<(), SqlError> {
    let sql = "INSERT INTO concerts (concert_id, title, venue, created_at) VALUES (?, ?, ?, ?)";
    let binds = [
        concert.id.0.into(),
        concert.title.clone().into(),
        concert.venue.clone().into(),
        concert.created_at.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

/// A performance with its blocks, and every seat of it in one statement.
fn insert_schedule(conn: &mut SqliteConnection, schedule: &Schedule) -> Result<(), SqlError> {
    let id = schedule.id.0;
    let sql = "INSERT INTO schedules (schedule_id, concert_id, date, starts_at, booking_opens_at, booking_closes_at, \
               created_at) VALUES (?, ?, ?, ?, ?, ?, ?)";
    let binds = [
        id.into(),
        schedule.concert_id.0.into(),
        schedule.date.to_string().into(),
        schedule.starts_at.into(),
        schedule.booking_opens_at.into(),
        schedule.booking_closes_at.into(),
        schedule.created_at.into(),
    ];
    run(conn, sql, binds)?;
    for (ordinal, block) in (0_i64..).zip(&schedule.layout.0) {
        let sql = "INSERT INTO seat_blocks (schedule_id, ordinal, section, rows, seats_per_row, price) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        let binds = [
            id.into(),
            ordinal.into(),
            block.section.clone().into(),
            block.rows.into(),
            block.seats_per_row.into(),
            block.price.into(),
        ];
        run(conn, sql, binds)?;
    }
    let sql = "WITH RECURSIVE places (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM places WHERE number < ?) \
               INSERT INTO seats (schedule_id, number, status, version) \
               SELECT ?, number, 'available', 0 FROM places";
    run(conn, sql, [schedule.layout.len().into(), id.into()])?;
    Ok(())
}

fn insert_line(conn: &mut SqliteConnection, line: &Line) -> Result<(), SqlError> {
    let sql = "INSERT INTO lines (schedule_id, issued, departed) VALUES (?, ?, ?)";
    let (issued, departed) = (count_to_db(line.issued)?, count_to_db(line.departed)?);
    run(conn, sql, [line.schedule_id.0.into(), issued.into(), departed.into()])?;
    let Gate {
        schedule_id,
        settings,
        admitted_number,
        admitted,
        next_slot_at,
    } = &line.gate;
    let sql = "INSERT INTO gates (schedule_id, max_active, admissions_per_minute, session_seconds, paused, \
               admitted_number, next_slot_at, admitted) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let binds = [
        schedule_id.0.into(),
        settings.max_active.into(),
        settings.admissions_per_minute.into(),
        settings.session_seconds.into(),
        settings.paused.into(),
        count_to_db(*admitted_number)?.into(),
        (*next_slot_at).into(),
        count_to_db(*admitted)?.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

pub(super) fn update_token(conn: &mut SqliteConnection, token: &QueueToken) -> Result<(), SqlError> {
    let sql = "UPDATE queue_tokens SET state = ?, activated_at = ?, claimed_at = ?, session_seconds = ?, \
               lapses_at = ?, ended_at = ?, admitted_under = ?, departure = ? WHERE schedule_id = ? AND token_id = ?";
    let binds = [
        token.state.as_str().into(),
        token.activated_at.into(),
        token.claimed_at.into(),
        token.session.whole_seconds().into(),
        token.lapses_at.into(),
        token.ended_at.into(),
        token.admitted_under.into(),
        token.departure.map(count_to_db).transpose()?.into(),
        token.schedule_id.0.into(),
        token.id.0.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

pub(super) fn update_reservation(conn: &mut SqliteConnection, reservation: &Reservation) -> Result<(), SqlError> {
    let sql = "UPDATE reservations SET state = ?, ended_at = ? \
               WHERE schedule_id = ? AND reservation_id = ?";
    let binds = [
        reservation.state.as_str().into(),
        reservation.ended_at.into(),
        reservation.schedule_id.0.into(),
        reservation.id.0.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

pub(super) fn update_seat(conn: &mut SqliteConnection, seat: &Seat) -> Result<(), SqlError> {
    let (status, by, until) = match seat.state {
        SeatState::Available => ("available", None, None),
        SeatState::Held {
            reservation_id,
            user_id,
            until,
        } => ("held", Some((reservation_id.0, user_id.0)), Some(until)),
        SeatState::Sold {
            reservation_id,
            user_id,
        } => ("sold", Some((reservation_id.0, user_id.0)), None),
    };
    let sql = "UPDATE seats SET status = ?, reservation_id = ?, user_id = ?, held_until = ?, version = ? \
               WHERE schedule_id = ? AND number = ?";
    let (reservation, user) = by.unzip();
    let binds: [Bind; 7] = [
        status.into(),
        reservation.into(),
        user.into(),
        until.into(),
        count_to_db(seat.version)?.into(),
        seat.schedule_id.0.into(),
        seat.number.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}

fn update_wallet(conn: &mut SqliteConnection, wallet: &Wallet) -> Result<(), SqlError> {
    let sql = "UPDATE wallets SET balance = ?, entries = ? WHERE user_id = ?";
    let entries = count_to_db(wallet.entries)?;
    run(
        conn,
        sql,
        [wallet.balance.into(), entries.into(), wallet.user_id.0.into()],
    )?;
    Ok(())
}

fn put_record(conn: &mut SqliteConnection, record: &Record) -> Result<(), SqlError> {
    let columns = ProgressColumns::of(&record.progress)?;
    let sql = "INSERT INTO idempotency_records (scope, request_key, fingerprint, outcome, reference, attempts, \
               lease_until, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) \
               ON CONFLICT (scope, request_key) DO UPDATE SET fingerprint = excluded.fingerprint, \
               outcome = excluded.outcome, reference = excluded.reference, attempts = excluded.attempts, \
               lease_until = excluded.lease_until, expires_at = excluded.expires_at";
    let binds = [
        record.id.scope.into(),
        record.id.key.0.into(),
        record.fingerprint.0.into(),
        columns.outcome.into(),
        columns.reference.into(),
        columns.attempts.map(i64::from).into(),
        columns.lease_until.into(),
        record.expires_at.into(),
    ];
    run(conn, sql, binds)?;
    Ok(())
}
