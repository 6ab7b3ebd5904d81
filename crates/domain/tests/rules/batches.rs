//! Any batch is decided as its commands one after another, and whatever fans try, the invariants
//! hold.

use crate::world::{World, hold_of, join_of, let_through_of, pay_of};
use frontrow_domain::{
    catalog::Schedule,
    decision::{Command, Verdict},
    id::{EntryId, ReservationId, TokenId, UserId},
    idempotency::{Fingerprint, RecordId, Request, RequestKey},
    identity::Actor,
    payment::{Answer, Approval, PaymentStatus},
    queue::{LeaveQueue, NamedFan, QueueToken, TokenRef, TokenState, Visit},
    seating::{ReleaseHold, Reservation},
    wallet::ChargeStep,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};
use time::Duration;
use uuid::Uuid;

const FANS: usize = 4;
const SEATS: u32 = 5;

/// What a fan tries. The numbers pick among what there is.
#[derive(Debug, Clone)]
enum Attempt {
    Join,
    Visit {
        token: usize,
    },
    Leave {
        token: usize,
    },
    LetThrough {
        token: Option<usize>,
    },
    Hold {
        token: usize,
        seats: Vec<u32>,
    },
    Release {
        hold: usize,
    },
    Pay {
        token: usize,
        hold: usize,
        approval: Approval,
    },
    Charge {
        minor: i64,
        approval: Approval,
    },
}

/// One command: who, what, and under which of a few keys, with one of two bodies.
#[derive(Debug, Clone)]
struct Try {
    fan: usize,
    attempt: Attempt,
    key: Option<(u128, u128)>,
}

#[derive(Debug, Clone)]
enum Step {
    Batch(Vec<Try>),
    Admit,
    Sweep,
    Pass(i64),
}

fn approval() -> impl Strategy<Value = Approval> {
    prop_oneof![
        4 => Just(Approval::NoProvider),
        2 => Just(Approval::Ask),
        4 => Just(Approval::Answered(Answer::Approved)),
        1 => Just(Approval::Answered(Answer::Declined)),
        1 => Just(Approval::Answered(Answer::Silent)),
    ]
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let pick = 0..4_usize;
    prop_oneof![
        3 => Just(Attempt::Join),
        1 => pick.clone().prop_map(|token| Attempt::Visit { token }),
        1 => pick.clone().prop_map(|token| Attempt::Leave { token }),
        2 => prop::option::of(pick.clone()).prop_map(|token| Attempt::LetThrough { token }),
        5 => (pick.clone(), prop::collection::vec(0..=SEATS, 0..3))
            .prop_map(|(token, seats)| Attempt::Hold { token, seats }),
        2 => pick.clone().prop_map(|hold| Attempt::Release { hold }),
        5 => (pick.clone(), pick, approval())
            .prop_map(|(token, hold, approval)| Attempt::Pay { token, hold, approval }),
        3 => (0..3_000_i64, approval()).prop_map(|(minor, approval)| Attempt::Charge { minor, approval }),
    ]
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let key = prop::option::weighted(0.3, (0..4_u128, 0..2_u128));
    let one = (0..FANS, attempt(), key).prop_map(|(fan, attempt, key)| Try { fan, attempt, key });
    prop::collection::vec(one, 1..8)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => tries().prop_map(Step::Batch),
        4 => Just(Step::Admit),
        1 => Just(Step::Sweep),
        2 => (0..500_i64).prop_map(Step::Pass),
        1 => (50_000..400_000_i64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..40)
}

/// The world, and what clients know of it: tokens and reservations by fan, old ones included.
struct Scene {
    world: World,
    show: Arc<Schedule>,
    fans: Vec<UserId>,
    tokens: Vec<Vec<TokenRef>>,
    holds: Vec<Vec<(ReservationId, TokenRef)>>,
    /// What every charge brought in, by its entry: an answer that is repeated counts once.
    charged: BTreeMap<EntryId, i64>,
}

impl Scene {
    fn new() -> Self {
        let mut world = World::new();
        let show = world.show(SEATS);
        let gate = &mut world.lines.get_mut(&show.id).unwrap().gate.settings;
        gate.max_active = 2;
        gate.session_seconds = 60;
        let fans = (0..FANS).map(|_| world.fan()).collect();
        let mut scene = Self {
            world,
            show,
            fans,
            tokens: vec![Vec::new(); FANS],
            holds: vec![Vec::new(); FANS],
            charged: BTreeMap::new(),
        };
        for user in scene.fans.clone() {
            scene.world.join(&scene.show, user);
            let charge = scene.world.charge_of(user, 3_500);
            scene.charged.insert(charge.entry_id, 3_500);
            scene.world.decide(&charge).unwrap();
        }
        scene.look_up();
        scene
    }

