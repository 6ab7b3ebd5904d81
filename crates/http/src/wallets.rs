//! Wallets and what moved in them.

use crate::{
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields, List},
    limits::Rule,
    payments::payment_method,
    problem::Problem,
    wire::{Amount, Instant, amount_in, success, words},
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    id::{EntryId, UserId, WalletId},
    identity::{ActingRefusal, Actor},
    money::Currency,
    payment::Approval,
    wallet::{ChargeRefusal, ChargeWallet, Charged, Entry, EntryKind, Payee, Wallet},
};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::{ToSchema, openapi::Schema};
use uuid::Uuid;

/// How much to put in.
#[derive(ToSchema)]
pub(crate) struct Charge {
    #[schema(schema_with = amount_in, required = true)]
    amount: Option<Box<RawValue>>,
    /// Passed on to the payment provider.
    #[schema(max_length = 100, pattern = r"^[^\x00]*$")]
    payment_method: Option<String>,
}

impl Body for Charge {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            amount: fields.raw("amount").map(ToOwned::to_owned),
            payment_method: payment_method(fields)?,
        })
    }
}

/// How much to put in, and whose wallet it is believed to be.
#[derive(ToSchema)]
pub(crate) struct ChargeById {
    #[schema(schema_with = amount_in, required = true)]
    amount: Option<Box<RawValue>>,
    /// Passed on to the payment provider.
    #[schema(max_length = 100, pattern = r"^[^\x00]*$")]
    payment_method: Option<String>,
    /// The wallet's owner.
    #[schema(format = Uuid)]
    user_id: Option<String>,
}

impl Body for ChargeById {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            amount: fields.raw("amount").map(ToOwned::to_owned),
            payment_method: payment_method(fields)?,
            user_id: fields.optional_name_of("user_id")?,
        })
    }
}

/// A wallet.
#[derive(Serialize, ToSchema)]
#[schema(as = Wallet)]
pub(crate) struct WalletView {
    /// Null before the first charge.
    wallet_id: Option<Uuid>,
    user_id: Uuid,
    balance: Amount,
    currency: String,
}

impl WalletView {
    fn of(wallet: &Wallet, currency: Currency) -> Self {
        Self {
            wallet_id: Some(wallet.id.0),
            user_id: wallet.user_id.0,
            balance: Amount(wallet.balance),
            currency: currency.code().to_owned(),
        }
    }

    fn empty(user: UserId, currency: Currency) -> Self {
        Self {
            wallet_id: None,
            user_id: user.0,
            balance: Amount(currency.zero()),
            currency: currency.code().to_owned(),
        }
    }
}

/// A charge that went through.
#[derive(Serialize, ToSchema)]
#[schema(as = Charged)]
pub(crate) struct ChargedView {
    #[schema(schema_with = success)]
    status: &'static str,
    wallet_id: Uuid,
    user_id: Uuid,
    balance: Amount,
    currency: String,
    entry_id: Uuid,
    amount: Amount,
    charged_at: Instant,
}

impl ChargedView {
    fn of(charged: &Charged, currency: Currency) -> Self {
        Self {
            status: "success",
            wallet_id: charged.wallet_id.0,
            user_id: charged.user_id.0,
            balance: Amount(charged.balance),
            currency: currency.code().to_owned(),
            entry_id: charged.entry_id.0,
            amount: Amount(charged.amount),
            charged_at: Instant(charged.charged_at),
        }
    }
}

/// One movement of money.
#[derive(Serialize, ToSchema)]
#[schema(as = Entry)]
pub(crate) struct EntryView {
    entry_id: Uuid,
    #[schema(schema_with = kind_words)]
    kind: &'static str,
    /// A payment is negative.
    amount: Amount,
    balance_after: Amount,
    /// What was paid; null for a charge.
    reservation_id: Option<Uuid>,
    created_at: Instant,
}

fn kind_words() -> Schema {
    words([EntryKind::Charge, EntryKind::Payment].map(EntryKind::as_str))
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            entry_id: entry.id.0,
            kind: entry.kind.as_str(),
            amount: Amount(entry.amount),
            balance_after: Amount(entry.balance_after),
            reservation_id: entry.reservation_id.map(|id| id.0),
            created_at: Instant(entry.created_at),
        }
    }
}

