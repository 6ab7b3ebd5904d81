//! How the seats of performances come to be what they are, version by version, for those who watch.
//!
//! An instance reads the seats of a performance that somebody watches again and again, and remembers
//! for a while what was different each time. So a client that comes back, from here or from another
//! instance, is told what it has missed: from its version on or from a little before, which does no
//! harm, because an event tells what seats are, not what became of them.

use super::{OUT_OF_REACH, event};
use crate::{api::Api, lock::lock, seats};
use actix_web::web::Bytes;
use frontrow_domain::{id::ScheduleId, outcome::StoreError, seating::SeatMap};
use serde::Serialize;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// How long it takes at the least from one look at the seats to the next.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looking may take a fifth of the time at the most, however large the house.
const PAUSE_SHARE: u32 = 4;

/// What is remembered at the most: so many changes, of so many seats in all.
const MOST_CHANGES: usize = 1_024;
const MOST_SEATS: usize = 200_000;

/// Seats that have changed.
#[derive(Serialize)]
struct ChangesView {
    /// The version of the seat map after these changes, which is the event's id too.
    version: u64,
    seats: Vec<ChangedSeat>,
}

/// A seat as it is now.
#[derive(Serialize)]
pub(super) struct ChangedSeat {
    seat_number: u32,
    status: &'static str,
}

/// The performances whose seats are watched here.
#[derive(Default)]
pub(crate) struct Halls(Mutex<HashMap<ScheduleId, Weak<Hall>>>);

/// The seats of one performance, and how they came to be so.
pub(super) struct Hall {
    log: Mutex<Log>,
    /// The newest version. Those who watch are called when it changes, and when it has not been known for long whether it has.
    pub(super) version: watch::Sender<u64>,
}

struct Log {
    map: Arc<SeatMap>,
    version: u64,
    changes: VecDeque<Change>,
    seats: usize,
    read_at: Instant,
}

struct Change {
    from: u64,
    to: u64,
    seats: usize,
    event: Bytes,
}

/// What comes after a version.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum After {
    Change {
        to: u64,
        event: Bytes,
    },
    Nothing,
    /// It is not remembered, or was never heard of.
    Unknown,
}

impl Log {
    fn new(map: Arc<SeatMap>) -> Self {
        Self {
            version: map.version(),
            map,
            changes: VecDeque::new(),
            seats: 0,
            read_at: Instant::now(),
        }
    }

    /// Says whether anything is different.
    fn take_in(&mut self, map: Arc<SeatMap>) -> bool {
        let version = map.version();
        if version <= self.version {
            return false;
        }
        let changed_seats = map.changed_since(&self.map).map(|seat| ChangedSeat {
            seat_number: seat.number,
            status: seat.status_at(map.as_of).as_str(),
        });
        let seats: Vec<_> = changed_seats.collect();
        self.seats += seats.len();
        self.changes.push_back(Change {
            from: self.version,
            to: version,
            seats: seats.len(),
            event: changed(version, seats),
        });
        while self.changes.len() > MOST_CHANGES || self.seats > MOST_SEATS {
            self.seats -= self.changes.pop_front().map_or(self.seats, |oldest| oldest.seats);
        }
        self.version = version;
        self.map = map;
        true
    }

    fn after(&self, version: u64) -> After {
        if version == self.version {
            return After::Nothing;
        }
        let next = self.changes.partition_point(|change| change.to <= version);
        match self.changes.get(next).filter(|change| change.from <= version) {
            Some(change) => After::Change {
                to: change.to,
                event: change.event.clone(),
            },
            None => After::Unknown,
        }
    }
}

pub(super) fn changed(version: u64, seats: Vec<ChangedSeat>) -> Bytes {
    event("seats", Some(version), &ChangesView { version, seats })
}

/// What a client is told whose version is of no use: to read the seat map again.
pub(super) fn reset(version: u64) -> Bytes {
    let seats = Vec::new();
    event("reset", Some(version), &ChangesView { version, seats })
}

impl Hall {
    fn take_in(&self, map: Arc<SeatMap>) {
        let mut log = lock(&self.log);
        log.read_at = Instant::now();
        if log.take_in(map) {
            self.version.send_replace(log.version);
        }
    }

    /// Notes that the seats could not be read; calls everybody when that has been so for too long.
    fn miss(&self) {
        if self.is_out_of_reach() {
            self.version.send_modify(|_| {});
        }
    }

    /// Whether nobody knows how the seats are now.
    pub(super) fn is_out_of_reach(&self) -> bool {
        lock(&self.log).read_at.elapsed() > OUT_OF_REACH
    }

    pub(super) fn after(&self, version: u64) -> After {
        lock(&self.log).after(version)
    }
}

impl Halls {
    fn known(&self, schedule: ScheduleId) -> Option<Arc<Hall>> {
        lock(&self.0).get(&schedule)?.upgrade()
    }

