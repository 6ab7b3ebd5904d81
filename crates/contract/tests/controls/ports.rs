//! The ports of the toy storage, as far as the races use them.

use crate::tables::{Tables, Toy};
use async_trait::async_trait;
use frontrow_domain::{
    audit::{ScheduleBooks, UserBooks, port::Books},
    catalog::{InvalidField, Programme, Schedule, port::CatalogQueries},
    clock::Timestamp,
    decision::{Command, Verdict, decide_each, port::Decisions},
    id::{ConcertId, OperatorKeyId, PaymentId, ReservationId, ScheduleId, UserId, WalletId},
    identity::{OperatorKey, User, port::Identities},
    leadership::{Lease, port::Leadership},
    outcome::StoreError,
    page::{Page, PageRequest},
    payment::{Payment, PaymentStatus, port::PaymentQueries},
    policy::Policy,
    queue::{
        Gate, GatePatch, LineState, MeasuredPace, Place, TokenRef, TokenState, TokenStatus, WaitAt, admit,
        port::{Admitted, Attendant, GateNews, QueueQueries, Stats, Swept},
    },
    seating::{
        ReservationState, Seat, SeatMap, SeatState,
        port::{Availability, ReservationStatus, SeatingQueries, Stock},
    },
    wallet::{Entry, Wallet, port::WalletQueries},
};
use std::{collections::BTreeSet, sync::Arc};
use time::Duration;

fn not_raced<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("no race asks for this".to_owned()))
}

#[async_trait]
impl Decisions for Toy {
    async fn decide_each(&self, commands: Vec<Command>) -> Result<Vec<Verdict>, StoreError> {
        let decide = |tables: &mut Tables, now| {
            let mut rows = tables.load(self.policy);
            let verdicts = decide_each(&commands, &mut rows, now);
            tables.store(rows);
            verdicts
        };
        Ok(self.transact(decide).await)
    }
}

#[async_trait]
impl Attendant for Toy {
    async fn admit_due_in(&self, _: Option<u64>) -> Result<Admitted, StoreError> {
        let admitted = self.transact(|tables, now| admit_next(tables, &self.policy, now)).await;
        Ok(Admitted { admitted, more: false })
    }

    async fn sweep(&self) -> Result<Swept, StoreError> {
        let holds = self.transact(free_lapsed).await;
        Ok(Swept {
            holds,
            ..Swept::default()
        })
    }
}

#[async_trait]
impl Leadership for Toy {
    async fn lease(&self) -> Result<(Lease, Timestamp), StoreError> {
        Ok(self.read(|tables, now| (tables.lease, now)))
    }

    async fn replace_lease(&self, seen: Lease, next: Lease) -> Result<bool, StoreError> {
        let replace = |tables: &mut Tables, _| {
            let same = tables.lease == seen;
            if same {
                tables.lease = next;
            }
            same
        };
        Ok(self.transact(replace).await)
    }
}

fn admit_next(tables: &mut Tables, policy: &Policy, now: Timestamp) -> u64 {
    let mut admitted = 0;
    for schedule in tables.schedules.values().cloned().collect::<Vec<_>>() {
        let Some(mut line) = tables.lines.get(&schedule.id).cloned() else {
            continue;
        };
        let of_gate = || tables.tokens.values().filter(|token| token.schedule_id == schedule.id);
        let entered = of_gate().filter(|token| token.activated_at > Some(now - Duration::MINUTE));
        let state = LineState {
            booking_opens_at: schedule.booking_opens_at,
            booking_closes_at: schedule.booking_closes_at,
            active: of_gate().filter(|token| token.state == TokenState::Active).count() as u64,
            last_minute: entered.count() as u64,
        };
        let Some(opening) = admit(&line.gate, state, now) else {
            continue;
        };
        let unsold = seats_of(tables, schedule.id).into_iter();
        let unsold = unsold.filter(|seat| !matches!(seat.state, SeatState::Sold { .. }));
        let admission = opening.with_unsold(unsold.count() as u64);
        let next = tables.waiting(schedule.id).into_iter();
        let next: Vec<_> = next
            .take(usize::try_from(admission.at_most).expect("a count"))
            .collect();
        let Some(last) = next.last() else { continue };
        line.gate.admitted_number = last.number;
        line.gate.admitted += next.len() as u64;
        line.gate.next_slot_at = Some(admission.next_slot_after(next.len() as u64));
        admitted += next.len() as u64;
        for mut token in next {
            token.activate(&line.gate.settings, policy.claim, now);
            tables.tokens.insert(token.id, token);
        }
        tables.lines.insert(schedule.id, line);
    }
    admitted
}

