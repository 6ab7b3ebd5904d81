//! What operators do.

use super::{credential::Credential, operation::Operation, queue};
use crate::{
    admin::{
        admissions::Admission,
        audit::AuditView,
        concerts::{ConcertCreated, NewConcert},
        gates::{GateChange, GateView},
        schedules::{NewSchedule, ScheduleCreatedView},
        stats::StatsView,
    },
    code::Code,
    queue::TokenView,
};
use frontrow_domain::identity::Scope;
use serde_json::{Value, json};

fn gate() -> Value {
    json!({"max_active": 100, "admissions_per_minute": 600, "session_seconds": 600, "paused": false})
}

pub(crate) fn create_concert() -> Operation {
    Operation::new("createConcert", "operators", "Put a concert on the list")
        .credential(Credential::Operator(Scope::CatalogWrite))
        .body::<NewConcert>(json!({"title": "Winter Journey", "venue": "Arts Center"}))
        .answer::<ConcertCreated>(
            201,
            "The concert",
            json!({
                "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
                "title": "Winter Journey",
                "venue": "Arts Center",
            }),
        )
}

pub(crate) fn create_schedule() -> Operation {
    let example = json!({
        "starts_at": "2026-12-24T19:30:00+09:00",
        "booking_opens_at": "2026-12-01T20:00:00+09:00",
        "booking_closes_at": "2026-12-24T18:30:00+09:00",
        "seats": {"sections": [{"name": "A", "rows": 10, "seats_per_row": 20, "price": 99_000}]},
        "gate": {"max_active": 100},
    });
    Operation::new("createSchedule", "operators", "Put a performance on sale")
        .description(
            "Booking opens before it closes, and closes no later than the start. A performance never changes \
             afterwards; its gate does.",
        )
        .credential(Credential::Operator(Scope::CatalogWrite))
        .body::<NewSchedule>(example)
        .answer::<ScheduleCreatedView>(
            201,
            "The performance",
            json!({
                "schedule_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a003",
                "concert_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a002",
                "date": "2026-12-24",
                "starts_at": "2026-12-24T10:30:00.000Z",
                "booking_opens_at": "2026-12-01T11:00:00.000Z",
                "booking_closes_at": "2026-12-24T09:30:00.000Z",
                "seats_total": 200,
                "currency": "KRW",
                "gate": gate(),
            }),
        )
        .codes(&[Code::InvalidConcert, Code::ScheduleExists])
}

pub(crate) fn show_gate() -> Operation {
    Operation::new("getGate", "operators", "How a gate lets fans in")
        .credential(Credential::Operator(Scope::QueueWrite))
        .answer::<GateView>(200, "The gate", gate())
        .codes(&[Code::InvalidSchedule])
}

pub(crate) fn change_gate() -> Operation {
    Operation::new("changeGate", "operators", "Change how a gate lets fans in")
        .description("What is not named stays as it is. Lowering `max_active` evicts nobody, it stops admission.")
        .credential(Credential::Operator(Scope::QueueWrite))
        .body::<GateChange>(json!({"max_active": 50, "paused": false}))
        .answer::<GateView>(200, "The gate from now on", gate())
        .codes(&[Code::InvalidSchedule])
}

pub(crate) fn let_through() -> Operation {
    Operation::new("letThrough", "operators", "Let a fan in out of turn")
        .description(
            "A paused gate and its pace do not matter. But there are never more inside than `max_active`, nor than seats \
             can still become theirs: `gate_full`, whose `detail` says which. Everybody behind moves up by one. The claim \
             window runs as for everybody who is let in. `booking_closed` is also the answer before booking opens.",
        )
        .credential(Credential::Operator(Scope::QueueWrite))
        .body::<Admission>(json!({"user_id": "019aa4c2-7d10-7cc3-9a54-3f6f6cf0a001"}))
        .answer::<TokenView>(201, "The fan is in", queue::inside())
        .answer::<TokenView>(200, "The fan was inside already", queue::inside())
        .codes(&[
            Code::InvalidSchedule,
            Code::InvalidUser,
            Code::TokenScopeMismatch,
            Code::BookingClosed,
            Code::NotFound,
            Code::GateFull,
        ])
}

pub(crate) fn stats() -> Operation {
    Operation::new("getStats", "operators", "The figures of a performance")
        .credential(Credential::Operator(Scope::StatsRead))
        .answer::<StatsView>(
            200,
            "The figures",
            json!({
                "seats": {"available": 190, "held": 4, "sold": 6},
                "tokens": {"waiting": 1200, "active": 100, "completed": 3, "expired": 2, "left": 1},
                "reservations": {"held": 2, "confirmed": 3, "expired": 1, "released": 0},
                "revenue": 594_000,
                "admissions_last_minute": 98,
                "wait_seconds": {"p50": 12, "p99": 40},
                "no_shows": 2,
                "leavers": 1,
                "let_through": 0,
            }),
        )
        .codes(&[Code::InvalidSchedule])
}

pub(crate) fn audit() -> Operation {
    Operation::new("audit", "operators", "Check on live data what must never be false")
        .credential(Credential::Operator(Scope::AuditRead))
        .answer::<AuditView>(
            200,
            "What was found",
            json!({
                "ok": true,
                "checks": [{
                    "invariant": "I1",
                    "statement": "no seat is sold twice: each sold seat belongs to exactly one confirmed reservation",
                    "violations": 0,
                    "sample": [],
                }],
            }),
        )
}
