//! Recorded answers survive storage: they are kept as JSON and repeated byte for byte.

use crate::world::{World, join_of, let_through_of, pay_of};
use frontrow_domain::{
    catalog::{CreateConcert, SeatBlock, SeatLayout},
    id::ConcertId,
    idempotency::Recorded,
    money::Currency,
    payment::{PayStep, PaymentOutcome},
    queue::{Joined, NamedFan, Outlook},
    seating::Held,
    wallet::ChargeStep,
};
use time::Duration;

fn survives(recorded: &Recorded) {
    let stored = serde_json::to_string(recorded).unwrap();
    let read: Recorded = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, *recorded);
    assert_eq!(serde_json::to_string(&read).unwrap(), stored);
}

#[test]
fn every_kind_of_answer_survives() {
    let mut world = World::new();
    world.policy.currency = Currency::from_code("USD").unwrap();
    world.pass(Duration::microseconds(123_456));
    let create = CreateConcert {
        request: None,
        concert_id: ConcertId::mint(),
        title: "봄밤 \"Night\" \u{1F3B5}".to_owned(),
        venue: "Hall\n'A'".to_owned(),
    };
    let concert = world.decide(&create).unwrap();
    survives(&Recorded::Concert(concert.clone()));
    let mut schedule = world.schedule_of(concert.id, 1);
    let block = |section: Option<&str>, minor| SeatBlock {
        section: section.map(str::to_owned),
        rows: 2,
        seats_per_row: 3,
        price: world.money(minor),
    };
    schedule.layout = SeatLayout(vec![block(Some("A"), 9_999), block(None, 10)]);
    let created = world.decide(&schedule).unwrap();
    survives(&Recorded::Schedule(Box::new(created.clone())));

    let show = std::sync::Arc::new(created.schedule);
    let token = world.insider(&show, 100_000);
    let user = world.users[&token.user_id].clone();
    survives(&Recorded::Access(user.id));
    survives(&Recorded::User(user));
    let newcomer = world.fan();
    let joined = world.decide(&join_of(&show, newcomer)).unwrap();
    assert!(joined.status.place.is_some());
    survives(&Recorded::Joined(Box::new(joined)));
    let mut told = join_of(&show, newcomer);
    told.forecast.outlook = Some(Outlook::AllHeld {
        next_release_at: world.now,
    });
    let told = world.decide(&told).unwrap();
    assert!(told.status.outlook.is_some());
    survives(&Recorded::Joined(Box::new(told)));
    let again = world.decide(&join_of(&show, token.user_id)).unwrap();
    assert!(again.status.token.claimed_at.is_some());
    survives(&Recorded::Joined(Box::new(again)));
    let mut let_through = let_through_of(&show, NamedFan::User(newcomer));
    let_through.outlook = Some(Outlook::Open);
    let let_in = world.decide(&let_through).unwrap();
    assert!(let_in.fresh && let_in.status.token.departure.is_some());
    survives(&Recorded::LetIn(Box::new(let_in)));

    let reservation = world.hold(token, &show, &[1, 7]);
    survives(&Recorded::Held(Box::new(Held {
        reservation: reservation.clone(),
        concert_id: show.concert_id,
        date: show.date,
        as_of: world.now,
    })));
    let PayStep::Paid(receipt) = world.decide(&pay_of(token, reservation.id)).unwrap() else {
        panic!("there is no provider");
    };
    survives(&Recorded::Payment(Box::new(PaymentOutcome::Paid(receipt))));
    survives(&Recorded::Payment(Box::new(PaymentOutcome::Declined)));
    let charge = world.charge_of(token.user_id, 1);
    let ChargeStep::Charged(charged) = world.decide(&charge).unwrap() else {
        panic!("the provider was asked");
    };
    survives(&Recorded::Charged(Box::new(charged)));
}

#[test]
fn a_place_that_was_recorded_before_there_was_an_outlook_is_still_repeated() {
    let mut world = World::new();
    let show = world.show(1);
    let fan = world.fan();
    let mut joined = world.decide(&join_of(&show, fan)).unwrap();
    let mut stored = serde_json::to_value(&joined).unwrap();
    let status = stored["status"].as_object_mut().unwrap();
    status.remove("outlook").unwrap();
    let place = status["place"].as_object_mut().unwrap();
    place.remove("estimated_wait_from_seconds").unwrap();
    place.remove("estimated_wait_to_seconds").unwrap();
    let place = joined.status.place.as_mut().unwrap();
    place.estimated_wait_from_seconds = None;
    place.estimated_wait_to_seconds = None;
    assert_eq!(serde_json::from_value::<Joined>(stored).unwrap(), joined);
}
