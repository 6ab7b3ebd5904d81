//! I1, I2, I4, I8, I9 and the booking half of I6, for one performance.

use super::{Findings, Invariant, check_keys};
use crate::{
    clock::Timestamp,
    id::{ReservationId, ScheduleId},
    payment::{Payment, PaymentStatus},
    queue::{QueueToken, TokenState},
    seating::{Reservation, ReservationState, Seat, SeatState},
};
use std::collections::{BTreeMap, BTreeSet};

/// All of one performance, from one snapshot.
#[derive(Debug, Clone)]
pub struct ScheduleBooks {
    /// Which performance.
    pub schedule_id: ScheduleId,
    /// The last number given out at its gate.
    pub issued: u64,
    /// Every seat.
    pub seats: Vec<Seat>,
    /// Every reservation.
    pub reservations: Vec<Reservation>,
    /// Every queue token, by number.
    pub tokens: Vec<QueueToken>,
    /// Every payment for it.
    pub payments: Vec<Payment>,
    /// The moment of the snapshot.
    pub as_of: Timestamp,
}

/// Checks one performance.
#[must_use]
pub fn check_schedule(books: &ScheduleBooks) -> Findings {
    let mut findings = Findings::default();
    check_sold_once(&mut findings, books);
    check_holds_apart(&mut findings, books);
    check_paid(&mut findings, books);
    check_line(&mut findings, books);
    check_cap(&mut findings, books);
    let holds = books.reservations.iter().map(|r| (r.request_key, r.held_at));
    check_keys(&mut findings, "reservations", holds);
    let payments = books.payments.iter().filter(|p| p.status == PaymentStatus::Succeeded);
    check_keys(
        &mut findings,
        "payments",
        payments.map(|p| (p.request_key, p.created_at)),
    );
    findings
}

fn check_sold_once(findings: &mut Findings, books: &ScheduleBooks) {
    let mut owners: BTreeMap<u32, Vec<ReservationId>> = BTreeMap::new();
    for reservation in &books.reservations {
        if reservation.state == ReservationState::Confirmed {
            for number in &reservation.seat_numbers {
                owners.entry(*number).or_default().push(reservation.id);
            }
        }
    }
    for (number, owners) in &owners {
        if owners.len() > 1 {
            let id = books.schedule_id;
            findings.add(
                Invariant::I1,
                format!("seat {number} of {id} is sold {} times", owners.len()),
            );
        }
    }
    for seat in &books.seats {
        let sold_by = match seat.state {
            SeatState::Sold { reservation_id, .. } => Some(reservation_id),
            SeatState::Available | SeatState::Held { .. } => None,
        };
        let owner = owners.get(&seat.number).and_then(|owners| owners.first().copied());
        if sold_by != owner {
            let (number, id) = (seat.number, books.schedule_id);
            findings.add(
                Invariant::I1,
                format!("seat {number} of {id} and its confirmed reservation disagree"),
            );
        }
    }
}

/// When a reservation stopped keeping its seats from others; `None` if it never does.
fn kept_until(reservation: &Reservation) -> Option<Timestamp> {
    match reservation.state {
        ReservationState::Confirmed => None,
        ReservationState::Held | ReservationState::Expired | ReservationState::Released => {
            let end = reservation.ended_at.unwrap_or(reservation.held_until);
            Some(end.min(reservation.held_until))
        }
    }
}

fn check_holds_apart(findings: &mut Findings, books: &ScheduleBooks) {
    let mut holds: BTreeMap<u32, Vec<&Reservation>> = BTreeMap::new();
    for reservation in &books.reservations {
        for number in &reservation.seat_numbers {
            holds.entry(*number).or_default().push(reservation);
        }
    }
    for (number, mut holds) in holds {
        // Of those that began at one instant, the one that still keeps the seat came last.
        holds.sort_unstable_by_key(|hold| (hold.held_at, kept_until(hold).is_none(), kept_until(hold)));
        for pair in holds.windows(2) {
            if kept_until(pair[0]).is_none_or(|end| pair[1].held_at < end) {
                let (one, two) = (pair[0].id, pair[1].id);
                findings.add(Invariant::I2, format!("seat {number} was in {one} and {two} at once"));
            }
        }
    }
}

