//! Who may call what: every operation of the document against every kind of caller. An operation
//! that is missing here fails the test.

use crate::{
    client::{Request, text},
    house::{Concert, Fan, House, OPERATOR, Plan},
};
use frontrow_domain::identity::Scope;
use frontrow_http::Settings;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::Duration;

/// What each caller gets. `other` is another fan with a place inside, who names what is the
/// owner's; the operators hold the owner's queue token.
struct Row {
    operation: &'static str,
    scope: Option<Scope>,
    anonymous: &'static str,
    owner: &'static str,
    other: &'static str,
    operator_without_scope: &'static str,
    operator: &'static str,
    /// The owner with no queue token, another fan's, a forged one, one that waits, one that left.
    queue: Option<[&'static str; 5]>,
}

const BAD: &str = "401 invalid_token";
const FORBIDDEN: &str = "403 forbidden";
const MISMATCH: &str = "403 user_mismatch";

/// The owner's place decides.
const INSIDE: Option<[&str; 5]> = Some([BAD, MISMATCH, BAD, "403 token_not_active", BAD]);

const fn row(
    operation: &'static str,
    scope: Option<Scope>,
    callers: [&'static str; 5],
    queue: Option<[&'static str; 5]>,
) -> Row {
    let [anonymous, owner, other, operator_without_scope, operator] = callers;
    Row {
        operation,
        scope,
        anonymous,
        owner,
        other,
        operator_without_scope,
        operator,
        queue,
    }
}

const fn public(operation: &'static str, answer: &'static str) -> Row {
    row(operation, None, [answer; 5], None)
}

const fn operators(operation: &'static str, scope: Scope, answer: &'static str) -> Row {
    row(
        operation,
        Some(scope),
        [BAD, FORBIDDEN, FORBIDDEN, FORBIDDEN, answer],
        None,
    )
}

const ON_BEHALF: Option<Scope> = Some(Scope::BookingOnBehalf);

#[rustfmt::skip]
const MATRIX: [Row; 35] = [
    operators("POST /v1/users", Scope::UsersWrite, "201"),
    row("POST /v1/users/{user_id}/access-tokens", Some(Scope::UsersWrite), [BAD, "201", MISMATCH, FORBIDDEN, "201"], None),
    public("GET /v1/concerts", "200"),
    public("GET /v1/concerts/{concert_id}", "200"),
    row("POST /v1/queue/tokens", ON_BEHALF, [BAD, "200", MISMATCH, FORBIDDEN, "200"], None),
    row("GET /v1/queue/tokens/current", None, [BAD, "200", "200", "200", "200"], Some([BAD, "200", BAD, "200", "200"])),
    row("DELETE /v1/queue/tokens/current", None, [BAD, "204", "204", "204", "204"], Some([BAD, "204", BAD, "204", "204"])),
    row("GET /v1/queue/tokens/current/events", None, [BAD, "200", "200", "200", "200"], Some([BAD, "200", BAD, "200", "200"])),
    row("GET /v1/concerts/{concert_id}/dates", ON_BEHALF, [BAD, "200", "200", FORBIDDEN, "200"], INSIDE),
    row("GET /v1/concerts/{concert_id}/dates/{date}/seats", ON_BEHALF, [BAD, "200", "200", FORBIDDEN, "200"], INSIDE),
    row("GET /v1/concerts/{concert_id}/dates/{date}/seats/events", ON_BEHALF, [BAD, "200", "200", FORBIDDEN, "200"], INSIDE),
    row("POST /v1/reservations", ON_BEHALF, [BAD, "201", "201", FORBIDDEN, "201"], INSIDE),
    row("GET /v1/reservations/{reservation_id}", ON_BEHALF, [BAD, "200", MISMATCH, FORBIDDEN, "200"], None),
    row("DELETE /v1/reservations/{reservation_id}", ON_BEHALF, [BAD, "204", MISMATCH, FORBIDDEN, "204"], None),
    row("POST /v1/payments", ON_BEHALF, [BAD, "201", MISMATCH, FORBIDDEN, "201"], INSIDE),
    row("GET /v1/users/{user_id}/payments", ON_BEHALF, [BAD, "200", MISMATCH, FORBIDDEN, "200"], None),
    row("GET /v1/users/{user_id}/wallet", ON_BEHALF, [BAD, "200", MISMATCH, FORBIDDEN, "200"], None),
    row("POST /v1/users/{user_id}/wallet/charges", ON_BEHALF, [BAD, "201", MISMATCH, FORBIDDEN, "201"], None),
    row("GET /v1/users/{user_id}/wallet/entries", ON_BEHALF, [BAD, "200", MISMATCH, FORBIDDEN, "200"], None),
    row("GET /v1/wallets/{wallet_id}", ON_BEHALF, [BAD, "200", "403 wallet_user_mismatch", FORBIDDEN, "200"], None),
    row("POST /v1/wallets/{wallet_id}/charges", ON_BEHALF, [BAD, "201", "403 wallet_user_mismatch", FORBIDDEN, "201"], None),
    operators("POST /v1/admin/concerts", Scope::CatalogWrite, "201"),
    operators("POST /v1/admin/concerts/{concert_id}/schedules", Scope::CatalogWrite, "201"),
    operators("GET /v1/admin/schedules/{schedule_id}/gate", Scope::QueueWrite, "200"),
    operators("PATCH /v1/admin/schedules/{schedule_id}/gate", Scope::QueueWrite, "200"),
    operators("POST /v1/admin/schedules/{schedule_id}/admissions", Scope::QueueWrite, "200"),
    operators("GET /v1/admin/schedules/{schedule_id}/stats", Scope::StatsRead, "200"),
    operators("GET /v1/admin/audit", Scope::AuditRead, "200"),
    public("GET /health/live", "200"),
    public("GET /health/ready", "200"),
    public("GET /metrics", "200"),
    public("GET /openapi.json", "200"),
    public("GET /docs", "308"),
    public("GET /docs/", "200"),
    public("GET /docs/{file}", "200"),
];

/// What a call needs: an owner inside with held seats and money, and another fan inside.
struct Stage {
    concert: Concert,
    owner: Fan,
    place: String,
    reservation: String,
    wallet: String,
    other: Fan,
    other_place: String,
    /// A start at which nothing plays yet.
    start: String,
}

impl Stage {
    async fn set(house: &House, number: u32) -> Self {
        let concert = house.concert().await;
        let (owner, place) = house.insider(&concert).await;
        let (other, other_place) = house.insider(&concert).await;
        let held = house.hold(&owner, &place, &concert, &[1]).await;
        let wallet = house.charge(&owner, 1_000_000).await;
        Self {
            concert,
            place,
            reservation: text(&held, "reservation_id"),
            wallet: text(&wallet, "wallet_id"),
            owner,
            other,
            other_place,
            start: format!("2027-01-{:02}T19:30:00+09:00", number + 1),
        }
    }

    fn path(&self, template: &str) -> String {
        template
            .replace("{user_id}", &self.owner.user_id)
            .replace("{concert_id}", &self.concert.concert_id)
            .replace("{schedule_id}", &self.concert.schedule_id)
            .replace("{reservation_id}", &self.reservation)
            .replace("{wallet_id}", &self.wallet)
            .replace("{date}", "2026-12-24")
            .replace("{file}", "swagger-ui.css")
    }

    /// A body that asks for something of the owner's wherever it can.
    fn body(&self, operation: &str) -> Option<Value> {
        let concert_id = &self.concert.concert_id;
        match operation {
            "POST /v1/users" => Some(json!({"name": "Jisoo"})),
            "POST /v1/queue/tokens" => {
                Some(json!({"concert_id": concert_id, "date": "2026-12-24", "user_id": self.owner.user_id}))
            }
            "POST /v1/reservations" => {
                Some(json!({"concert_id": concert_id, "date": "2026-12-24", "seat_numbers": [2]}))
            }
            "POST /v1/payments" => Some(json!({"reservation_id": self.reservation})),
            "POST /v1/users/{user_id}/wallet/charges" | "POST /v1/wallets/{wallet_id}/charges" => {
                Some(json!({"amount": 1}))
            }
            "POST /v1/admin/concerts" => Some(json!({"title": "Encore", "venue": "Arts Center"})),
            "POST /v1/admin/concerts/{concert_id}/schedules" => Some(json!({
                "starts_at": self.start,
                "booking_opens_at": "2026-12-01T09:00:00Z",
                "booking_closes_at": "2026-12-20T09:00:00Z",
                "seats": {"count": 1, "price": 1},
            })),
            "PATCH /v1/admin/schedules/{schedule_id}/gate" => Some(json!({"max_active": 100})),
            "POST /v1/admin/schedules/{schedule_id}/admissions" => Some(json!({"user_id": self.owner.user_id})),
            _ => None,
        }
    }

    fn call(&self, house: &House, operation: &str) -> Request {
        let (method, template) = operation.split_once(' ').unwrap();
        let request = house.request(method.parse::<Method>().unwrap(), &self.path(template));
        match self.body(operation) {
            Some(body) => request.json(&body),
            None => request,
        }
    }
}

/// The callers of a row, each with what it gets.
fn callers(row: &Row) -> Vec<(&'static str, &'static str)> {
    let queue = [
        "no place",
        "another's place",
        "a forged place",
        "a waiting place",
        "a place that was left",
    ];
    let mut callers = vec![
        ("anonymous", row.anonymous),
        ("owner", row.owner),
        ("other", row.other),
        ("operator without the scope", row.operator_without_scope),
        ("operator", row.operator),
    ];
    callers.extend(queue.into_iter().zip(row.queue.into_iter().flatten()));
    callers
}

/// The call of a row by one of its callers.
async fn call(house: &House, row: &Row, caller: &str, number: u32) -> Request {
    let stage = Stage::set(house, number).await;
    let call = stage.call(house, row.operation);
    let (owner, place) = (&stage.owner.access_token, &stage.place);
    match caller {
        "anonymous" => call,
        "owner" => call.bearer(owner).queue(place),
        "other" => call.bearer(&stage.other.access_token).queue(&stage.other_place),
        "operator without the scope" => {
            let others = Scope::ALL.into_iter().filter(|scope| Some(*scope) != row.scope);
            let key = house.operator(&others.collect::<Vec<_>>()).await;
            call.bearer(&key).queue(place)
        }
        "operator" => call.bearer(&house.operator(row.scope.as_slice()).await).queue(place),
        "no place" => call.bearer(owner),
        "another's place" => call.bearer(owner).queue(&stage.other_place),
        "a forged place" => call.bearer(owner).queue(&forged(place)),
        "a waiting place" => {
            let fan = house.fan().await;
            let place = house.join(&fan, &stage.concert).await;
            call.bearer(&fan.access_token).queue(&place)
        }
        "a place that was left" => {
            house.delete("/v1/queue/tokens/current").queue(place).expect(204).await;
            call.bearer(owner).queue(place)
        }
        _ => unreachable!("{caller}"),
    }
}

fn forged(place: &str) -> String {
    let flipped = if place.ends_with('A') { 'B' } else { 'A' };
    format!("{}{flipped}", &place[..place.len() - 1])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_every_caller_as_the_table_says() {
    let plan = Plan {
        settings: Settings {
            open_sign_up: false,
            rate_limits: false,
            ..Settings::default()
        },
        ..Plan::default()
    };
    let house = House::with(plan).await;
    let mut wrong = Vec::new();
    for row in &MATRIX {
        for (number, (caller, expected)) in (0..).zip(callers(row)) {
            let answer = call(&house, row, caller, number).await.send().await;
            let got = format!("{} {}", answer.status.as_u16(), answer.code());
            if got.trim_end() != expected {
                wrong.push(format!("{} by {caller}: {got} instead of {expected}", row.operation));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_operation_of_the_document_is_in_the_table() {
    let document: Value = serde_json::from_str(&frontrow_http::openapi_json()).unwrap();
    let documented: BTreeSet<String> = crate::documented::operations(&document);
    let decided: BTreeSet<String> = MATRIX.iter().map(|row| row.operation.to_owned()).collect();
    assert_eq!(documented, decided);
    assert_eq!(decided.len(), MATRIX.len(), "an operation is in the table twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_and_an_expired_access_token_open_nothing() {
    let house = House::open().await;
    let key = house.operator(&Scope::ALL).await;
    house.get("/v1/admin/audit").bearer(&key).expect(200).await;
    let keys = house.storage.identities.operator_keys().await.unwrap();
    house.storage.identities.revoke_operator_key(keys[0].id).await.unwrap();
    house
        .get("/v1/admin/audit")
        .bearer(&key)
        .refused(401, "invalid_token")
        .await;

    let fan = house.fan().await;
    let wallet = format!("/v1/users/{}/wallet", fan.user_id);
    house.get(&wallet).bearer(&fan.access_token).expect(200).await;
    house.advance(Duration::days(30) - Duration::milliseconds(1));
    house.get(&wallet).bearer(&fan.access_token).expect(200).await;
    house.advance(Duration::milliseconds(1));
    house
        .get(&wallet)
        .bearer(&fan.access_token)
        .refused(401, "invalid_token")
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_credential_counts_only_as_one_bearer_header() {
    let house = House::open().await;
    let fan = house.fan().await;
    let wallet = format!("/v1/users/{}/wallet", fan.user_id);
    let token = &fan.access_token;
    for header in [
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer{token}"),
        format!("Bearer {token} "),
        format!("Bearer {token},"),
        "Bearer".to_owned(),
    ] {
        let answer = house.get(&wallet).header("authorization", &header).send().await;
        let trimmed = header.trim_end() == format!("Bearer {token}");
        assert_eq!(answer.status == 200, trimmed, "{header:?}");
    }
    house
        .get(&wallet)
        .header("authorization", &format!("bearer  {token}"))
        .expect(200)
        .await;
    house
        .get(&wallet)
        .bearer(token)
        .bearer(token)
        .refused(401, "invalid_token")
        .await;
    let challenge = house.get(&wallet).send().await;
    assert_eq!(challenge.header("www-authenticate"), "Bearer");
    house.get("/v1/admin/audit").bearer(OPERATOR).expect(200).await;
}
