//! A small world: plain tables, loaded and stored as an adapter does it, but visibly.

use frontrow_domain::{
    audit::{Findings, Report, ScheduleBooks, UserBooks, check_schedule, check_users},
    catalog::{Concert, CreateSchedule, Schedule, SeatLayout},
    clock::Timestamp,
    decision::{Command, Decide, Needs, Rows, Verdict, WorkingSet, decide_each, needs_of},
    id::{ConcertId, EntryId, PaymentId, ReservationId, ScheduleId, TokenId, UserId, WalletId},
    idempotency::{Fingerprint, Record, RecordId, Request, RequestKey},
    identity::{Actor, RegisterUser, User},
    money::{Currency, Money},
    payment::{Answer, Approval, ClaimedAmount, PayReservation, Payment, PaymentStatus},
    policy::Policy,
    queue::{
        Forecast, GateSettings, JoinQueue, LetThrough, Line, LineState, NamedFan, QueueToken, Room, TokenRef,
        TokenState, admit,
    },
    seating::{HoldSeats, ReleaseHold, Reservation, ReservationState, Seat, SeatState},
    wallet::{ChargeWallet, Entry, Payee, Wallet},
};
use std::{collections::BTreeMap, sync::Arc};
use time::{Duration, macros::datetime};
use uuid::Uuid;

pub const START: Timestamp = datetime!(2026-12-01 12:00 UTC);

#[derive(Debug, Clone, PartialEq)]
pub struct World {
    pub now: Timestamp,
    pub policy: Policy,
    pub users: BTreeMap<UserId, User>,
    pub concerts: BTreeMap<ConcertId, Concert>,
    pub schedules: BTreeMap<ScheduleId, Schedule>,
    pub lines: BTreeMap<ScheduleId, Line>,
    pub tokens: BTreeMap<TokenId, QueueToken>,
    pub seats: BTreeMap<(ScheduleId, u32), Seat>,
    pub reservations: BTreeMap<ReservationId, Reservation>,
    pub wallets: BTreeMap<UserId, Wallet>,
    pub entries: BTreeMap<EntryId, Entry>,
    pub payments: BTreeMap<PaymentId, Payment>,
    pub records: BTreeMap<RecordId, Record>,
}

impl World {
    pub fn new() -> Self {
        let policy = Policy {
            hold: Duration::minutes(5),
            claim: Duration::minutes(1),
            seat_limit: 3,
            currency: Currency::from_code("KRW").unwrap(),
        };
        Self {
            now: START,
            policy,
            users: BTreeMap::new(),
            concerts: BTreeMap::new(),
            schedules: BTreeMap::new(),
            lines: BTreeMap::new(),
            tokens: BTreeMap::new(),
            seats: BTreeMap::new(),
            reservations: BTreeMap::new(),
            wallets: BTreeMap::new(),
            entries: BTreeMap::new(),
            payments: BTreeMap::new(),
            records: BTreeMap::new(),
        }
    }

    pub fn money(&self, minor: i64) -> Money {
        self.policy.currency.from_minor(minor)
    }

    // Deciding ------------------------------------------------------------------------------

    /// Decides a batch as an adapter does: with the rows that it needs, and no others.
    pub fn decide_each(&mut self, commands: &[Command]) -> Vec<Verdict> {
        let mut rows = self.load(&needs_of(commands));
        let verdicts = decide_each(commands, &mut rows, self.now);
        self.store(rows);
        verdicts
    }