fn free_lapsed(tables: &mut Tables, now: Timestamp) -> u64 {
    let lapsed = tables.lapsed_holds(now);
    for mut hold in lapsed.clone() {
        for number in &hold.seat_numbers {
            let seat = tables.seats.get_mut(&(hold.schedule_id, *number));
            if let Some(seat) = seat.filter(|seat| seat.reservation() == Some(hold.id)) {
                *seat = seat.changed_to(SeatState::Available);
            }
        }
        hold.state = ReservationState::Expired;
        hold.ended_at = Some(hold.held_until);
        tables.reservations.insert(hold.id, hold);
    }
    lapsed.len() as u64
}

#[async_trait]
impl QueueQueries for Toy {
    async fn statuses(&self, tokens: Vec<TokenRef>) -> Result<Vec<Option<TokenStatus>>, StoreError> {
        let status = |tables: &Tables, now, token: TokenRef| {
            let schedule = tables.schedules.get(&token.schedule_id)?;
            let token = tables.tokens.get(&token.id)?;
            let gate = tables.lines.get(&schedule.id)?.gate.settings;
            let waits = token.state_at(now) == TokenState::Waiting;
            let at = WaitAt {
                settings: &gate,
                booking_opens_at: schedule.booking_opens_at,
                pace: MeasuredPace::default(),
                policy: &self.policy,
            };
            let place = || Place::of(token.id, tables.ahead_of(token), &at, now);
            Some(TokenStatus {
                token: token.clone(),
                concert_id: schedule.concert_id,
                date: schedule.date,
                place: waits.then(place),
                outlook: None,
                as_of: now,
            })
        };
        Ok(self.read(|tables, now| tokens.into_iter().map(|token| status(tables, now, token)).collect()))
    }

    async fn gate(&self, schedule: ScheduleId) -> Result<Option<Gate>, StoreError> {
        Ok(self.read(|tables, _| tables.lines.get(&schedule).map(|line| line.gate.clone())))
    }

    async fn gate_news(&self, after: Vec<(ScheduleId, u64)>) -> Result<Vec<GateNews>, StoreError> {
        Ok(self.read(|tables, now| {
            let news = |(id, after): (ScheduleId, u64)| {
                let line = tables.lines.get(&id)?;
                let later = tables
                    .tokens
                    .values()
                    .filter(|token| token.schedule_id == id && token.departure > Some(after));
                Some(GateNews {
                    schedule_id: id,
                    settings: line.gate.settings,
                    issued: line.issued,
                    admitted: line.gate.admitted,
                    admitted_number: line.gate.admitted_number,
                    departed: line.departed,
                    after,
                    seen: line.departed,
                    leavers: later.map(|token| token.number).collect(),
                    as_of: now,
                })
            };
            after.into_iter().filter_map(news).collect()
        }))
    }

    async fn patch_gate(
        &self,
        schedule: ScheduleId,
        patch: GatePatch,
    ) -> Result<Option<Result<Gate, InvalidField>>, StoreError> {
        let patched = self.transact(|tables, _| {
            tables.lines.get_mut(&schedule).map(|line| {
                line.gate.settings = patch.apply(line.gate.settings)?;
                Ok(line.gate.clone())
            })
        });
        Ok(patched.await)
    }

    async fn stats(&self, _: ScheduleId) -> Result<Option<Stats>, StoreError> {
        not_raced()
    }
}

#[async_trait]
impl SeatingQueries for Toy {
    async fn availability(&self, _: ConcertId) -> Result<Vec<Availability>, StoreError> {
        not_raced()
    }

    async fn seats(&self, schedule: ScheduleId) -> Result<SeatMap, StoreError> {
        Ok(self.read(|tables, now| SeatMap {
            seats: seats_of(tables, schedule),
            as_of: now,
        }))
    }

    async fn stock(&self, schedules: Vec<ScheduleId>) -> Result<Vec<Stock>, StoreError> {
        Ok(self.read(|tables, now| {
            let known = schedules.into_iter().filter(|id| tables.schedules.contains_key(id));
            known.map(|id| Stock::of(id, &seats_of(tables, id), now)).collect()
        }))
    }

    async fn reservation(&self, id: ReservationId) -> Result<Option<ReservationStatus>, StoreError> {
        Ok(self.read(|tables, now| {
            let reservation = tables.reservations.get(&id)?.clone();
            Some(ReservationStatus {
                schedule: Arc::new(tables.schedules.get(&reservation.schedule_id)?.clone()),
                reservation,
                as_of: now,
            })
        }))
    }
}

