//! Paying, and what was paid.

use crate::{
    api::Api,
    endpoint::{Outcome, json},
    extract::{Body, Call, Fields, List},
    limits::Rule,
    problem::Problem,
    wallets::check_owner,
    wire::{Amount, Instant, paid_in, success, words},
};
use actix_web::http::StatusCode;
use frontrow_domain::{
    id::{EntryId, PaymentId, ReservationId, UserId},
    money::Currency,
    payment::{Approval, ClaimedAmount, PayRefusal, PayReservation, Payment, PaymentStatus, Receipt},
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use utoipa::{ToSchema, openapi::Schema};
use uuid::Uuid;

/// What to pay.
#[derive(ToSchema)]
pub(crate) struct Pay {
    #[schema(format = Uuid)]
    reservation_id: String,
    #[schema(schema_with = paid_in, required = false)]
    amount: Option<Box<RawValue>>,
    /// Passed on to the payment provider.
    #[schema(max_length = 100, pattern = r"^[^\x00]*$")]
    payment_method: Option<String>,
    /// The caller's own.
    #[schema(format = Uuid)]
    user_id: Option<String>,
}

impl Body for Pay {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Problem> {
        Ok(Self {
            reservation_id: fields.name_of("reservation_id")?,
            amount: fields.raw("amount").map(ToOwned::to_owned),
            payment_method: payment_method(fields)?,
            user_id: fields.optional_name_of("user_id")?,
        })
    }
}

impl Pay {
    fn amount(&self, currency: Currency) -> ClaimedAmount {
        let Some(literal) = &self.amount else {
            return ClaimedAmount::Absent;
        };
        let amount = currency.parse_json_number(literal.get());
        amount
            .filter(|amount| amount.is_positive())
            .map_or(ClaimedAmount::Malformed, ClaimedAmount::Of)
    }
}

/// How to pay: up to 100 characters for the provider.
pub(crate) fn payment_method(fields: &mut Fields<'_>) -> Result<Option<String>, Problem> {
    let method = fields.optional_text("payment_method")?;
    if method.as_ref().is_some_and(|method| method.chars().count() > 100) {
        return Err(fields.invalid("payment_method", "must have at most 100 characters"));
    }
    Ok(method)
}

/// A payment that went through.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptView {
    #[schema(schema_with = success)]
    status: &'static str,
    payment_id: Uuid,
    reservation_id: Uuid,
    user_id: Uuid,
    amount: Amount,
    currency: String,
    /// What is left in the wallet.
    balance: Amount,
    seat_numbers: Vec<u32>,
    paid_at: Instant,
}

impl ReceiptView {
    fn of(receipt: Receipt, currency: Currency) -> Self {
        Self {
            status: "success",
            payment_id: receipt.payment_id.0,
            reservation_id: receipt.reservation_id.0,
            user_id: receipt.user_id.0,
            amount: Amount(receipt.amount),
            currency: currency.code().to_owned(),
            balance: Amount(receipt.balance),
            seat_numbers: receipt.seat_numbers,
            paid_at: Instant(receipt.paid_at),
        }
    }
}

/// One attempt to pay that reached the provider, or went through without one.
#[derive(Serialize, ToSchema)]
#[schema(as = Payment)]
pub(crate) struct PaymentView {
    payment_id: Uuid,
    reservation_id: Uuid,
    #[schema(schema_with = status_words)]
    status: &'static str,
    amount: Amount,
    currency: String,
    payment_method: Option<String>,
    seat_numbers: Vec<u32>,
    created_at: Instant,
    /// When money moved; null when none did.
    paid_at: Option<Instant>,
}

fn status_words() -> Schema {
    words([PaymentStatus::Succeeded, PaymentStatus::Failed].map(PaymentStatus::as_str))
}

impl PaymentView {
    fn of(payment: Payment, currency: Currency) -> Self {
        Self {
            payment_id: payment.id.0,
            reservation_id: payment.reservation_id.0,
            status: payment.status.as_str(),
            amount: Amount(payment.amount),
            currency: currency.code().to_owned(),
            payment_method: payment.payment_method,
            seat_numbers: payment.seat_numbers,
            created_at: Instant(payment.created_at),
            paid_at: payment.paid_at.map(Instant),
        }
    }
}

/// `POST /v1/payments`
pub(crate) async fn create(mut call: Call) -> Outcome {
    let booker = call.booker(Rule::Money).await?;
    let received = call.body::<Pay>().await?;
    let request = call.keyed(&booker, &received)?;
    let currency = call.api().policy.currency;
    let pay = received.body;
    let command = PayReservation {
        request,
        payment_id: PaymentId::mint(),
        entry_id: EntryId::mint(),
        token: booker.token,
        actor: booker.actor,
        named: pay.user_id.as_deref().map(UserId::from_client),
        reservation_id: ReservationId::from_client(&pay.reservation_id),
        amount: pay.amount(currency),
        payment_method: pay.payment_method,
        approval: Approval::Ask,
    };
    let place = booker.token.id;
    let pay = |api: Arc<Api>| async move {
        let paid = api.payments.pay(command).await;
        api.writes.note(place);
        paid
    };
    let paid = call.desk.write(pay).await?;
    let receipt = paid.map_err(|refusal| {
        let recorded = request.filter(|_| refusal == PayRefusal::Declined);
        Problem::from(refusal).repeating(recorded)
    })?;
    json(StatusCode::CREATED, &ReceiptView::of(receipt, currency))
}

/// `GET /v1/users/{user_id}/payments`
pub(crate) async fn list(call: Call) -> Outcome {
    let (_, actor) = call.fan(Rule::BookingRead).await?;
    let page = call.page::<PaymentId>()?;
    let user = check_owner(&call, actor).await?;
    let page = call
        .desk
        .read(|api| async move { api.storage.payments.payments(user, page).await })
        .await?;
    let currency = call.api().policy.currency;
    json(
        StatusCode::OK,
        &List::of(page, |payment| PaymentView::of(payment, currency)),
    )
}