    /// Decides a batch with all rows there are.
    pub fn decide_each_with_all_rows(&mut self, commands: &[Command]) -> Vec<Verdict> {
        let needs = Needs {
            concerts: self.concerts.keys().copied().collect(),
            gates: self.lines.keys().copied().collect(),
            lines: self.lines.keys().copied().collect(),
            live_tokens: self
                .tokens
                .values()
                .map(|token| (token.schedule_id, token.user_id))
                .collect(),
            tokens: self
                .tokens
                .values()
                .map(|token| (token.schedule_id, token.id))
                .collect(),
            holds_of: self
                .tokens
                .values()
                .map(|token| (token.schedule_id, token.id))
                .collect(),
            reservations: self
                .reservations
                .values()
                .map(|hold| (hold.schedule_id, hold.id))
                .collect(),
            seats: self.seats.keys().copied().collect(),
            wallets: self.wallets.keys().copied().collect(),
            users: self.users.keys().copied().collect(),
            holdings: self
                .reservations
                .values()
                .map(|hold| (hold.schedule_id, hold.user_id))
                .collect(),
            payments: self
                .payments
                .values()
                .map(|payment| (payment.user_id, payment.id))
                .collect(),
            records: self.records.keys().copied().collect(),
        };
        let mut rows = self.load(&needs);
        let verdicts = decide_each(commands, &mut rows, self.now);
        self.store(rows);
        verdicts
    }

    pub fn decide<C: Decide>(&mut self, command: &C) -> C::Verdict {
        let mut needs = Needs::default();
        command.needs(&mut needs);
        let mut rows = self.load(&needs);
        let verdict = command.decide(&mut rows, self.now);
        self.store(rows);
        verdict
    }

    fn load(&self, needs: &Needs) -> WorkingSet {
        let mut rows = WorkingSet::new(self.policy);
        load(&mut rows.users, &self.users, needs.users.iter());
        load(&mut rows.concerts, &self.concerts, needs.concerts.iter());
        for schedule in self.schedules.values() {
            if needs.concerts.contains(&schedule.concert_id) {
                rows.schedules.load(schedule.id, schedule.clone());
            }
        }
        self.load_line(needs, &mut rows);
        for reservation in self.reservations.values() {
            self.load_reservation(reservation, needs, &mut rows);
        }
        load(&mut rows.seats, &self.seats, needs.seats.iter());
        load(&mut rows.wallets, &self.wallets, needs.wallets.iter());
        load(
            &mut rows.payments,
            &self.payments,
            needs.payments.iter().map(|(_, id)| id),
        );
        load(&mut rows.records, &self.records, needs.records.iter());
        rows
    }

    fn load_line(&self, needs: &Needs, rows: &mut WorkingSet) {
        for id in &needs.gates {
            rows.load_room(*id, self.room(*id));
        }
        for id in &needs.lines {
            if let Some(line) = self.lines.get(id) {
                if self.now < self.schedules[id].booking_closes_at {
                    assert_eq!(line.waiting(), self.waiting(*id).len() as u64);
                }
                rows.lines.load(*id, line.clone());
            }
        }
        for token in self.tokens.values() {
            let gate = token.schedule_id;
            if token.state.is_live() && needs.live_tokens.contains(&(gate, token.user_id)) {
                let waits = token.state == TokenState::Waiting;
                rows.load_token(token.clone(), waits.then(|| self.ahead_of(token)));
            }
            if needs.tokens.contains(&(gate, token.id)) {
                rows.load_token(token.clone(), None);
            }
        }
    }

    fn room(&self, gate: ScheduleId) -> Room {
        let of_gate = self.tokens.values().filter(|token| token.schedule_id == gate);
        let at_gate = self.seats.values().filter(|seat| seat.schedule_id == gate);
        let unsold = at_gate.filter(|seat| !matches!(seat.state, SeatState::Sold { .. }));
        Room {
            active: of_gate.filter(|token| token.state == TokenState::Active).count() as u64,
            unsold: unsold.count() as u64,
        }
    }