fn check_paid(findings: &mut Findings, books: &ScheduleBooks) {
    let mut paid: BTreeMap<ReservationId, Vec<&Payment>> = BTreeMap::new();
    for payment in &books.payments {
        if payment.status == PaymentStatus::Succeeded {
            paid.entry(payment.reservation_id).or_default().push(payment);
        }
    }
    for reservation in &books.reservations {
        let payments = paid.remove(&reservation.id).unwrap_or_default();
        let right = match (reservation.state, payments.as_slice()) {
            (ReservationState::Confirmed, [payment]) => {
                payment.amount == reservation.total_price && payment.user_id == reservation.user_id
            }
            (ReservationState::Confirmed, _) => false,
            (ReservationState::Held | ReservationState::Expired | ReservationState::Released, payments) => {
                payments.is_empty()
            }
        };
        if !right {
            let (id, count) = (reservation.id, payments.len());
            let state = reservation.state.as_str();
            findings.add(
                Invariant::I4,
                format!("reservation {id} is {state} with {count} payments"),
            );
        }
    }
    for orphan in paid.into_keys() {
        findings.add(Invariant::I4, format!("a payment for {orphan}, which does not exist"));
    }
}

fn check_line(findings: &mut Findings, books: &ScheduleBooks) {
    let id = books.schedule_id;
    let numbers: BTreeSet<u64> = books.tokens.iter().map(|token| token.number).collect();
    let whole = numbers.len() == books.tokens.len() && numbers.iter().copied().eq(1..=books.issued);
    if !whole {
        let count = books.tokens.len();
        findings.add(
            Invariant::I8,
            format!(
                "the gate of {id} issued {} numbers and has {count} tokens",
                books.issued
            ),
        );
    }
    let departures: BTreeSet<u64> = books.tokens.iter().filter_map(|token| token.departure).collect();
    let departed = books.tokens.iter().filter(|token| token.departure.is_some()).count();
    if departures.len() != departed || !departures.iter().copied().eq(1..=departed as u64) {
        let what = format!("{departed} fans left the line of {id} out of turn, not numbered from 1 without gaps");
        findings.add(Invariant::I8, what);
    }
    let mut by_number: Vec<&QueueToken> = books.tokens.iter().collect();
    by_number.sort_unstable_by_key(|token| token.number);
    // Who was let through out of turn overtook those ahead, and was overtaken by nobody.
    by_number.retain(|token| !token.was_let_through());
    let mut earliest_later_entry: Option<Timestamp> = None;
    for token in by_number.into_iter().rev() {
        let overtaken = match token.activated_at {
            Some(entered) => earliest_later_entry.is_some_and(|later| later < entered),
            None => earliest_later_entry.is_some() && token.state_at(books.as_of) == TokenState::Waiting,
        };
        if overtaken {
            findings.add(Invariant::I8, format!("token {} was overtaken", token.id));
        }
        earliest_later_entry = match (earliest_later_entry, token.activated_at) {
            (Some(later), Some(entered)) => Some(later.min(entered)),
            (later, entered) => later.or(entered),
        };
    }
}

fn check_cap(findings: &mut Findings, books: &ScheduleBooks) {
    let mut entries: Vec<(Timestamp, u32)> = Vec::new();
    let mut ends: Vec<Timestamp> = Vec::new();
    for token in &books.tokens {
        if let (Some(entered), Some(cap)) = (token.activated_at, token.admitted_under) {
            entries.push((entered, cap));
            let stays = token.state == TokenState::Active;
            let end = token.ended_at.or(stays.then_some(token.lapses_at));
            ends.push(end.unwrap_or(entered));
        }
    }
    entries.sort_unstable();
    ends.sort_unstable();
    for (place, (entered, cap)) in (1_usize..).zip(&entries) {
        let together = entries.get(place).is_some_and(|(next, _)| next == entered);
        let gone = ends.partition_point(|end| end <= entered);
        if !together && place.saturating_sub(gone) > *cap as usize {
            let id = books.schedule_id;
            findings.add(
                Invariant::I9,
                format!("{} fans were inside {id} at {entered}, {cap} allowed", place - gone),
            );
        }
    }
}
