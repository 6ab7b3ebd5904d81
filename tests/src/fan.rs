//! Fans.

use crate::{Answer, Call, Client, Method, Server, Show, eventually};
use serde_json::{Value, json};

/// A fan who is signed up, and perhaps in a line. Copies share the identity: the same fan in two browsers.
#[derive(Debug, Clone)]
pub struct Fan {
    /// The fan's id.
    pub user_id: String,
    /// The credential that says who calls.
    pub access_token: String,
    /// The place in line; empty before [`Fan::join`].
    pub queue_token: String,
    client: Client,
}

impl Fan {
    /// The fan of an answer to `POST /v1/users`.
    #[must_use]
    pub fn new(client: &Client, signed_up: &Answer) -> Self {
        let access_token = signed_up.text("access_token").to_owned();
        Self {
            user_id: signed_up.text("user_id").to_owned(),
            client: client.with_bearer(&access_token),
            access_token,
            queue_token: String::new(),
        }
    }

    /// The same fan at another instance.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self {
            client: server.bearer(&self.access_token),
            ..self.clone()
        }
    }

    /// From now on the fan's calls carry this client's credential: an operator acts for the fan.
    pub fn act_as(&mut self, client: &Client) {
        self.client = client.clone();
    }

    /// The client with the access token.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// A call with the access token and the queue token.
    pub fn booking(&self, method: Method, path: &str) -> Call {
        self.client.call(method, path).queue_token(&self.queue_token)
    }

    /// Asks for a place in line and keeps the queue token, if there is one in the answer.
    pub async fn join(&mut self, show: &Show) -> Answer {
        let answer = self.ask_for_token(&show.concert_id, &show.date).await;
        if let Some(token) = answer.json.get("queue_token").and_then(Value::as_str) {
            token.clone_into(&mut self.queue_token);
        }
        answer
    }

    /// `POST /v1/queue/tokens`.
    pub fn ask_for_token(&self, concert_id: &str, date: &str) -> Call {
        let body = json!({ "concert_id": concert_id, "date": date });
        self.client.post("/v1/queue/tokens", &body)
    }

    /// Polls: `GET /v1/queue/tokens/current`, with the queue token alone.
    pub fn poll(&self) -> Call {
        let call = self.client.get("/v1/queue/tokens/current").without("authorization");
        call.queue_token(&self.queue_token)
    }

    /// The stream of the fan's place: `GET /v1/queue/tokens/current/events`, with the queue token alone.
    pub fn place_events(&self) -> Call {
        let call = self.client.get("/v1/queue/tokens/current/events");
        call.without("authorization").queue_token(&self.queue_token)
    }

    /// The stream of the seats, from a version of the map on: `GET …/seats/events`.
    pub fn seat_events(&self, show: &Show, version: i64) -> Call {
        let call = self.booking(Method::GET, &format!("{}/events", show.seats_path()));
        call.header("last-event-id", &version.to_string())
    }

    /// Leaves the line: `DELETE /v1/queue/tokens/current`, with the queue token alone.
    pub fn leave(&self) -> Call {
        let call = self.client.delete("/v1/queue/tokens/current").without("authorization");
        call.queue_token(&self.queue_token)
    }

    /// Polls until the token has this state, and returns that answer.
    pub async fn wait_until(&self, state: &str) -> Answer {
        let what = format!("the token of fan {} is {state}", self.user_id);
        let look = async || {
            let answer = self.poll().await.expect(200);
            (answer["status"] == state).then_some(answer)
        };
        eventually(&what, look).await
    }

    /// Polls until it is this fan's turn.
    pub async fn wait_until_active(&self) -> Answer {
        self.wait_until("active").await
    }

    /// Joins and waits until it is this fan's turn.
    pub async fn enter(&mut self, show: &Show) -> Answer {
        let joined = self.join(show).await;
        assert!(matches!(joined.status, 200 | 201), "no place in line\n{joined}");
        self.wait_until_active().await
    }

    /// `GET /v1/concerts/{concert_id}/dates`.
    pub fn dates(&self, concert_id: &str) -> Call {
        self.booking(Method::GET, &format!("/v1/concerts/{concert_id}/dates"))
    }

    /// `GET /v1/concerts/{concert_id}/dates/{date}/seats`.
    pub fn seats(&self, show: &Show) -> Call {
        self.booking(Method::GET, &show.seats_path())
    }

    /// The seat map, with available seats alone.
    pub fn available_seats(&self, show: &Show) -> Call {
        self.booking(Method::GET, &format!("{}?available=true", show.seats_path()))
    }

    /// The status of one seat on the seat map.
    pub async fn seat_status(&self, show: &Show, seat_number: u32) -> String {
        let map = self.seats(show).await.expect(200);
        let seat = map.list("seats").iter().find(|seat| seat["seat_number"] == seat_number);
        let status = seat.and_then(|seat| seat["status"].as_str());
        status.map_or_else(|| panic!("no seat {seat_number}\n{map}"), ToOwned::to_owned)
    }

    /// `POST /v1/reservations`.
    pub fn hold(&self, show: &Show, seat_numbers: &[u32]) -> Call {
        let body = json!({ "concert_id": show.concert_id, "date": show.date, "seat_numbers": seat_numbers });
        self.booking(Method::POST, "/v1/reservations").json(&body)
    }

    /// Holds seats that are free, and returns the reservation's id.
    pub async fn held(&self, show: &Show, seat_numbers: &[u32]) -> String {
        let answer = self.hold(show, seat_numbers).await.expect(201);
        answer.text("reservation_id").to_owned()
    }

    /// `GET /v1/reservations/{id}`.
    pub fn reservation(&self, reservation_id: &str) -> Call {
        self.client.get(&format!("/v1/reservations/{reservation_id}"))
    }

    /// `DELETE /v1/reservations/{id}`.
    pub fn release(&self, reservation_id: &str) -> Call {
        self.client.delete(&format!("/v1/reservations/{reservation_id}"))
    }

    /// `POST /v1/payments` of a reservation.
    pub fn pay(&self, reservation_id: &str) -> Call {
        self.pay_with(&json!({ "reservation_id": reservation_id }))
    }

    /// `POST /v1/payments` with this body.
    pub fn pay_with(&self, body: &Value) -> Call {
        self.booking(Method::POST, "/v1/payments").json(body)
    }

    /// `GET` of the fan's payments.
    pub fn payments(&self) -> Call {
        self.client.get(&self.path("payments"))
    }

    /// `GET` of the fan's wallet.
    pub fn wallet(&self) -> Call {
        self.client.get(&self.path("wallet"))
    }

    /// The balance of the fan's wallet.
    pub async fn balance(&self) -> i64 {
        self.wallet().await.expect(200).number("balance")
    }

    /// `GET` of the fan's wallet entries.
    pub fn entries(&self) -> Call {
        self.client.get(&self.path("wallet/entries"))
    }

    /// Charges the fan's wallet.
    pub fn charge(&self, amount: i64) -> Call {
        self.charge_with(&json!({ "amount": amount }))
    }

    /// `POST` of a charge with this body.
    pub fn charge_with(&self, body: &Value) -> Call {
        self.client.post(&self.path("wallet/charges"), body)
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/users/{}/{rest}", self.user_id)
    }
}
