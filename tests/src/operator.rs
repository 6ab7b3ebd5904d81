//! Operators, and the performances they put on.

use crate::{Answer, Call, Client, Method, eventually, moment, now};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, UtcOffset};

/// Who runs the sale.
#[derive(Debug, Clone)]
pub struct Operator {
    client: Client,
}

impl Operator {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client with the operator key, for calls that have no method here.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// `POST /v1/users`.
    pub fn sign_up(&self, name: &str) -> Call {
        self.client.post("/v1/users", &json!({ "name": name }))
    }

    /// Creates a concert and returns its id.
    pub async fn concert(&self, title: &str) -> String {
        let body = json!({ "title": title, "venue": "Olympic Hall, Seoul" });
        let answer = self.client.post("/v1/admin/concerts", &body).await.expect(201);
        answer.text("concert_id").to_owned()
    }

    /// Creates a schedule of a concert.
    pub async fn schedule(&self, concert_id: &str, performance: &Performance) -> Show {
        let answer = self.try_schedule(concert_id, performance).await.expect(201);
        Show {
            concert_id: concert_id.to_owned(),
            schedule_id: answer.text("schedule_id").to_owned(),
            date: answer.text("date").to_owned(),
            starts_at: answer.text("starts_at").to_owned(),
        }
    }

    /// `POST /v1/admin/concerts/{concert_id}/schedules`.
    pub fn try_schedule(&self, concert_id: &str, performance: &Performance) -> Call {
        let path = format!("/v1/admin/concerts/{concert_id}/schedules");
        self.client.post(&path, &performance.body())
    }

    /// `GET` of a gate.
    pub fn gate(&self, show: &Show) -> Call {
        self.client.get(&show.gate_path())
    }

    /// `PATCH` of a gate.
    pub fn set_gate(&self, show: &Show, change: &Value) -> Call {
        self.client.call(Method::PATCH, &show.gate_path()).json(change)
    }

    /// `POST /v1/admin/schedules/{schedule_id}/admissions`: lets a fan in out of turn.
    pub fn let_through(&self, show: &Show, whom: &Value) -> Call {
        let path = format!("/v1/admin/schedules/{}/admissions", show.schedule_id);
        self.client.post(&path, whom)
    }

    /// `GET` of a schedule's statistics.
    pub fn stats(&self, show: &Show) -> Call {
        self.client
            .get(&format!("/v1/admin/schedules/{}/stats", show.schedule_id))
    }

    /// Runs the audit and asserts that every invariant was checked and holds.
    ///
    /// # Panics
    ///
    /// When one does not.
    pub async fn assert_clean_audit(&self) -> Answer {
        // An audit reads everything there is: on a busy machine it may have to be asked for again.
        let answered = async || {
            let answer = self.client.get("/v1/admin/audit").await;
            (answer.status != 503).then_some(answer)
        };
        let audit = eventually("the audit is answered", answered).await.expect(200);
        assert_eq!(audit["ok"], true, "the audit is not clean\n{audit}");
        for invariant in ["I1", "I2", "I3", "I4", "I6", "I8", "I9"] {
            let check = audit
                .list("checks")
                .iter()
                .find(|check| check["invariant"] == invariant);
            let violations = check.and_then(|check| check["violations"].as_i64());
            assert_eq!(violations, Some(0), "{invariant} is not checked or violated\n{audit}");
        }
        audit
    }
}

/// A performance to be scheduled: in thirty days in Seoul, booking open, everybody let in at once, unless said
/// otherwise.
#[derive(Debug, Clone)]
pub struct Performance {
    seats: Value,
    gate: Value,
    starts_at: OffsetDateTime,
    opens_at: OffsetDateTime,
    closes_at: Option<OffsetDateTime>,
}

impl Performance {
    /// With seats 1 to `count` at 50,000 each.
    #[must_use]
    pub fn of_seats(count: u32) -> Self {
        Self::of(json!({ "count": count, "price": 50_000 }))
    }

    /// With `seats` as the contract has them.
    #[must_use]
    pub fn of(seats: Value) -> Self {
        let now = now();
        Self {
            seats,
            gate: json!({ "admissions_per_minute": 60_000 }),
            starts_at: now + Duration::days(30),
            opens_at: now - Duration::hours(1),
            closes_at: None,
        }
    }

    /// At this price.
    #[must_use]
    pub fn at_price(mut self, price: i64) -> Self {
        self.seats["price"] = json!(price);
        self
    }

    /// With one setting of the gate: `max_active`, `admissions_per_minute`, `session_seconds` or `paused`.
    #[must_use]
    pub fn gate(mut self, setting: &str, value: impl Into<Value>) -> Self {
        self.gate[setting] = value.into();
        self
    }

    /// With a gate that lets nobody in until the operator resumes it.
    #[must_use]
    pub fn paused(self) -> Self {
        self.gate("paused", true)
    }

    /// Starting then.
    #[must_use]
    pub fn starting(mut self, at: OffsetDateTime) -> Self {
        self.starts_at = at;
        self
    }

    /// Booking opens then.
    #[must_use]
    pub fn opening(mut self, at: OffsetDateTime) -> Self {
        self.opens_at = at;
        self
    }

    /// Booking closes then; when the performance starts, unless said otherwise.
    #[must_use]
    pub fn closing(mut self, at: OffsetDateTime) -> Self {
        self.closes_at = Some(at);
        self
    }

    /// The body of the call that schedules it.
    ///
    /// # Panics
    ///
    /// Never: Seoul is nine hours ahead.
    #[must_use]
    pub fn body(&self) -> Value {
        let seoul = UtcOffset::from_hms(9, 0, 0).expect("nine hours are an offset");
        let local = |at: OffsetDateTime| moment(at.to_offset(seoul));
        json!({
            "starts_at": local(self.starts_at),
            "booking_opens_at": local(self.opens_at),
            "booking_closes_at": local(self.closes_at.unwrap_or(self.starts_at)),
            "seats": self.seats,
            "gate": self.gate,
        })
    }
}

/// A scheduled performance, by the names clients use for it.
#[derive(Debug, Clone)]
pub struct Show {
    /// The concert's id.
    pub concert_id: String,
    /// The schedule's id.
    pub schedule_id: String,
    /// The date at the venue.
    pub date: String,
    /// The start, in UTC.
    pub starts_at: String,
}

impl Show {
    fn gate_path(&self) -> String {
        format!("/v1/admin/schedules/{}/gate", self.schedule_id)
    }

    /// The path of the seat map.
    #[must_use]
    pub fn seats_path(&self) -> String {
        format!("/v1/concerts/{}/dates/{}/seats", self.concert_id, self.date)
    }
}
