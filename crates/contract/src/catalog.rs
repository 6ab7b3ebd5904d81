//! Concerts and performances.

use crate::{
    Fixture, Plan, Stage,
    stage::{own, request},
};
use frontrow_domain::{
    catalog::{CatalogRefusal, CreateConcert, CreateSchedule, SeatBlock, SeatLayout},
    decision::Command,
    id::{ConcertId, ScheduleId},
    page::PageRequest,
    queue::GateSettings,
};
use time::{Duration, UtcOffset};
use uuid::Uuid;

pub async fn a_concert_and_its_performance_come_back_as_they_were_made<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let concert = CreateConcert {
        request: None,
        concert_id: ConcertId::mint(),
        title: "봄밤 'Night' \u{1F3B5}".to_owned(),
        venue: "Hall \"A\" \\ B".to_owned(),
    };
    let concert = stage.decide(concert).await.expect("created");
    let block = |section: Option<&str>, rows, seats_per_row, price| SeatBlock {
        section: section.map(str::to_owned),
        rows,
        seats_per_row,
        price: stage.money(price),
    };
    let mut command = stage.schedule_of(concert.id, Plan::default()).await;
    command.starts_at = command
        .starts_at
        .to_offset(UtcOffset::from_hms(9, 0, 0).expect("an offset"));
    command.layout = SeatLayout(vec![
        block(Some("A"), 2, 3, 99_000),
        block(Some("B"), 1, 2, 50_000),
        block(None, 1, 4, 1),
    ]);
    command.gate = GateSettings {
        max_active: 7,
        admissions_per_minute: 11,
        session_seconds: 13,
        paused: true,
    };
    let asked = command.clone();
    let created = stage.decide(command).await.expect("created");
    assert_eq!(created.schedule.date, asked.starts_at.date());
    assert_eq!(created.schedule.layout, asked.layout);

    let catalog = &stage.storage.catalog;
    assert_eq!(
        catalog.schedule(asked.schedule_id).await,
        Ok(Some(created.schedule.clone()))
    );
    let programme = catalog.programme(concert.id).await.expect("the storage answers");
    let programme = programme.expect("the concert");
    assert_eq!(programme.concert, concert);
    assert_eq!(programme.schedules.len(), 1);
    assert_eq!(*programme.schedules[0], created.schedule);
    let gate = stage
        .storage
        .queue
        .gate(asked.schedule_id)
        .await
        .expect("the storage answers");
    let gate = gate.expect("a gate");
    assert_eq!(
        (gate.settings, gate.admitted_number, gate.next_slot_at),
        (asked.gate, 0, None)
    );
    let map = stage.map_of(asked.schedule_id).await;
    let numbers: Vec<u32> = map.seats.iter().map(|seat| seat.number).collect();
    assert_eq!(numbers, (1..=12).collect::<Vec<_>>());
    assert!(map.seats.iter().all(|seat| seat.is_open(map.as_of)));
    assert_eq!(stage.storage.books.schedules().await, Ok(vec![asked.schedule_id]));
}

pub async fn the_largest_house_can_be_opened<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let plan = Plan {
        seats: 100_000,
        ..Plan::default()
    };
    let show = stage.show(plan).await;
    let fan = stage.insider(&show).await;
    stage.held(&fan, &show, &[1, 100_000]).await;
    let map = stage.map_of(show.id).await;
    assert_eq!((map.seats.len(), map.version()), (100_000, 2));
    assert_eq!(map.seats[99_999].number, 100_000);
}

