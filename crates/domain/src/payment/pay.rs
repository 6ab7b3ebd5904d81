//! The rule of paying.

use super::{Answer, Approval, Payment, PaymentStatus, Question};
use crate::{
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{EntryId, PaymentId, ReservationId, UserId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
    identity::{ActingRefusal, Actor},
    money::Money,
    queue::{self, AdmittanceRefusal, Errand, TokenRef, TokenState},
    seating::{self, Reservation, ReservationState, SeatState},
    wallet::EntryKind,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The amount a client says it pays; the price is the server's (ruling 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimedAmount {
    /// None was sent.
    Absent,
    /// What was sent is no amount.
    Malformed,
    /// This much.
    Of(Money),
}

/// Pays a reservation (`POST /v1/payments`).
#[derive(Debug, Clone)]
pub struct PayReservation {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// The id the payment will have, and how the provider knows it unless an earlier attempt
    /// with the same key had one.
    pub payment_id: PaymentId,
    /// The id the wallet's entry will have.
    pub entry_id: EntryId,
    /// The fan's place inside.
    pub token: TokenRef,
    /// Whose authority the call carries.
    pub actor: Actor,
    /// The user named in the body.
    pub named: Option<UserId>,
    /// What is paid.
    pub reservation_id: ReservationId,
    /// What the client says it costs.
    pub amount: ClaimedAmount,
    /// What the client says about how to pay.
    pub payment_method: Option<String>,
    /// Where the request stands with the provider.
    pub approval: Approval,
}

/// How far a payment got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayStep {
    /// All is well so far: ask the provider, then settle.
    Ask(Question),
    /// Done.
    Paid(Receipt),
}

/// A payment that went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The payment.
    pub payment_id: PaymentId,
    /// What was paid.
    pub reservation_id: ReservationId,
    /// Who paid.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// What is left in the wallet.
    pub balance: Money,
    /// The seats that are the fan's now.
    pub seat_numbers: Vec<u32>,
    /// When.
    pub paid_at: Timestamp,
}

/// An answer that changed something, as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentOutcome {
    /// Paid.
    Paid(Receipt),
    /// The provider declined; the seats were released.
    Declined,
}