    /// The hall that is watched already, or this one from now on.
    fn put(&self, schedule: ScheduleId, hall: Hall) -> (Arc<Hall>, bool) {
        let mut halls = lock(&self.0);
        halls.retain(|_, hall| hall.strong_count() > 0);
        match halls.get(&schedule).and_then(Weak::upgrade) {
            Some(known) => (known, false),
            None => {
                let hall = Arc::new(hall);
                halls.insert(schedule, Arc::downgrade(&hall));
                (hall, true)
            }
        }
    }
}

/// The hall of a performance, which is kept up to date for as long as somebody has it.
pub(super) async fn hall(api: Arc<Api>, schedule: ScheduleId) -> Result<Arc<Hall>, StoreError> {
    if let Some(known) = api.halls.known(schedule) {
        return Ok(known);
    }
    let map = Arc::new(api.storage.seating.seats(schedule).await?);
    let log = Log::new(map);
    let version = watch::Sender::new(log.version);
    let log = Mutex::new(log);
    let (hall, is_new) = api.halls.put(schedule, Hall { log, version });
    if is_new {
        let kept = keep(Arc::downgrade(&api), Arc::downgrade(&hall), schedule);
        api.runtime.spawn(kept);
    }
    Ok(hall)
}

async fn keep(api: Weak<Api>, hall: Weak<Hall>, schedule: ScheduleId) {
    let mut pause = LOOK_EVERY;
    loop {
        sleep(pause).await;
        let (Some(api), Some(hall)) = (api.upgrade(), hall.upgrade()) else {
            return;
        };
        let begun = Instant::now();
        pause = match catch_up(&api, &hall, schedule).await {
            Ok(()) => LOOK_EVERY.max(begun.elapsed() * PAUSE_SHARE),
            Err(error) => {
                // Versions have no gaps: what happens meanwhile is told when storage is back.
                tracing::debug!(%error, "the seats that are watched could not be read");
                hall.miss();
                LOOK_EVERY
            }
        };
    }
}

pub(super) async fn catch_up(api: &Arc<Api>, hall: &Hall, schedule: ScheduleId) -> Result<(), StoreError> {
    let known = lock(&hall.log).map.clone();
    let map = seats::caught_up(api, schedule, known).await?;
    hall.take_in(map);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontrow_domain::{
        clock::Timestamp,
        id::{ReservationId, UserId},
        seating::{Seat, SeatState},
    };

    fn sold(map: &SeatMap, numbers: &[usize]) -> Arc<SeatMap> {
        let mut map = map.clone();
        for number in numbers {
            let state = SeatState::Sold {
                reservation_id: ReservationId::mint(),
                user_id: UserId::mint(),
            };
            map.seats[number - 1] = map.seats[number - 1].changed_to(state);
        }
        Arc::new(map)
    }

    fn hall(seats: u32) -> Arc<SeatMap> {
        let id = ScheduleId::mint();
        Arc::new(SeatMap {
            seats: (1..=seats).map(|number| Seat::new(id, number)).collect(),
            as_of: Timestamp::UNIX_EPOCH,
        })
    }

    fn told(log: &Log, version: u64) -> (u64, String) {
        match log.after(version) {
            After::Change { to, event } => (to, String::from_utf8(event.to_vec()).unwrap()),
            other @ (After::Nothing | After::Unknown) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_client_is_told_from_its_version_on() {
        let empty = hall(9);
        let mut log = Log::new(empty.clone());
        assert_eq!(log.after(0), After::Nothing);
        let one = sold(&empty, &[2]);
        let three = sold(&one, &[7, 9]);
        assert!(log.take_in(one.clone()) && log.take_in(three.clone()));
        assert!(!log.take_in(one), "an older map tells nothing");
        let (to, event) = told(&log, 0);
        assert_eq!(
            (to, event.as_str()),
            (
                1,
                "id: 1\nevent: seats\ndata: {\"version\":1,\"seats\":[{\"seat_number\":2,\"status\":\"sold\"}]}\n\n"
            )
        );
        let (to, event) = told(&log, 1);
        assert_eq!(to, 3);
        // Version 2 was seen elsewhere: a little too much is told, and nothing is left out.
        assert_eq!(told(&log, 2), (3, event));
        assert_eq!(log.after(3), After::Nothing);
        assert_eq!(log.after(4), After::Unknown);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut map = hall(4_000);
        let mut log = Log::new(map.clone());
        for number in 1..=MOST_CHANGES + 10 {
            map = sold(&map, &[number]);
            log.take_in(map.clone());
        }
        assert_eq!(log.changes.len(), MOST_CHANGES);
        assert_eq!(log.after(9), After::Unknown);
        assert_eq!(told(&log, 10).0, 11);
        assert_eq!(log.seats, MOST_CHANGES);
    }
}