fn seats_of(tables: &Tables, schedule: ScheduleId) -> Vec<Seat> {
    let range = tables.seats.range((schedule, 0)..=(schedule, u32::MAX));
    range.map(|(_, seat)| *seat).collect()
}

fn entries_of(tables: &Tables, user: UserId) -> Vec<Entry> {
    let own = tables.entries.values().filter(|entry| entry.user_id == user);
    let mut entries: Vec<_> = own.cloned().collect();
    entries.sort_by_key(|entry| entry.number);
    entries
}

#[async_trait]
impl WalletQueries for Toy {
    async fn wallet_of(&self, user: UserId) -> Result<Option<Wallet>, StoreError> {
        Ok(self.read(|tables, _| tables.wallets.get(&user).cloned()))
    }

    async fn wallet(&self, _: WalletId) -> Result<Option<Wallet>, StoreError> {
        not_raced()
    }

    async fn entries(&self, user: UserId, page: PageRequest<u64>) -> Result<Page<Entry, u64>, StoreError> {
        let mut entries = self.read(|tables, _| entries_of(tables, user));
        entries.reverse();
        Ok(Page::from_overfetch(entries, page.limit, |entry: &Entry| entry.number))
    }
}

#[async_trait]
impl Books for Toy {
    async fn schedules(&self) -> Result<Vec<ScheduleId>, StoreError> {
        Ok(self.read(|tables, _| tables.schedules.keys().copied().collect()))
    }

    async fn schedule_books(&self, id: ScheduleId) -> Result<Option<ScheduleBooks>, StoreError> {
        Ok(self.read(|tables, now| {
            let mut tokens: Vec<_> = tables
                .tokens
                .values()
                .filter(|t| t.schedule_id == id)
                .cloned()
                .collect();
            tokens.sort_by_key(|token| token.number);
            Some(ScheduleBooks {
                schedule_id: id,
                issued: tables.lines.get(&id)?.issued,
                seats: seats_of(tables, id),
                reservations: tables
                    .reservations
                    .values()
                    .filter(|r| r.schedule_id == id)
                    .cloned()
                    .collect(),
                tokens,
                payments: tables
                    .payments
                    .values()
                    .filter(|p| p.schedule_id == id)
                    .cloned()
                    .collect(),
                as_of: now,
            })
        }))
    }

    async fn user_books(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserBooks>, StoreError> {
        Ok(self.read(|tables, _| {
            let mut users: BTreeSet<UserId> = tables.wallets.keys().copied().collect();
            users.extend(tables.entries.values().map(|entry| entry.user_id));
            users.extend(tables.payments.values().map(|payment| payment.user_id));
            let page = users.into_iter().filter(|user| after.is_none_or(|after| *user > after));
            let books = page.take(limit as usize).map(|user_id| UserBooks {
                user_id,
                wallet: tables.wallets.get(&user_id).cloned(),
                entries: entries_of(tables, user_id),
                payments: succeeded(tables, user_id),
            });
            books.collect()
        }))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn succeeded(tables: &Tables, user: UserId) -> Vec<Payment> {
    let own = tables.payments.values().filter(|payment| payment.user_id == user);
    own.filter(|payment| payment.status == PaymentStatus::Succeeded)
        .cloned()
        .collect()
}

#[async_trait]
impl PaymentQueries for Toy {
    async fn payments(&self, _: UserId, _: PageRequest<PaymentId>) -> Result<Page<Payment, PaymentId>, StoreError> {
        not_raced()
    }
}

#[async_trait]
impl CatalogQueries for Toy {
    async fn programmes(&self, _: PageRequest<ConcertId>) -> Result<Page<Programme, ConcertId>, StoreError> {
        not_raced()
    }

    async fn programme(&self, _: ConcertId) -> Result<Option<Programme>, StoreError> {
        not_raced()
    }

    async fn schedule(&self, _: ScheduleId) -> Result<Option<Schedule>, StoreError> {
        not_raced()
    }
}

#[async_trait]
impl Identities for Toy {
    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.read(|tables, _| tables.users.get(&id).cloned()))
    }

    async fn operator_key(&self, _: [u8; 32]) -> Result<Option<OperatorKey>, StoreError> {
        not_raced()
    }

    async fn add_operator_key(&self, _: OperatorKey) -> Result<(), StoreError> {
        not_raced()
    }

    async fn operator_keys(&self) -> Result<Vec<OperatorKey>, StoreError> {
        not_raced()
    }

    async fn revoke_operator_key(&self, _: OperatorKeyId) -> Result<bool, StoreError> {
        not_raced()
    }
}
