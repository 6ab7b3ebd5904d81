//! Putting money into a wallet.

use super::{Entry, EntryKind, Wallet};
use crate::{
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{EntryId, UserId, WalletId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
    identity::{ActingRefusal, Actor},
    money::Money,
    payment::{Answer, Approval, Question},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most that one charge brings in, in whole units of the currency (SPEC §2).
const MOST_PER_CHARGE: Decimal = Decimal::from_parts(10_000_000, 0, 0, false, 0);

/// Puts money from outside into a wallet (`POST …/charges`). The first charge makes the wallet.
#[derive(Debug, Clone)]
pub struct ChargeWallet {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// The id the entry will have, and how the provider knows it unless an earlier attempt with
    /// the same key had one.
    pub entry_id: EntryId,
    /// The id a new wallet will have.
    pub wallet_id: WalletId,
    /// Whose authority the call carries.
    pub actor: Actor,
    /// Whose wallet.
    pub payee: Payee,
    /// How much; `None` when what was sent is no amount.
    pub amount: Option<Money>,
    /// Where the request stands with the provider.
    pub approval: Approval,
}

/// How a call names the wallet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payee {
    /// By its user.
    User(UserId),
    /// By its own id. Wallets never change hands, so the owner is found before the transaction.
    Wallet {
        /// Whose it is; `None` when there is no such wallet.
        owner: Option<UserId>,
        /// The user named in the body.
        named: Option<UserId>,
    },
}

/// How far a charge got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeStep {
    /// All is well so far: ask the provider, then settle.
    Ask(Question),
    /// Done.
    Charged(Charged),
}

/// A charge that went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// The wallet.
    pub wallet_id: WalletId,
    /// Whose.
    pub user_id: UserId,
    /// The entry.
    pub entry_id: EntryId,
    /// How much came in.
    pub amount: Money,
    /// The balance afterwards.
    pub balance: Money,
    /// When.
    pub charged_at: Timestamp,
}

/// Why nothing was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChargeRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// The amount is no amount, or too much.
    #[error("the amount is not an amount of this currency between 1 unit and 10,000,000")]
    InvalidAmount,
    /// There is no such wallet.
    #[error("there is no such wallet")]
    InvalidWallet,
    /// Wallet, caller and named user do not belong together.
    #[error("wallet, caller and user do not belong together")]
    WalletUserMismatch,
    /// The caller may not act for the user, or there is none.
    #[error(transparent)]
    Acting(#[from] ActingRefusal),
    /// This deployment takes no charges.
    #[error("this deployment has no payment provider")]
    ProviderUnavailable,
    /// The provider declined.
    #[error("the payment provider declined")]
    Declined,
    /// The provider did not answer; the same key may ask again.
    #[error("the payment provider did not answer in time")]
    OutcomeUnknown,
}

impl Decide for ChargeWallet {
    type Verdict = Result<ChargeStep, ChargeRefusal>;

    fn shard(&self) -> Uuid {
        self.owner().map_or(Uuid::nil(), |user| user.0)
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(Some(&self.request()));
        needs.users.extend(self.owner());
        needs.wallets.extend(self.owner());
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        let amount = self.checked_amount()?;
        match self.approval {
            Approval::NoProvider | Approval::Ask => self.ask(rows, amount, now),
            Approval::Answered(answer) => self.settle(rows, amount, answer, now),
        }
    }
}

impl ChargeWallet {
    /// The request whose record tells this charge when it is sent again. Money always leaves one.
    fn request(&self) -> Request {
        let without_key = || Request::without_key(self.shard(), self.entry_id.0);
        self.request.unwrap_or_else(without_key)
    }

    fn owner(&self) -> Option<UserId> {
        match self.payee {
            Payee::User(user) => Some(user),
            Payee::Wallet { owner, .. } => owner,
        }
    }

    fn checked_amount(&self) -> Result<Money, ChargeRefusal> {
        self.amount
            .filter(|amount| amount.is_positive() && amount.decimal() <= MOST_PER_CHARGE)
            .ok_or(ChargeRefusal::InvalidAmount)
    }

