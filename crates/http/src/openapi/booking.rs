//! Dates, seats, reservations and payments.

use super::{credential::Credential, operation::Operation};
use crate::{
    code::Code,
    dates::DatesView,
    payments::{Pay, PaymentView, ReceiptView},
    reservations::{Hold, ReservationView},
    seats::SeatMapView,
};
use frontrow_domain::{id::PaymentId, identity::Scope};
use serde_json::{Value, json};

pub(crate) fn dates() -> Operation {
    Operation::new("listDates", "booking", "When a concert can be booked")
        .description("Performances that are open for booking and not sold out.")
        .credential(Credential::Booker)
        .codes(&[Code::InvalidConcert, Code::TokenScopeMismatch, Code::OutcomeUnknown])
        .answer::<DatesView>(
            200,
            "The dates",
            json!({
                "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
                "dates": [{
                    "schedule_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a003",
                    "date": "2026-12-24",
                    "starts_at": "2026-12-24T10:30:00.000Z",
                    "booking_closes_at": "2026-12-24T09:30:00.000Z",
                    "seats_total": 50,
                    "seats_available": 47,
                }],
            }),
        )
}

/// What can be in the way of looking at seats.
const LOOKING: [Code; 6] = [
    Code::InvalidConcert,
    Code::InvalidDate,
    Code::AmbiguousDate,
    Code::TokenScopeMismatch,
    Code::BookingClosed,
    Code::OutcomeUnknown,
];

pub(crate) fn seats() -> Operation {
    let flag = json!({"type": "boolean", "default": false});
    Operation::new("listSeats", "booking", "The seat map of a date")
        .credential(Credential::Booker)
        .query("available", &flag, "Show only seats that can be held")
        .codes(&LOOKING)
        .answer::<SeatMapView<'static>>(
            200,
            "Every seat, or every available one",
            json!({
                "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
                "schedule_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a003",
                "date": "2026-12-24",
                "version": 17,
                "seats": [{
                    "seat_number": 52,
                    "section": "A",
                    "row": "3",
                    "label": "A-3-12",
                    "price": 99_000,
                    "status": "available",
                }],
            }),
        )
        .plain_answer(304, "The map is the one of `If-None-Match`", "")
        .with_etag()
}

pub(crate) fn seat_events() -> Operation {
    Operation::new("streamSeats", "booking", "Be told which seats change, as they do")
        .description(
            "Server-sent events. `seats`: `{version, seats: [{seat_number, status}]}`, the seats that are different now, with the map's \
             `version` as its `id`. Read the seat map and come with its version as `Last-Event-ID`: what has changed since is told, \
             and then what changes. Ignore an event whose id is not above the version that is known. Without `Last-Event-ID` the stream \
             begins now, with an event that names the version. `reset`: what came before this version is not known here; when it is above \
             the version that is known, read the seat map again. `end`: the stream ends for a `reason`: `token_ended`, `booking_closed`, \
             or `shutting_down`, `storage_unavailable` or `slow_reader`, after which it makes sense to come back. A line that begins with a \
             colon comes after 15 s with nothing to tell.",
        )
        .credential(Credential::Booker)
        .header("Last-Event-ID", "The version that is known; what is no version, or none that is known here, is answered with `reset`")
        .plain_answer(200, "Events, until the place has come to its end", "text/event-stream")
        .codes(&LOOKING)
}

fn held() -> Value {
    json!({
        "status": "success",
        "reservation_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a004",
        "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
        "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
        "schedule_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a003",
        "date": "2026-12-24",
        "seat_numbers": [7, 8],
        "total_price": 100_000,
        "currency": "KRW",
        "state": "held",
        "held_until": "2026-12-01T11:10:00.000Z",
        "remaining_seconds": 300,
    })
}

pub(crate) fn hold() -> Operation {
    let example = json!({
        "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
        "date": "2026-12-24",
        "seat_numbers": [7, 8],
    });
    Operation::new("holdSeats", "booking", "Hold seats, all or none")
        .description("A hold lasts a few minutes; pay it before it lapses.")
        .credential(Credential::Booker)
        .body::<Hold>(example)
        .answer::<ReservationView>(201, "The seats are held", held())
        .codes(&[
            Code::InvalidConcert,
            Code::InvalidDate,
            Code::AmbiguousDate,
            Code::TokenScopeMismatch,
            Code::BookingClosed,
            Code::SeatLimitExceeded,
            Code::InvalidSeat,
            Code::SeatAlreadyReserved,
        ])
}

pub(crate) fn reservation() -> Operation {
    Operation::new("getReservation", "booking", "A reservation as it stands")
        .credential(Credential::Fan(Scope::BookingOnBehalf))
        .answer::<ReservationView>(200, "The reservation", held())
        .codes(&[Code::InvalidReservation, Code::UserMismatch])
}

pub(crate) fn release() -> Operation {
    Operation::new("releaseReservation", "booking", "Give held seats back")
        .credential(Credential::Fan(Scope::BookingOnBehalf))
        .plain_answer(204, "The seats are free", "")
        .codes(&[Code::InvalidReservation, Code::UserMismatch, Code::ReservationNotHeld])
}

pub(crate) fn pay() -> Operation {
    let example = json!({
        "reservation_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a004",
        "amount": 100_000,
        "payment_method": "ok",
    });
    Operation::new("payReservation", "booking", "Pay a reservation from the wallet")
        .description("`payment_failed` releases the seats; `insufficient_balance` and `outcome_unknown` keep the hold.")
        .credential(Credential::Booker)
        .body::<Pay>(example)
        .answer::<ReceiptView>(
            201,
            "Paid: the seats are the fan's",
            json!({
                "status": "success",
                "payment_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a005",
                "reservation_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a004",
                "user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001",
                "amount": 100_000,
                "currency": "KRW",
                "balance": 50_000,
                "seat_numbers": [7, 8],
                "paid_at": "2026-12-01T11:06:30.000Z",
            }),
        )
        .codes(&[
            Code::InvalidAmount,
            Code::InvalidUser,
            Code::InvalidReservation,
            Code::TokenScopeMismatch,
            Code::ReservationNotHeld,
            Code::AmountMismatch,
            Code::InsufficientBalance,
            Code::PaymentFailed,
        ])
}

pub(crate) fn payments() -> Operation {
    let payment = json!({
        "payment_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a005",
        "reservation_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a004",
        "status": "succeeded",
        "amount": 100_000,
        "currency": "KRW",
        "payment_method": "ok",
        "seat_numbers": [7, 8],
        "created_at": "2026-12-01T11:06:30.000Z",
        "paid_at": "2026-12-01T11:06:30.000Z",
    });
    Operation::new("listPayments", "booking", "A fan's payments, newest first")
        .credential(Credential::Fan(Scope::BookingOnBehalf))
        .page::<PaymentView, PaymentId>("A page of payments", &payment)
        .codes(&[Code::UserMismatch, Code::InvalidUser])
}