    fn load_reservation(&self, reservation: &Reservation, needs: &Needs, rows: &mut WorkingSet) {
        let at = reservation.schedule_id;
        let held = reservation.state == ReservationState::Held;
        let kept = held || reservation.state == ReservationState::Confirmed;
        let named = needs.reservations.iter().any(|(_, id)| *id == reservation.id);
        let here = needs.reservations.contains(&(at, reservation.id));
        let hold = held && needs.holds_of.contains(&(at, reservation.token_id));
        let holding = kept && needs.holdings.contains(&(at, reservation.user_id));
        if named || hold || holding {
            rows.load_reservation(reservation.clone());
        }
        if here || hold {
            for number in &reservation.seat_numbers {
                rows.load_seat(self.seats[&(at, *number)]);
            }
        }
    }

    fn store(&mut self, rows: WorkingSet) {
        for (id, schedule) in rows.schedules.inserted() {
            let seats = (1..=schedule.layout.len()).map(|number| Seat::new(*id, number));
            self.seats.extend(seats.map(|seat| (seat.key(), seat)));
        }
        store(&mut self.users, &rows.users);
        store(&mut self.concerts, &rows.concerts);
        store(&mut self.schedules, &rows.schedules);
        store(&mut self.lines, &rows.lines);
        store(&mut self.tokens, &rows.tokens);
        store(&mut self.seats, &rows.seats);
        store(&mut self.reservations, &rows.reservations);
        store(&mut self.wallets, &rows.wallets);
        store(&mut self.payments, &rows.payments);
        store(&mut self.records, &rows.records);
        for entry in rows.entries {
            let twice = self.entries.insert(entry.id, entry);
            assert_eq!(twice, None, "an entry is never made twice");
        }
    }

    // Time and the background work ----------------------------------------------------------

    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub fn waiting(&self, schedule: ScheduleId) -> Vec<QueueToken> {
        let of_gate = self.tokens.values().filter(|token| token.schedule_id == schedule);
        let mut waiting: Vec<_> = of_gate.filter(|t| t.state == TokenState::Waiting).cloned().collect();
        waiting.sort_by_key(|token| token.number);
        waiting
    }

    pub fn ahead_of(&self, token: &QueueToken) -> u64 {
        let waiting = self.waiting(token.schedule_id);
        waiting.iter().filter(|other| other.number < token.number).count() as u64
    }

    /// Ends lapsed tokens, then lets in at every gate what is due.
    pub fn admit(&mut self) {
        for token in self.tokens.values_mut() {
            if token.state.is_live() && token.lapses_at <= self.now {
                token.state = TokenState::Expired;
                token.ended_at = Some(token.lapses_at);
            }
        }
        for schedule in self.schedules.values() {
            let of_gate = || self.tokens.values().filter(|token| token.schedule_id == schedule.id);
            let entered = of_gate().filter(|token| token.activated_at > Some(self.now - Duration::MINUTE));
            let state = LineState {
                booking_opens_at: schedule.booking_opens_at,
                booking_closes_at: schedule.booking_closes_at,
                active: of_gate().filter(|token| token.state == TokenState::Active).count() as u64,
                last_minute: entered.count() as u64,
            };
            let waiting = self.waiting(schedule.id);
            let gate = &mut self.lines.get_mut(&schedule.id).unwrap().gate;
            let Some(opening) = admit(gate, state, self.now) else {
                continue;
            };
            let at_gate = self.seats.values().filter(|seat| seat.schedule_id == schedule.id);
            let unsold = at_gate.filter(|seat| !matches!(seat.state, SeatState::Sold { .. }));
            let admission = opening.with_unsold(unsold.count() as u64);
            let mut admitted = 0;
            for mut token in waiting.into_iter().take(usize::try_from(admission.at_most).unwrap()) {
                token.activate(&gate.settings, self.policy.claim, self.now);
                gate.admitted_number = token.number;
                gate.admitted += 1;
                self.tokens.insert(token.id, token);
                admitted += 1;
                gate.next_slot_at = Some(admission.next_slot_after(admitted));
            }
        }
    }

