use super::*;
use crate::{fairness::Admission, operator::Check, plan::Given, tally::Taken};
use std::time::Duration;
use time::macros::datetime;

fn audit(violations: u64) -> Audit {
    let check = Check {
        invariant: "I1".to_owned(),
        statement: "no seat is sold <twice>".to_owned(),
        violations,
        sample: Vec::new(),
    };
    Audit {
        ok: violations == 0,
        checks: vec![check],
    }
}

fn counts(available: u64, held: u64, sold: u64) -> SeatCounts {
    SeatCounts { available, held, sold }
}

/// A sale of 10 seats that nobody came to.
fn nobody(plan: &Plan) -> Held<'_> {
    Held {
        plan,
        base: "http://127.0.0.1:1".to_owned(),
        finished: true,
        seconds: 0.0,
        counted: Counted::nothing().unwrap(),
        series: vec![Sample::default()],
        pays: true,
        show: Show {
            concert_id: "c".to_owned(),
            schedule_id: "s".to_owned(),
            date: "2027-05-01".to_owned(),
        },
        ground: Ground {
            now: datetime!(2027-04-01 0:00 UTC),
            version: "1.2.3".to_owned(),
            audit: audit(0),
            existing: None,
        },
        seats_before: counts(10, 0, 0),
        seats_after: Ok(counts(10, 0, 0)),
        audit_after: Ok(audit(0)),
        made: Made::default(),
    }
}

/// Two fans, who bought seats 1 and 2 in two seconds.
fn two_fans(plan: &Plan) -> Held<'_> {
    let mut held = nobody(plan);
    let took = Duration::from_millis(20);
    let taken = Taken {
        late: Duration::ZERO,
        queued: Duration::from_millis(1),
        served: took / 2,
    };
    for seat in [1, 2] {
        for step in [Step::Join, Step::Look, Step::Hold, Step::Pay] {
            held.counted.answered(step, took, taken);
        }
        held.counted.ended(End::Bought);
        held.counted.receipts.push(seat);
        held.counted.admissions.push(Admission {
            asked: u64::from(seat) * 10,
            joined: u64::from(seat) * 10 + 1,
            admitted: i64::from(seat),
        });
    }
    held.counted.refused(Step::Hold, "seat_<already>_reserved");
    held.series.extend([1.0, 2.0].map(|second| Sample {
        second,
        arrived: 2,
        joined: 2,
        admitted: 2,
        inside: 1,
        sold: 2,
        answers: 9,
        ..Sample::default()
    }));
    held.seconds = 2.0;
    held.seats_after = Ok(counts(8, 0, 2));
    held
}

fn plan() -> Plan {
    Plan::of(&Given::from([("seed", "7".to_owned())]), None).unwrap()
}

#[test]
fn a_sale_that_nobody_came_to_is_reported_in_every_form() {
    let plan = plan();
    let report = Report::of(&nobody(&plan));
    assert_eq!(report.failure(), None);
    assert!(report.steps.is_empty() && report.refusals.is_empty());
    assert!(report.text().contains("0 inversions"));
    assert!(report.html().contains("Nothing to be drawn."));
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(
        (&json["rehearsal"]["seed"], &json["seats"]["for_sale"]),
        (&7.into(), &10.into())
    );
}

#[test]
fn throughput_and_percentiles_are_those_that_were_measured() {
    let plan = plan();
    let report = Report::of(&two_fans(&plan));
    assert_eq!((report.failure(), report.answers.peak_per_second), (None, 9.0));
    assert_eq!(report.steps.len(), 4);
    let hold = report.steps.iter().find(|step| step.step == Step::Hold).unwrap();
    assert_eq!((hold.count, hold.per_second), (2, 1.0));
    assert!((19.9..20.1).contains(&hold.felt.p99_ms) && (9.9..10.1).contains(&hold.served.p50_ms));
    let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    assert_eq!(json["fans"]["ends"]["bought"], 2);
    assert_eq!(json["refusals"][0]["step"], "hold");
}

#[test]
fn the_page_needs_nothing_else_and_takes_no_markup_from_the_server() {
    let plan = plan();
    let page = Report::of(&two_fans(&plan)).html();
    assert!(page.contains("<polyline") && page.contains("seat_&lt;already&gt;_reserved"));
    for outside in [
        "<script",
        "<link",
        "<img",
        "src=",
        "url(",
        "@import",
        "<already>",
        "<twice>",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    let opened = page.matches("<svg").count();
    assert_eq!((opened, page.matches("</svg>").count()), (5, 5));
}

#[test]
fn what_must_not_be_is_found() {
    let plan = plan();
    let found = |change: fn(&mut Held<'_>)| {
        let mut held = two_fans(&plan);
        change(&mut held);
        Report::of(&held).failure().unwrap_or_default()
    };
    assert!(found(|held| held.audit_after = Ok(audit(3))).contains("I1 violated"));
    assert!(found(|held| held.audit_after = Err(Obstacle::new("gone"))).contains("no verdict: gone"));
    assert!(found(|held| held.counted.admissions[0].admitted = 9).contains("1 fans were overtaken"));
    assert!(found(|held| held.counted.receipts[0] = 2).contains("more than one receipt"));
    assert!(found(|held| held.seats_after = Ok(counts(9, 0, 1))).contains("counts 1 sold"));
    assert!(found(|held| held.finished = false).contains("interrupted"));
}

#[test]
fn what_one_should_know_is_told() {
    let plan = plan();
    let mut held = two_fans(&plan);
    held.pays = false;
    held.finished = false;
    held.made.user("u1");
    let notes = Report::of(&held).notes.join("\n");
    for part in ["nothing was paid", "lapses by itself", "the user u1"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}