    /// Makes the commands of a batch. What one of them makes, later ones may use.
    fn commands(&mut self, tries: &[Try]) -> Vec<Command> {
        tries.iter().filter_map(|one| self.command(one)).collect()
    }

    fn command(&mut self, one: &Try) -> Option<Command> {
        let Try { fan, attempt, key } = one;
        let request = key.map(|(key, body)| Request {
            id: RecordId {
                scope: self.show.id.0,
                key: RequestKey(Uuid::from_u128(key)),
            },
            fingerprint: Fingerprint(Uuid::from_u128(body)),
        });
        let user = self.fans[*fan];
        let newest = |pick: usize, count: usize| count.checked_sub(1).map(|last| last.saturating_sub(pick / 2));
        let token = |pick: usize| Some(self.tokens[*fan][newest(pick, self.tokens[*fan].len())?]);
        Some(match attempt {
            Attempt::Join => {
                let mut join = join_of(&self.show, user);
                join.request = request;
                let id = join.token_id;
                self.tokens[*fan].push(TokenRef {
                    id,
                    schedule_id: self.show.id,
                    user_id: user,
                });
                join.into()
            }
            Attempt::Visit { token: pick } => Visit { token: token(*pick)? }.into(),
            Attempt::Leave { token: pick } => LeaveQueue { token: token(*pick)? }.into(),
            Attempt::LetThrough { token: pick } => {
                let named = match pick {
                    Some(pick) => NamedFan::Token(token(*pick)?),
                    None => NamedFan::User(user),
                };
                let mut let_through = let_through_of(&self.show, named);
                let_through.request = request;
                let_through.into()
            }
            Attempt::Hold { token: pick, seats } => {
                let mut hold = hold_of(token(*pick)?, &self.show, seats);
                hold.request = request;
                self.holds[*fan].push((hold.reservation_id, hold.token));
                hold.into()
            }
            Attempt::Release { hold } => {
                let made = &self.holds[*fan];
                let (id, token) = made[newest(*hold, made.len())?];
                release(id, token).into()
            }
            Attempt::Pay {
                token: pick,
                hold,
                approval,
            } => {
                let made = &self.holds[*fan];
                let (id, _) = made[newest(*hold, made.len())?];
                let mut pay = pay_of(token(*pick)?, id);
                pay.request = request;
                pay.approval = *approval;
                pay.into()
            }
            Attempt::Charge { minor, approval } => {
                let mut charge = self.world.charge_of(user, *minor);
                charge.request = request;
                charge.approval = *approval;
                charge.into()
            }
        })
    }

    /// Decides a batch; the same commands one by one; and the batch with all rows there are.
    fn run(&mut self, commands: &[Command]) -> Result<(), TestCaseError> {
        let mut one_by_one = self.world.clone();
        let mut expected = Vec::new();
        for command in commands {
            expected.extend(one_by_one.decide_each(std::slice::from_ref(command)));
        }
        let mut with_all_rows = self.world.clone();
        prop_assert_eq!(&with_all_rows.decide_each_with_all_rows(commands), &expected);
        prop_assert_eq!(&with_all_rows, &one_by_one);
        let verdicts = self.world.decide_each(commands);
        prop_assert_eq!(&verdicts, &expected);
        prop_assert_eq!(&self.world, &one_by_one);
        for verdict in verdicts {
            if let Verdict::ChargeWallet(Ok(ChargeStep::Charged(charged))) = verdict {
                self.charged.insert(charged.entry_id, charged.amount.minor());
            }
        }
        self.look_up();
        Ok(())
    }