    /// Frees the seats of lapsed holds.
    pub fn sweep(&mut self) {
        for hold in self.reservations.values_mut() {
            if hold.state == ReservationState::Held && hold.held_until <= self.now {
                hold.state = ReservationState::Expired;
                hold.ended_at = Some(hold.held_until);
                for number in &hold.seat_numbers {
                    let seat = self.seats.get_mut(&(hold.schedule_id, *number)).unwrap();
                    if seat.reservation() == Some(hold.id) {
                        *seat = seat.changed_to(SeatState::Available);
                    }
                }
            }
        }
        let now = self.now;
        self.records.retain(|_, record| record.expires_at > now);
    }

    // Telling what is true ------------------------------------------------------------------

    pub fn books(&self, schedule: ScheduleId) -> ScheduleBooks {
        let at = |id: ScheduleId| id == schedule;
        ScheduleBooks {
            schedule_id: schedule,
            issued: self.lines[&schedule].issued,
            seats: self
                .seats
                .values()
                .filter(|seat| at(seat.schedule_id))
                .copied()
                .collect(),
            reservations: self
                .reservations
                .values()
                .filter(|r| at(r.schedule_id))
                .cloned()
                .collect(),
            tokens: self
                .tokens
                .values()
                .filter(|token| at(token.schedule_id))
                .cloned()
                .collect(),
            payments: self.payments.values().filter(|p| at(p.schedule_id)).cloned().collect(),
            as_of: self.now,
        }
    }

    pub fn money_of(&self, user_id: UserId) -> UserBooks {
        let own = self.entries.values().filter(|entry| entry.user_id == user_id);
        let mut entries: Vec<_> = own.cloned().collect();
        entries.sort_by_key(|entry| entry.number);
        let paid = |payment: &&Payment| payment.user_id == user_id && payment.status == PaymentStatus::Succeeded;
        UserBooks {
            user_id,
            wallet: self.wallets.get(&user_id).cloned(),
            entries,
            payments: self.payments.values().filter(paid).cloned().collect(),
        }
    }

    pub fn audit(&self) -> Report {
        let mut findings = Findings::default();
        for schedule in self.schedules.keys() {
            findings.merge(check_schedule(&self.books(*schedule)));
        }
        let users: Vec<_> = self.users.keys().map(|user| self.money_of(*user)).collect();
        findings.merge(check_users(&users));
        findings.report()
    }

    // Setting the stage ---------------------------------------------------------------------

    pub fn fan(&mut self) -> UserId {
        let command = RegisterUser {
            request: None,
            user_id: UserId::mint(),
            name: "Fan".to_owned(),
        };
        self.decide(&command).unwrap().id
    }

    pub fn concert(&mut self) -> ConcertId {
        let id = ConcertId::mint();
        let concert = Concert {
            id,
            title: "Evening".to_owned(),
            venue: "Hall".to_owned(),
            created_at: self.now,
        };
        self.concerts.insert(id, concert);
        id
    }

    /// A performance with seats at 1,000 each, open for booking for a day from now on.
    pub fn show(&mut self, seats: u32) -> Arc<Schedule> {
        let concert = self.concert();
        let command = self.schedule_of(concert, seats);
        Arc::new(self.decide(&command).unwrap().schedule)
    }

    pub fn schedule_of(&self, concert_id: ConcertId, seats: u32) -> CreateSchedule {
        let gate = GateSettings {
            max_active: 100,
            admissions_per_minute: 60_000,
            session_seconds: 600,
            paused: false,
        };
        CreateSchedule {
            request: None,
            schedule_id: ScheduleId::mint(),
            concert_id,
            starts_at: self.now + Duration::hours(25),
            booking_opens_at: self.now,
            booking_closes_at: self.now + Duration::DAY,
            layout: SeatLayout::numbered(seats, self.money(1_000)),
            gate,
        }
    }

    pub fn join(&mut self, show: &Arc<Schedule>, user: UserId) -> TokenRef {
        self.decide(&join_of(show, user)).unwrap().status.token.reference()
    }

