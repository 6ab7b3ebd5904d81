//! Carrying decisions out: load, let the domain decide, store.

use crate::{Memory, attendant::end_all_lapsed, line::TokenLine, world::World};
use async_trait::async_trait;
use frontrow_domain::{
    catalog::Schedule,
    decision::{Command, Needs, Verdict, WorkingSet, decide_each, needs_of, port::Decisions},
    outcome::StoreError,
    policy::Policy,
    queue::{Line, Room},
    seating::Reservation,
};

#[async_trait]
impl Decisions for Memory {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let needs = needs_of(&commands);
        let mut world = self.world();
        let now = self.clock.now();
        for id in &needs.gates {
            if let Some(show) = world.shows.get_mut(id) {
                end_all_lapsed(&mut show.line, now);
            }
        }
        let mut rows = load(&world, self.policy, &needs);
        let verdicts = decide_each(&commands, &mut rows, now);
        refuse_known_ids(&world, &rows)?;
        store(&mut world, rows);
        Ok(verdicts)
    }
}

fn load(world: &World, policy: Policy, needs: &Needs) -> WorkingSet {
    let mut rows = WorkingSet::new(policy);
    load_catalog(world, needs, &mut rows);
    load_line(world, needs, &mut rows);
    load_house(world, needs, &mut rows);
    for id in &needs.users {
        if let Some(user) = world.users.get(id) {
            rows.users.load(*id, user.clone());
        }
    }
    for user in &needs.wallets {
        if let Some(wallet) = world.accounts.get(user).and_then(|account| account.wallet.clone()) {
            rows.wallets.load(*user, wallet);
        }
    }
    for (user, id) in &needs.payments {
        let account = world.accounts.get(user);
        if let Some(payment) = account.and_then(|account| account.payments.get(id)) {
            rows.payments.load(*id, payment.clone());
        }
    }
    for id in &needs.records {
        if let Some(record) = world.record(*id) {
            rows.records.load(*id, record.clone());
        }
    }
    rows
}

fn load_catalog(world: &World, needs: &Needs, rows: &mut WorkingSet) {
    for id in &needs.concerts {
        if let Some(concert) = world.concerts.get(id) {
            rows.concerts.load(*id, concert.clone());
        }
        for schedule in world.schedules_of(*id) {
            rows.schedules.load(schedule.id, Schedule::clone(schedule));
        }
    }
}

fn load_line(world: &World, needs: &Needs, rows: &mut WorkingSet) {
    for id in &needs.gates {
        if let Some(show) = world.shows.get(id) {
            let room = Room {
                active: show.line.active(),
                unsold: show.house.unsold(),
            };
            rows.load_room(*id, room);
        }
    }
    for id in &needs.lines {
        if let Some(show) = world.shows.get(id) {
            let line = Line {
                schedule_id: *id,
                issued: show.line.issued,
                departed: show.line.departed(),
                gate: show.line.gate.clone(),
            };
            rows.lines.load(*id, line);
        }
    }
    for (schedule, user) in &needs.live_tokens {
        let line = world.shows.get(schedule).map(|show| &show.line);
        if let Some((line, token)) = line.and_then(|line| Some((line, line.live_token(*user)?))) {
            rows.load_token(token.clone(), line.ahead_of(token));
        }
    }
    for (schedule, id) in &needs.tokens {
        let line = world.shows.get(schedule).map(|show| &show.line);
        if let Some(token) = line.and_then(|line| line.token(*id)) {
            rows.load_token(token.clone(), None);
        }
    }
}

fn load_house(world: &World, needs: &Needs, rows: &mut WorkingSet) {
    for (schedule, token) in &needs.holds_of {
        let house = world.shows.get(schedule).map(|show| &show.house);
        for hold in house.into_iter().flat_map(|house| house.holds_of(*token)) {
            load_with_seats(world, hold, rows);
        }
    }
    for (schedule, id) in &needs.reservations {
        if let Some((_, reservation)) = world.reservation(*id) {
            if reservation.schedule_id == *schedule {
                load_with_seats(world, reservation, rows);
            } else {
                rows.load_reservation(reservation.clone());
            }
        }
    }
    for (schedule, user) in &needs.holdings {
        let house = world.shows.get(schedule).map(|show| &show.house);
        for reservation in house.into_iter().flat_map(|house| house.holdings_of(*user)) {
            rows.load_reservation(reservation.clone());
        }
    }
    for (schedule, number) in &needs.seats {
        let house = world.shows.get(schedule).map(|show| &show.house);
        if let Some(seat) = house.and_then(|house| house.seat(*number)) {
            rows.load_seat(*seat);
        }
    }
}

fn load_with_seats(world: &World, reservation: &Reservation, rows: &mut WorkingSet) {
    let house = world.shows.get(&reservation.schedule_id).map(|show| &show.house);
    for number in &reservation.seat_numbers {
        if let Some(seat) = house.and_then(|house| house.seat(*number)) {
            rows.load_seat(*seat);
        }
    }
    rows.load_reservation(reservation.clone());
}

/// What the primary keys of a database do: a batch that would make a thing a second time, because
/// it was sent again, changes nothing.
fn refuse_known_ids(world: &World, rows: &WorkingSet) -> Result<(), StoreError> {
    let show = |id| world.shows.get(id);
    let known = rows.users.inserted().any(|(id, _)| world.users.contains_key(id))
        || rows.concerts.inserted().any(|(id, _)| world.concerts.contains_key(id))
        || rows.schedules.inserted().any(|(id, _)| world.shows.contains_key(id))
        || rows
            .tokens
            .inserted()
            .any(|(id, token)| show(&token.schedule_id).is_some_and(|show| show.line.token(*id).is_some()))
        || rows
            .reservations
            .inserted()
            .any(|(id, _)| world.reservation(*id).is_some())
        || rows
            .wallets
            .inserted()
            .any(|(_, wallet)| world.wallet_owner(wallet.id).is_some())
        || rows.entries.iter().any(|entry| world.has_entry(entry.id))
        || rows.payments.inserted().any(|(id, _)| world.has_payment(*id));
    if known {
        return Err(StoreError::Internal("an id that exists already".to_owned()));
    }
    Ok(())
}

fn store(world: &mut World, rows: WorkingSet) {
    for (id, user) in rows.users.written() {
        world.users.insert(*id, user.clone());
    }
    for (id, concert) in rows.concerts.written() {
        world.concerts.insert(*id, concert.clone());
    }
    for (id, schedule) in rows.schedules.inserted() {
        if let Some(line) = rows.lines.get(id) {
            world.open(schedule.clone(), TokenLine::new(line.gate.clone()));
        }
    }
    for (id, line) in rows.lines.written() {
        if let Some(show) = world.shows.get_mut(id) {
            show.line.issued = line.issued;
        }
    }
    for (_, token) in rows.tokens.written() {
        if let Some(show) = world.shows.get_mut(&token.schedule_id) {
            show.line.put(token.clone());
        }
    }
    for ((schedule, _), seat) in rows.seats.written() {
        if let Some(show) = world.shows.get_mut(schedule) {
            show.house.put_seat(*seat);
        }
    }
    for (_, reservation) in rows.reservations.written() {
        world.put_reservation(reservation.clone());
    }
    for (_, wallet) in rows.wallets.written() {
        world.put_wallet(wallet.clone());
    }
    for id in rows.records.removed() {
        world.remove_record(*id);
    }
    for (_, record) in rows.records.written() {
        world.put_record(record.clone());
    }
    for (_, payment) in rows.payments.inserted() {
        world.add_payment(payment.clone());
    }
    for entry in rows.entries {
        world.add_entry(entry);
    }
}