/// Why nothing was paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// The queue token does not let the call in.
    #[error(transparent)]
    Admittance(#[from] AdmittanceRefusal),
    /// The amount sent is no amount.
    #[error("the amount is not an amount of this currency")]
    InvalidAmount,
    /// The caller may not act for the user, or there is none.
    #[error(transparent)]
    Acting(#[from] ActingRefusal),
    /// There is no such reservation.
    #[error("there is no such reservation")]
    InvalidReservation,
    /// The reservation is for another performance than the token.
    #[error("the reservation is for another performance than the queue token")]
    TokenScopeMismatch,
    /// It is paid, lapsed or given back.
    #[error("the reservation is not held any more")]
    NotHeld,
    /// Another fan holds it.
    #[error("the reservation belongs to another user")]
    UserMismatch,
    /// The amount sent is not the price.
    #[error("the price is {price}")]
    AmountMismatch {
        /// The server's price.
        price: Money,
    },
    /// The wallet has too little; the hold is kept.
    #[error("the wallet has {balance}, the price is {price}")]
    InsufficientBalance {
        /// What the wallet has.
        balance: Money,
        /// The server's price.
        price: Money,
    },
    /// The provider declined; the seats are released.
    #[error("the payment provider declined")]
    Declined,
    /// The provider did not answer; the hold is kept and the same key may ask again.
    #[error("the payment provider did not answer in time")]
    OutcomeUnknown,
}

impl Decide for PayReservation {
    type Verdict = Result<PayStep, PayRefusal>;

    fn shard(&self) -> Uuid {
        self.token.schedule_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(self.request.as_ref());
        needs.token(&self.token);
        needs.holds_of.insert((self.token.schedule_id, self.token.id));
        needs.reservations.insert((self.token.schedule_id, self.reservation_id));
        needs.wallets.insert(self.token.user_id);
        needs.payments.insert((self.token.user_id, self.payment_id));
        needs
            .users
            .extend(self.named.filter(|named| *named != self.token.user_id));
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match self.approval {
            Approval::NoProvider => self.without_provider(rows, now),
            Approval::Ask => self.ask(rows, now),
            Approval::Answered(answer) => self.settle(rows, answer, now),
        }
    }
}

impl PayReservation {
    fn without_provider(&self, rows: &mut WorkingSet, now: Timestamp) -> Result<PayStep, PayRefusal> {
        if let Screened::Done(recorded) = rows.screen(self.request.as_ref(), now)? {
            return replay(recorded);
        }
        if let Some(settled) = self.settled_before(rows, now) {
            return settled;
        }
        queue::claim(rows, &self.token, now);
        let reservation = self.check(rows, now)?;
        self.accept(rows, &reservation, now).map(PayStep::Paid)
    }

    fn ask(&self, rows: &mut WorkingSet, now: Timestamp) -> Result<PayStep, PayRefusal> {
        let (reference, attempt) = match rows.screen_to_ask(self.request.as_ref(), self.payment_id.0, now)? {
            Screened::Done(recorded) => return replay(recorded),
            Screened::TakenOver { reference, attempts } => (reference, attempts + 1),
            Screened::Fresh => (self.payment_id.0, 1),
        };
        queue::claim(rows, &self.token, now);
        let amount = match self.check(rows, now) {
            Ok(reservation) => reservation.total_price,
            Err(refusal) => {
                if attempt > 1 {
                    let payment_id = PaymentId(reference);
                    Self {
                        payment_id,
                        ..self.clone()
                    }
                    .give_up(rows, now);
                }
                return Err(refusal);
            }
        };
        rows.lease(self.request.as_ref(), reference, attempt, now);
        Ok(PayStep::Ask(Question {
            reference,
            attempt,
            amount,
        }))
    }

    fn settle(&self, rows: &mut WorkingSet, answer: Answer, now: Timestamp) -> Result<PayStep, PayRefusal> {
        if let Some(recorded) = rows.answered_meanwhile(self.request.as_ref()) {
            return replay(recorded);
        }
        if let Some(settled) = self.settled_before(rows, now) {
            return settled;
        }
        if answer == Answer::Silent {
            rows.end_lease(self.request.as_ref(), now);
            return Err(PayRefusal::OutcomeUnknown);
        }
        let checked = self.check_held(rows, now).and_then(|reservation| match answer {
            Answer::Declined => Err(self.decline(rows, &reservation, now)),
            Answer::Approved | Answer::Silent => self.accept(rows, &reservation, now).map(PayStep::Paid),
        });
        match &checked {
            Ok(_) | Err(PayRefusal::Declined) => {}
            Err(_) => self.give_up(rows, now),
        }
        checked
    }

    /// The checks of SPEC §3, in their order.
    fn check(&self, rows: &WorkingSet, now: Timestamp) -> Result<Reservation, PayRefusal> {
        let caller = match self.actor {
            Actor::Fan(user) => Some(user),
            Actor::OnBehalf => None,
        };
        let token = queue::admits(rows.tokens.get(&self.token.id), caller, Errand::Settle, now)?;
        if self.amount == ClaimedAmount::Malformed {
            return Err(PayRefusal::InvalidAmount);
        }
        let exists = |user| user == token.user_id || rows.users.get(&user).is_some();
        let user = self.actor.acts_for(self.named, Some(token.user_id), exists)?;
        if user != token.user_id {
            return Err(PayRefusal::UserMismatch);
        }
        let reservation = rows
            .reservations
            .get(&self.reservation_id)
            .ok_or(PayRefusal::InvalidReservation)?;
        if reservation.schedule_id != token.schedule_id {
            return Err(PayRefusal::TokenScopeMismatch);
        }
        if !reservation.is_held(now) {
            return Err(PayRefusal::NotHeld);
        }
        if reservation.user_id != user {
            return Err(PayRefusal::UserMismatch);
        }
        let price = reservation.total_price;
        if matches!(self.amount, ClaimedAmount::Of(amount) if amount != price) {
            return Err(PayRefusal::AmountMismatch { price });
        }
        let zero = rows.policy.currency.zero();
        let balance = rows.wallets.get(&user).map_or(zero, |wallet| wallet.balance);
        if balance.checked_sub(price).is_none() {
            return Err(PayRefusal::InsufficientBalance { balance, price });
        }
        Ok(reservation.clone())
    }

    /// As [`Self::check`]; but an answer that comes after the hold has ended is told so, also when
    /// the token has ended with it (ruling 8).
    fn check_held(&self, rows: &WorkingSet, now: Timestamp) -> Result<Reservation, PayRefusal> {
        let reservation = rows.reservations.get(&self.reservation_id);
        if reservation.is_some_and(|reservation| reservation.is_held(now)) {
            self.check(rows, now)
        } else {
            Err(PayRefusal::NotHeld)
        }
    }

    /// What came of this very attempt when it was settled before: sent again, or by an instance
    /// that had taken it over.
    fn settled_before(&self, rows: &WorkingSet, now: Timestamp) -> Option<Result<PayStep, PayRefusal>> {
        let payment = rows.payments.get(&self.payment_id)?;
        let zero = rows.policy.currency.zero();
        let wallet = rows.wallets.get(&payment.user_id);
        if payment.status == PaymentStatus::Succeeded {
            return Some(Ok(PayStep::Paid(Receipt {
                payment_id: payment.id,
                reservation_id: payment.reservation_id,
                user_id: payment.user_id,
                amount: payment.amount,
                balance: wallet.map_or(zero, |wallet| wallet.balance),
                seat_numbers: payment.seat_numbers.clone(),
                paid_at: payment.created_at,
            })));
        }
        let reservation = rows.reservations.get(&payment.reservation_id);
        let declined = reservation.is_some_and(|reservation| {
            reservation.state == ReservationState::Released && reservation.ended_at == Some(payment.created_at)
        });
        Some(Err(if declined {
            PayRefusal::Declined
        } else {
            self.check_held(rows, now).err().unwrap_or(PayRefusal::OutcomeUnknown)
        }))
    }

    /// Moves the money and gives the seats to the fan.
    fn accept(&self, rows: &mut WorkingSet, reservation: &Reservation, now: Timestamp) -> Result<Receipt, PayRefusal> {
        let price = reservation.total_price;
        let user_id = reservation.user_id;
        let short = PayRefusal::InsufficientBalance {
            balance: rows.policy.currency.zero(),
            price,
        };
        let wallet = rows.wallets.get_mut(&user_id).ok_or(short.clone())?;
        let entry = wallet.post(self.entry_id, EntryKind::Payment, price.negated(), now);
        let mut entry = entry.ok_or(short)?;
        entry.reservation_id = Some(reservation.id);
        entry.request_key = self.request.map(|request| request.id.key);
        let balance = entry.balance_after;
        rows.entries.push(entry);
        confirm(rows, reservation, now);
        let payment_id = self.payment_id;
        let paid = self.payment(reservation, PaymentStatus::Succeeded, now);
        rows.payments.insert(payment_id, paid);
        let receipt = Receipt {
            payment_id,
            reservation_id: reservation.id,
            user_id,
            amount: price,
            balance,
            seat_numbers: reservation.seat_numbers.clone(),
            paid_at: now,
        };
        let outcome = PaymentOutcome::Paid(receipt.clone());
        rows.remember(self.request.as_ref(), Recorded::Payment(Box::new(outcome)), now);
        Ok(receipt)
    }

    /// Releases the seats (S0), and says so.
    fn decline(&self, rows: &mut WorkingSet, reservation: &Reservation, now: Timestamp) -> PayRefusal {
        seating::release(rows, reservation.id, now);
        seating::fit_token(rows, reservation.token_id, now);
        let failed = self.payment(reservation, PaymentStatus::Failed, now);
        rows.payments.insert(failed.id, failed);
        let declined = Recorded::Payment(Box::new(PaymentOutcome::Declined));
        rows.remember(self.request.as_ref(), declined, now);
        PayRefusal::Declined
    }

    /// The provider was asked, but in the meantime the payment became impossible: the attempt is
    /// on record, and the key may be used again.
    fn give_up(&self, rows: &mut WorkingSet, now: Timestamp) {
        rows.forget(self.request.as_ref());
        let own = rows.reservations.get(&self.reservation_id).filter(|reservation| {
            reservation.user_id == self.token.user_id && reservation.schedule_id == self.token.schedule_id
        });
        if let Some(reservation) = own.cloned() {
            let failed = self.payment(&reservation, PaymentStatus::Failed, now);
            rows.payments.insert(failed.id, failed);
        }
    }

    fn payment(&self, reservation: &Reservation, status: PaymentStatus, now: Timestamp) -> Payment {
        let succeeded = status == PaymentStatus::Succeeded;
        Payment {
            id: self.payment_id,
            user_id: reservation.user_id,
            schedule_id: reservation.schedule_id,
            reservation_id: reservation.id,
            status,
            amount: reservation.total_price,
            payment_method: self.payment_method.clone(),
            seat_numbers: reservation.seat_numbers.clone(),
            request_key: self.request.filter(|_| succeeded).map(|request| request.id.key),
            created_at: now,
            paid_at: succeeded.then_some(now),
        }
    }
}

/// Sells the seats of a reservation, and completes the token unless the fan has another unpaid
/// hold.
fn confirm(rows: &mut WorkingSet, reservation: &Reservation, now: Timestamp) {
    if let Some(row) = rows.reservations.get_mut(&reservation.id) {
        row.state = ReservationState::Confirmed;
        row.ended_at = Some(now);
    }
    let sold = SeatState::Sold {
        reservation_id: reservation.id,
        user_id: reservation.user_id,
    };
    for number in &reservation.seat_numbers {
        let seat = rows.seats.get(&(reservation.schedule_id, *number)).copied();
        if let Some(seat) = seat {
            rows.put_seat(seat.changed_to(sold));
        }
    }
    if !rows.holds_of(reservation.token_id, now).is_empty() {
        seating::fit_token(rows, reservation.token_id, now);
    } else if let Some(token) = rows.tokens.get_mut(&reservation.token_id) {
        token.end(TokenState::Completed, now);
    }
}

fn replay(recorded: Recorded) -> Result<PayStep, PayRefusal> {
    match recorded {
        Recorded::Payment(outcome) => match *outcome {
            PaymentOutcome::Paid(receipt) => Ok(PayStep::Paid(receipt)),
            PaymentOutcome::Declined => Err(PayRefusal::Declined),
        },
        Recorded::User(_)
        | Recorded::Access(_)
        | Recorded::Concert(_)
        | Recorded::Schedule(_)
        | Recorded::Joined(_)
        | Recorded::LetIn(_)
        | Recorded::Held(_)
        | Recorded::Charged(_) => Err(IdempotencyRefusal::KeyReused.into()),
    }
}