/// `GET /v1/users/{user_id}/wallet`
pub(crate) async fn show_of_user(call: Call) -> Outcome {
    let (_, actor) = call.fan(Rule::BookingRead).await?;
    let user = check_owner(&call, actor).await?;
    let wallet = call
        .desk
        .read(|api| async move { api.storage.wallets.wallet_of(user).await })
        .await?;
    let currency = call.api().policy.currency;
    let view = wallet.map_or_else(
        || WalletView::empty(user, currency),
        |wallet| WalletView::of(&wallet, currency),
    );
    json(StatusCode::OK, &view)
}

/// `GET /v1/users/{user_id}/wallet/entries`
pub(crate) async fn entries(call: Call) -> Outcome {
    let (_, actor) = call.fan(Rule::BookingRead).await?;
    let page = call.page::<u64>()?;
    let user = check_owner(&call, actor).await?;
    let page = call
        .desk
        .read(|api| async move { api.storage.wallets.entries(user, page).await })
        .await?;
    json(StatusCode::OK, &List::of(page, EntryView::from))
}

/// `GET /v1/wallets/{wallet_id}`
pub(crate) async fn show(call: Call) -> Outcome {
    let (_, actor) = call.fan(Rule::BookingRead).await?;
    let wallet = find(&call).await?.ok_or(ChargeRefusal::InvalidWallet)?;
    if !actor.may_touch(wallet.user_id) {
        return Err(ChargeRefusal::WalletUserMismatch.into());
    }
    json(StatusCode::OK, &WalletView::of(&wallet, call.api().policy.currency))
}

/// `POST /v1/users/{user_id}/wallet/charges`
pub(crate) async fn charge_user(mut call: Call) -> Outcome {
    let (caller, actor) = call.fan(Rule::Money).await?;
    let received = call.body::<Charge>().await?;
    let request = call.keyed(&caller, &received)?;
    let payee = Payee::User(UserId::from_client(&call.path("user_id")));
    let Charge { amount, payment_method } = received.body;
    let command = command(&call, request, actor, payee, amount.as_deref());
    charge(&call, command, payment_method).await
}

/// `POST /v1/wallets/{wallet_id}/charges`
pub(crate) async fn charge_wallet(mut call: Call) -> Outcome {
    let (caller, actor) = call.fan(Rule::Money).await?;
    let received = call.body::<ChargeById>().await?;
    let request = call.keyed(&caller, &received)?;
    let body = received.body;
    let payee = Payee::Wallet {
        owner: find(&call).await?.map(|wallet| wallet.user_id),
        named: body.user_id.as_deref().map(UserId::from_client),
    };
    let command = command(&call, request, actor, payee, body.amount.as_deref());
    charge(&call, command, body.payment_method).await
}

fn command(
    call: &Call,
    request: Option<frontrow_domain::idempotency::Request>,
    actor: Actor,
    payee: Payee,
    amount: Option<&RawValue>,
) -> ChargeWallet {
    let currency = call.api().policy.currency;
    ChargeWallet {
        request,
        entry_id: EntryId::mint(),
        wallet_id: WalletId::mint(),
        actor,
        payee,
        amount: amount.and_then(|literal| currency.parse_json_number(literal.get())),
        approval: Approval::Ask,
    }
}

async fn charge(call: &Call, command: ChargeWallet, payment_method: Option<String>) -> Outcome {
    let work =
        |api: std::sync::Arc<crate::Api>| async move { api.payments.charge(command, payment_method.as_deref()).await };
    let charged = call.desk.write(work).await??;
    json(
        StatusCode::CREATED,
        &ChargedView::of(&charged, call.api().policy.currency),
    )
}

async fn find(call: &Call) -> Result<Option<Wallet>, Problem> {
    let id = WalletId::from_client(&call.path("wallet_id"));
    call.desk
        .read(|api| async move { api.storage.wallets.wallet(id).await })
        .await
}

/// The user of the path, once it is clear that the call may act for that one.
pub(crate) async fn check_owner(call: &Call, actor: Actor) -> Result<UserId, Problem> {
    let named = UserId::from_client(&call.path("user_id"));
    if !actor.may_touch(named) {
        return Err(ActingRefusal::UserMismatch.into());
    }
    let user = call
        .desk
        .read(|api| async move { api.storage.identities.user(named).await })
        .await?;
    Ok(actor.acts_for(Some(named), None, |named| {
        user.as_ref().is_some_and(|user| user.id == named)
    })?)
}