    /// Forgets what was asked for and not made.
    fn look_up(&mut self) {
        for (fan, user) in self.fans.iter().enumerate() {
            let own = self.world.tokens.values().filter(|token| token.user_id == *user);
            self.tokens[fan] = own.map(QueueToken::reference).collect();
            let own = self.world.reservations.values().filter(|hold| hold.user_id == *user);
            let made_with = |hold: &Reservation| self.world.tokens[&hold.token_id].reference();
            self.holds[fan] = own.map(|hold| (hold.id, made_with(hold))).collect();
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match step {
            Step::Batch(tries) => {
                let commands = self.commands(tries);
                self.run(&commands)?;
            }
            Step::Admit => self.world.admit(),
            Step::Sweep => self.world.sweep(),
            Step::Pass(milliseconds) => self.world.pass(Duration::milliseconds(*milliseconds)),
        }
        Ok(())
    }

    /// How many fans are ahead of everybody who waits.
    fn ahead(&self) -> BTreeMap<TokenId, u64> {
        let waiting = self.world.waiting(self.show.id).into_iter();
        let waiting = waiting.filter(|token| token.state_at(self.world.now) == TokenState::Waiting);
        waiting.map(|token| (token.id, self.world.ahead_of(&token))).collect()
    }

    fn check_money(&self) -> Result<(), TestCaseError> {
        let balances: i64 = self.world.wallets.values().map(|wallet| wallet.balance.minor()).sum();
        let paid = self
            .world
            .payments
            .values()
            .filter(|p| p.status == PaymentStatus::Succeeded);
        let paid: i64 = paid.map(|payment| payment.amount.minor()).sum();
        let charged: i64 = self.charged.values().sum();
        prop_assert_eq!(balances + paid, charged);
        prop_assert!(self.world.wallets.values().all(|wallet| wallet.balance.minor() >= 0));
        Ok(())
    }

    fn check_seats(&self) -> Result<(), TestCaseError> {
        let now = self.world.now;
        for seat in self.world.seats.values() {
            let keeps = |hold: &&Reservation| hold.keeps_seats(now) && hold.seat_numbers.contains(&seat.number);
            let keepers: Vec<_> = self
                .world
                .reservations
                .values()
                .filter(keeps)
                .map(|hold| hold.id)
                .collect();
            let stored: Vec<_> = seat.reservation().filter(|_| !seat.is_open(now)).into_iter().collect();
            prop_assert_eq!(keepers, stored, "seat {}", seat.number);
        }
        for fan in &self.fans {
            let own = self
                .world
                .reservations
                .values()
                .filter(|hold| hold.user_id == *fan && hold.keeps_seats(now));
            let seats: usize = own.map(|hold| hold.seat_numbers.len()).sum();
            prop_assert!(seats <= self.world.policy.seat_limit as usize);
        }
        Ok(())
    }

    fn check_line(&self) -> Result<(), TestCaseError> {
        let mut tokens: Vec<_> = self.world.tokens.values().collect();
        tokens.sort_by_key(|token| token.number);
        let mut in_turn = tokens.clone();
        in_turn.retain(|token| !token.was_let_through());
        let entered: Vec<_> = in_turn.iter().filter_map(|token| token.activated_at).collect();
        prop_assert!(entered.is_sorted(), "somebody was overtaken");
        let last = in_turn.iter().rposition(|token| token.activated_at.is_some());
        let waits = in_turn
            .iter()
            .position(|token| token.state_at(self.world.now) == TokenState::Waiting);
        prop_assert!(waits.is_none() || last < waits, "somebody was passed over");
        let inside = tokens
            .iter()
            .filter(|token| token.state_at(self.world.now) == TokenState::Active);
        prop_assert!(inside.count() <= 2);
        for fan in &self.fans {
            let own = tokens
                .iter()
                .filter(|token| token.user_id == *fan && token.state.is_live());
            prop_assert!(own.count() <= 1, "a fan has two live tokens");
        }
        Ok(())
    }
}

fn release(reservation_id: ReservationId, token: TokenRef) -> ReleaseHold {
    ReleaseHold {
        reservation_id,
        made_with: (token.schedule_id, token.id),
        actor: Actor::Fan(token.user_id),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_batch_is_its_commands_one_after_another_and_nothing_ever_breaks(steps in steps()) {
        let mut scene = Scene::new();
        for step in &steps {
            let before = scene.ahead();
            scene.step(step)?;
            for (token, ahead) in scene.ahead() {
                prop_assert!(before.get(&token).is_none_or(|before| ahead <= *before), "a position rose");
            }
            scene.check_money()?;
            scene.check_seats()?;
            scene.check_line()?;
            let report = scene.world.audit();
            prop_assert!(report.is_ok(), "{:?}", report);
        }
    }
}