pub async fn performances_come_in_the_order_they_start<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let concert = stage.concert().await;
    for days in [3, 1, 2] {
        let plan = Plan {
            closes_in: Duration::days(days),
            ..Plan::default()
        };
        let command = stage.schedule_of(concert, plan).await;
        stage.decide(command).await.expect("created");
    }
    let programme = stage
        .storage
        .catalog
        .programme(concert)
        .await
        .expect("the storage answers");
    let starts = programme.expect("the concert").schedules;
    let starts: Vec<_> = starts.iter().map(|schedule| schedule.starts_at).collect();
    assert!(starts.is_sorted() && starts.len() == 3, "{starts:?}");
    let availability = stage.storage.seating.availability(concert).await;
    let availability = availability.expect("the storage answers");
    let same: Vec<_> = availability.iter().map(|found| found.schedule.starts_at).collect();
    assert_eq!(same, starts);
}

pub async fn concerts_come_newest_first_page_by_page<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(stage.show(Plan::default()).await.concert_id);
    }
    made.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let page = stage.storage.catalog.programmes(PageRequest { limit: 2, before }).await;
        let page = page.expect("the storage answers");
        assert!(page.items.len() <= 2);
        for programme in &page.items {
            assert_eq!(programme.schedules.len(), 1);
            seen.push(programme.concert.id);
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
    let all = stage
        .storage
        .catalog
        .programmes(PageRequest { limit: 5, before: None })
        .await;
    assert_eq!(all.expect("the storage answers").next, None);
}

pub async fn what_was_never_made_is_not_found<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let catalog = &stage.storage.catalog;
    assert_eq!(catalog.schedule(ScheduleId::mint()).await, Ok(None));
    assert_eq!(catalog.programme(ConcertId::mint()).await, Ok(None));
    let page = catalog
        .programmes(PageRequest {
            limit: 10,
            before: None,
        })
        .await;
    assert_eq!(page.expect("the storage answers").items, []);
}

pub async fn each_reason_not_to_create_is_named_and_leaves_no_trace<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let show = stage.show(Plan::default()).await;
    let good = stage.schedule_of(show.concert_id, Plan::default()).await;
    let with = |change: &dyn Fn(&mut CreateSchedule)| {
        let mut changed = good.clone();
        changed.request = request(Uuid::now_v7());
        change(&mut changed);
        changed
    };
    let before = stage.everything().await;
    let bad_layout = stage
        .decide(with(&|schedule| schedule.layout = SeatLayout(vec![])))
        .await;
    assert!(matches!(bad_layout, Err(CatalogRefusal::Invalid(field)) if field.field == "seats"));
    let bad_gate = stage.decide(with(&|schedule| schedule.gate.max_active = 0)).await;
    assert!(matches!(bad_gate, Err(CatalogRefusal::Invalid(field)) if field.field == "gate.max_active"));
    let nowhere = stage
        .decide(with(&|schedule| schedule.concert_id = ConcertId::mint()))
        .await;
    assert_eq!(nowhere, Err(CatalogRefusal::InvalidConcert));
    let twice = stage
        .decide(with(&|schedule| schedule.starts_at = show.starts_at))
        .await;
    assert_eq!(twice, Err(CatalogRefusal::ScheduleExists));
    assert_eq!(stage.everything().await, before);

    let elsewhere = stage.concert().await;
    let same_time = stage.decide(with(&|schedule| {
        schedule.concert_id = elsewhere;
        schedule.starts_at = show.starts_at;
    }));
    assert!(same_time.await.is_ok(), "another concert may play at the same time");
}

pub async fn the_same_start_twice_in_one_batch_is_refused<F: Fixture>(fixture: F) {
    let stage = Stage::set(fixture).await;
    let concert = stage.concert().await;
    let one = stage.schedule_of(concert, Plan::default()).await;
    let mut two = one.clone();
    two.schedule_id = ScheduleId::mint();
    let commands: Vec<Command> = vec![one.clone().into(), two.into()];
    let mut verdicts = stage.decide_each(commands).await.into_iter();
    let mut next = || own::<CreateSchedule>(verdicts.next().expect("a verdict"));
    assert!(next().is_ok());
    assert_eq!(next(), Err(CatalogRefusal::ScheduleExists));
    assert_eq!(stage.storage.books.schedules().await, Ok(vec![one.schedule_id]));
}