    /// A fan with money inside, the slot claimed.
    pub fn insider(&mut self, show: &Arc<Schedule>, money: i64) -> TokenRef {
        let user = self.fan();
        if money > 0 {
            self.decide(&self.charge_of(user, money)).unwrap();
        }
        let token = self.join(show, user);
        let row = self.tokens.get_mut(&token.id).unwrap();
        let gate = self.lines[&show.id].gate.settings;
        row.activate(&gate, self.policy.claim, self.now);
        row.claimed_at = Some(self.now);
        row.lapses_at = self.now + row.session;
        let mark = row.number;
        let gate = &mut self.lines.get_mut(&show.id).unwrap().gate;
        gate.admitted_number = mark;
        gate.admitted += 1;
        token
    }

    pub fn hold(&mut self, token: TokenRef, show: &Arc<Schedule>, seats: &[u32]) -> Reservation {
        self.decide(&hold_of(token, show, seats)).unwrap().reservation
    }

    pub fn charge_of(&self, user: UserId, minor: i64) -> ChargeWallet {
        ChargeWallet {
            request: None,
            entry_id: EntryId::mint(),
            wallet_id: WalletId::mint(),
            actor: Actor::Fan(user),
            payee: Payee::User(user),
            amount: Some(self.money(minor)),
            approval: Approval::Answered(Answer::Approved),
        }
    }
}

pub fn join_of(show: &Arc<Schedule>, user: UserId) -> JoinQueue {
    JoinQueue {
        request: None,
        token_id: TokenId::mint(),
        actor: Actor::Fan(user),
        named: None,
        target: Ok(show.clone()),
        forecast: Forecast::default(),
    }
}

pub fn let_through_of(show: &Arc<Schedule>, fan: NamedFan) -> LetThrough {
    LetThrough {
        request: None,
        wish: Uuid::now_v7(),
        schedule: show.clone(),
        fan,
        outlook: None,
    }
}

pub fn hold_of(token: TokenRef, show: &Arc<Schedule>, seats: &[u32]) -> HoldSeats {
    HoldSeats {
        request: None,
        reservation_id: ReservationId::mint(),
        token,
        actor: Actor::Fan(token.user_id),
        target: Ok(show.clone()),
        seat_numbers: seats.iter().copied().map(i64::from).collect(),
    }
}

pub fn release_of(hold: &Reservation) -> ReleaseHold {
    ReleaseHold {
        reservation_id: hold.id,
        made_with: (hold.schedule_id, hold.token_id),
        actor: Actor::Fan(hold.user_id),
    }
}

pub fn pay_of(token: TokenRef, reservation_id: ReservationId) -> PayReservation {
    PayReservation {
        request: None,
        payment_id: PaymentId::mint(),
        entry_id: EntryId::mint(),
        token,
        actor: Actor::Fan(token.user_id),
        named: None,
        reservation_id,
        amount: ClaimedAmount::Absent,
        payment_method: None,
        approval: Approval::NoProvider,
    }
}

/// A keyed request of its own.
pub fn request() -> Request {
    Request {
        id: RecordId {
            scope: Uuid::now_v7(),
            key: RequestKey(Uuid::now_v7()),
        },
        fingerprint: Fingerprint(Uuid::now_v7()),
    }
}

fn load<'a, K: Ord + Copy + 'a, V: Clone>(
    rows: &mut Rows<K, V>,
    table: &BTreeMap<K, V>,
    keys: impl Iterator<Item = &'a K>,
) {
    for key in keys {
        if let Some(row) = table.get(key) {
            rows.load(*key, row.clone());
        }
    }
}

fn store<K: Ord + Copy, V: Clone>(table: &mut BTreeMap<K, V>, rows: &Rows<K, V>) {
    for key in rows.removed() {
        table.remove(key);
    }
    table.extend(rows.written().map(|(key, row)| (*key, row.clone())));
}