    fn ask(&self, rows: &mut WorkingSet, amount: Money, now: Timestamp) -> Result<ChargeStep, ChargeRefusal> {
        let (reference, attempt) = match rows.screen_to_ask(Some(&self.request()), self.entry_id.0, now)? {
            Screened::Done(recorded) => return replay(recorded),
            Screened::TakenOver { reference, attempts } => (reference, attempts + 1),
            Screened::Fresh => (self.entry_id.0, 1),
        };
        self.check(rows, amount)?;
        if self.approval == Approval::NoProvider {
            return Err(ChargeRefusal::ProviderUnavailable);
        }
        rows.lease(Some(&self.request()), reference, attempt, now);
        Ok(ChargeStep::Ask(Question {
            reference,
            attempt,
            amount,
        }))
    }

    fn settle(
        &self,
        rows: &mut WorkingSet,
        amount: Money,
        answer: Answer,
        now: Timestamp,
    ) -> Result<ChargeStep, ChargeRefusal> {
        if let Some(recorded) = rows.answered_meanwhile(Some(&self.request())) {
            return replay(recorded);
        }
        let settled = match answer {
            Answer::Approved => self
                .check(rows, amount)
                .and_then(|user_id| self.accept(rows, user_id, amount, now).map(ChargeStep::Charged)),
            Answer::Declined => Err(ChargeRefusal::Declined),
            Answer::Silent => {
                rows.end_lease(Some(&self.request()), now);
                return Err(ChargeRefusal::OutcomeUnknown);
            }
        };
        if settled.is_err() {
            rows.forget(Some(&self.request()));
        }
        settled
    }

    /// Whose wallet it is, and that the caller may charge it: the checks of SPEC §3, in order.
    fn check(&self, rows: &WorkingSet, amount: Money) -> Result<UserId, ChargeRefusal> {
        let exists = |user| rows.users.get(&user).is_some();
        let user = match self.payee {
            Payee::User(user) => self.actor.acts_for(Some(user), None, exists)?,
            Payee::Wallet { owner, named } => {
                let owner = owner.ok_or(ChargeRefusal::InvalidWallet)?;
                if !self.actor.may_touch(owner) || named.is_some_and(|named| named != owner) {
                    return Err(ChargeRefusal::WalletUserMismatch);
                }
                owner
            }
        };
        let balance = rows.wallets.get(&user).map(|wallet| wallet.balance);
        match balance.map(|balance| balance.checked_add(amount)) {
            Some(None) => Err(ChargeRefusal::InvalidAmount),
            Some(Some(_)) | None => Ok(user),
        }
    }

    fn accept(
        &self,
        rows: &mut WorkingSet,
        user_id: UserId,
        amount: Money,
        now: Timestamp,
    ) -> Result<Charged, ChargeRefusal> {
        if rows.wallets.get(&user_id).is_none() {
            let zero = rows.policy.currency.zero();
            rows.wallets
                .insert(user_id, Wallet::new(self.wallet_id, user_id, zero, now));
        }
        let wallet = rows.wallets.get_mut(&user_id).ok_or(ChargeRefusal::InvalidWallet)?;
        let entry = wallet.post(self.entry_id, EntryKind::Charge, amount, now);
        let entry = entry.ok_or(ChargeRefusal::InvalidAmount)?;
        let request_key = self.request.map(|request| request.id.key);
        let charged = Charged {
            wallet_id: wallet.id,
            user_id,
            entry_id: entry.id,
            amount,
            balance: entry.balance_after,
            charged_at: now,
        };
        rows.entries.push(Entry { request_key, ..entry });
        let recorded = Recorded::Charged(Box::new(charged.clone()));
        rows.remember(Some(&self.request()), recorded, now);
        Ok(charged)
    }
}

fn replay(recorded: Recorded) -> Result<ChargeStep, ChargeRefusal> {
    match recorded {
        Recorded::Charged(charged) => Ok(ChargeStep::Charged(*charged)),
        Recorded::User(_)
        | Recorded::Access(_)
        | Recorded::Concert(_)
        | Recorded::Schedule(_)
        | Recorded::Joined(_)
        | Recorded::LetIn(_)
        | Recorded::Held(_)
        | Recorded::Payment(_) => Err(IdempotencyRefusal::KeyReused.into()),
    }
}

impl Wallet {
    fn new(id: WalletId, user_id: UserId, zero: Money, now: Timestamp) -> Self {
        Self {
            id,
            user_id,
            balance: zero,
            entries: 0,
            created_at: now,
        }
    }
}
