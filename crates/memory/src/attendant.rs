//! The background work: letting fans in, and tidying up after time has decided.

use crate::{
    Memory,
    house::House,
    line::TokenLine,
    world::{Show, World},
};
use async_trait::async_trait;
use frontrow_domain::{
    clock::Timestamp,
    outcome::StoreError,
    policy::Policy,
    queue::{
        LineState, MOST_AT_ONCE, QueueToken, admit,
        port::{Admitted, Attendant, Swept},
    },
};
use time::Duration;

/// How many rows of a kind one sweep tidies at a performance at the most.
const MOST_AT_A_SWEEP: usize = 10_000;

#[async_trait]
impl Attendant for Memory {
    async fn admit_due_in(&self, epoch: Option<u64>) -> Result<Admitted, StoreError> {
        if !self.lease.allows(epoch) {
            return Ok(Admitted::default());
        }
        let mut world = self.world();
        let now = self.clock.now();
        let mut done = Admitted::default();
        for show in world.shows.values_mut().filter(|show| show.line.waiting() > 0) {
            let admitted = admit_next(show, &self.policy, now);
            done.admitted += admitted;
            done.more |= admitted == MOST_AT_ONCE;
        }
        Ok(done)
    }

    async fn sweep(&self) -> Result<Swept, StoreError> {
        let mut world = self.world();
        let now = self.clock.now();
        let mut swept = Swept::default();
        for show in world.shows.values_mut() {
            swept.holds += free_lapsed_holds(&mut show.house, now);
            for token in show.line.lapsed(now, MOST_AT_A_SWEEP) {
                end_lapsed(&mut show.line, token);
                swept.tokens += 1;
            }
        }
        swept.records = delete_lapsed_records(&mut world, now);
        Ok(swept)
    }
}

/// Lets in at one gate what is due; says how many came in.
fn admit_next(show: &mut Show, policy: &Policy, now: Timestamp) -> u64 {
    let schedule = &show.house.schedule;
    let line = &mut show.line;
    end_all_lapsed(line, now);
    let state = LineState {
        booking_opens_at: schedule.booking_opens_at,
        booking_closes_at: schedule.booking_closes_at,
        active: line.active(),
        last_minute: line.admitted_since(now - Duration::MINUTE),
    };
    let Some(opening) = admit(&line.gate, state, now) else {
        return 0;
    };
    let admission = opening.with_unsold(show.house.unsold());
    let mut admitted = 0;
    while admitted < admission.at_most
        && let Some(next) = line.next_waiting()
    {
        let mut token = next.clone();
        token.activate(&line.gate.settings, policy.claim, now);
        line.gate.admitted_number = token.number;
        line.gate.admitted += 1;
        line.put(token);
        admitted += 1;
    }
    if admitted > 0 {
        line.gate.next_slot_at = Some(admission.next_slot_after(admitted));
    }
    admitted
}

/// Stores what time has decided about all live tokens.
pub(crate) fn end_all_lapsed(line: &mut TokenLine, now: Timestamp) {
    for token in line.lapsed(now, usize::MAX) {
        end_lapsed(line, token);
    }
}

/// Stores what time has decided about a live token.
fn end_lapsed(line: &mut TokenLine, mut token: QueueToken) {
    token.lapse();
    line.put(token);
}

fn free_lapsed_holds(house: &mut House, now: Timestamp) -> u64 {
    let mut freed = 0;
    for mut hold in house.lapsed(now, MOST_AT_A_SWEEP) {
        for number in &hold.seat_numbers {
            let seat = house.seat(*number);
            if let Some(free) = seat.and_then(|seat| seat.let_go_by(hold.id)) {
                house.put_seat(free);
            }
        }
        hold.lapse();
        house.put_reservation(hold);
        freed += 1;
    }
    freed
}

fn delete_lapsed_records(world: &mut World, now: Timestamp) -> u64 {
    let due = world.lapsed_records(now, MOST_AT_A_SWEEP);
    for id in &due {
        world.remove_record(*id);
    }
    due.len() as u64
}
