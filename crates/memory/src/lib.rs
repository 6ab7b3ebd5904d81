//! The reference adapter: one world behind one mutex, with the rules of the domain and none of its own.
//!
//! Every call locks the world, reads the clock, and does all of its work before it lets go, so
//! each call happens at one instant. Nothing survives the process.

mod account;
mod attendant;
mod books;
mod catalog;
mod decisions;
mod house;
mod identity;
mod leadership;
mod line;
mod payment;
mod queue;
mod seating;
mod tally;
mod wallet;
mod world;

use frontrow_domain::{clock::Clock, leadership::OwnLease, policy::Policy};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use world::World;

/// A storage that keeps everything in memory. It implements every port.
pub struct Memory {
    policy: Policy,
    clock: Arc<dyn Clock>,
    lease: OwnLease,
    world: Mutex<World>,
}

impl Memory {
    /// An empty storage that tells the time by `clock`.
    #[must_use]
    pub fn new(policy: Policy, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            policy,
            clock,
            lease: OwnLease::default(),
            world: Mutex::default(),
        })
    }

    /// The world, for one call. Rules run on copies and only finished changes are put back, so a
    /// panic elsewhere leaves nothing half done behind the lock.
    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
