//! Every race is run on a storage without guards, and there it has to find something broken.
//!
//! The storage is the smallest that works. With its guard it passes every race, so it is the
//! missing guard, and nothing else, that the races find.

mod ports;
mod tables;

use async_trait::async_trait;
use frontrow_contract::{Fixture, every_race};
use frontrow_domain::{clock::ManualClock, policy::Policy, storage::Storage};
use std::sync::{Arc, Mutex};
use tables::Guard;
use time::{Duration, macros::datetime};
use tokio::sync::Barrier;

/// Where the contenders of a race meet after they have read, before any of them writes.
#[derive(Default)]
pub struct Rendezvous(Mutex<Option<(Arc<Barrier>, usize)>>);

impl Rendezvous {
    fn expect(&self, contenders: usize) {
        *self.0.lock().expect("no thread panicked") = Some((Arc::new(Barrier::new(contenders)), contenders));
    }

    async fn meet(&self) {
        let barrier = {
            let mut expected = self.0.lock().expect("no thread panicked");
            let meeting = expected.take();
            if let Some((barrier, open)) = &meeting
                && *open > 1
            {
                *expected = Some((barrier.clone(), open - 1));
            }
            meeting.map(|(barrier, _)| barrier)
        };
        if let Some(barrier) = barrier {
            barrier.wait().await;
        }
    }
}

/// Runs a race on the toy storage, with or without its guard.
struct OnToy {
    clock: Arc<ManualClock>,
    guard: Guard,
    rendezvous: Arc<Rendezvous>,
}

impl OnToy {
    fn new(guard: Guard) -> Self {
        Self {
            clock: Arc::new(ManualClock::starting_at(datetime!(2026-12-01 12:00 UTC))),
            guard,
            rendezvous: Arc::default(),
        }
    }
}

#[async_trait]
impl Fixture for OnToy {
    async fn storage(&self, policy: Policy) -> Storage {
        let toy = tables::Toy::new(policy, self.clock.clone(), self.guard, self.rendezvous.clone());
        Storage::of(&Arc::new(toy))
    }

    async fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn steers_time(&self) -> bool {
        true
    }

    fn about_to_race(&self, contenders: usize) {
        if self.guard == Guard::Off {
            self.rendezvous.expect(contenders);
        }
    }
}

/// In which order the contenders write is left to the runtime; so often is a race run before it
/// counts as having found nothing.
const ATTEMPTS: usize = 50;

macro_rules! expect_findings {
    ($($more:ident)?; $($race:ident)*) => {
        mod guarded {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $race() {
                    let found = frontrow_contract::races::$race(OnToy::new(Guard::On)).await;
                    assert_eq!(found, Ok(()));
                }
            )*
        }

        mod unguarded {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $race() {
                    for _ in 0..ATTEMPTS {
                        if frontrow_contract::races::$race(OnToy::new(Guard::Off)).await.is_err() {
                            return;
                        }
                    }
                    panic!("the race finds nothing where nothing is guarded");
                }
            )*
        }
    };
}

every_race! { expect_findings, }
