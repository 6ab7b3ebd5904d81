//! A whole service in memory, on a free port, with a clock that tests move by hand.

use crate::client::{Request, text};
use frontrow_domain::{
    clock::{Clock, ManualClock},
    id::OperatorKeyId,
    identity::{OperatorKey, Scope},
    money::Currency,
    payment::{Answer, Question, port::PaymentProvider, service::Payments},
    policy::Policy,
    queue::service::GateViews,
    storage::Storage,
};
use frontrow_http::{Api, HttpMetrics, OperatorSecret, Parts, RootSecret, Server, Settings, Stopper};
use frontrow_memory::Memory;
use prometheus_client::registry::Registry;
use reqwest::{Method, redirect};
use serde_json::{Value, json};
use std::sync::Arc;
use time::{Duration, macros::datetime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Handle,
};

/// The bootstrap key of every house.
pub const OPERATOR: &str = "bootstrap-operator-key-of-the-tests";

/// What a house can be told to be like.
pub struct Plan {
    pub settings: Settings,
    pub provider: bool,
    pub currency: &'static str,
    /// How many gates are kept in memory.
    pub gates: usize,
}

impl Default for Plan {
    fn default() -> Self {
        let settings = Settings {
            open_sign_up: true,
            rate_limits: false,
            ..Settings::default()
        };
        Self {
            settings,
            provider: true,
            currency: "KRW",
            gates: 100,
        }
    }
}

/// A running service.
pub struct House {
    pub storage: Storage,
    /// What the service knows of the lines; nothing but tests and polls bring it up to date.
    pub views: Arc<GateViews>,
    pub api: Arc<Api>,
    clock: Arc<ManualClock>,
    base: String,
    client: reqwest::Client,
    stopper: Stopper,
}

/// Answers by the payment method, as the simulated provider does.
struct Provider;

#[async_trait::async_trait]
impl PaymentProvider for Provider {
    async fn approve<'a>(&self, question: &'a Question, method: Option<&'a str>) -> Answer {
        match method {
            Some("decline") => Answer::Declined,
            Some("timeout") if question.attempt == 1 => Answer::Silent,
            Some(_) | None => Answer::Approved,
        }
    }
}

impl House {
    pub async fn open() -> Self {
        Self::with(Plan::default()).await
    }

    pub async fn with(plan: Plan) -> Self {
        let clock = Arc::new(ManualClock::starting_at(datetime!(2026-12-01 10:00 UTC)));
        let policy = Self::policy(plan.currency);
        let storage = Storage::of(&Memory::new(policy, clock.clone()));
        Self::over(storage, policy, clock, plan).await
    }

    /// The deployment's settings in a currency.
    pub fn policy(currency: &str) -> Policy {
        Policy {
            hold: Duration::seconds(300),
            claim: Duration::seconds(60),
            seat_limit: 4,
            currency: Currency::from_code(currency).unwrap(),
        }
    }

    /// A house over a storage that was prepared.
    pub async fn over(storage: Storage, policy: Policy, clock: Arc<ManualClock>, plan: Plan) -> Self {
        Self::telling_time(storage, policy, clock.clone(), clock, plan).await
    }

    /// A house whose HTTP side has another clock than its storage.
    pub async fn telling_time(
        storage: Storage,
        policy: Policy,
        clock: Arc<ManualClock>,
        http_clock: Arc<dyn Clock>,
        plan: Plan,
    ) -> Self {
        let mut registry = Registry::default();
        let metrics = HttpMetrics::register(&mut registry);
        let provider = plan.provider.then(|| Arc::new(Provider) as Arc<dyn PaymentProvider>);
        let views = GateViews::new(&storage, policy, plan.gates);
        let noting = views.noting(storage.decisions.clone());
        let storage = storage.deciding_through(noting);
        let api = Api::new(Parts {
            views: views.clone(),
            payments: Payments::new(storage.decisions.clone(), provider),
            storage: storage.clone(),
            policy,
            clock: http_clock,
            secret: RootSecret::new(b"the root secret of all test houses".to_vec()).unwrap(),
            operator_key: Some(OperatorSecret::from_text(OPERATOR).unwrap()),
            runtime: Handle::current(),
            registry: Arc::new(registry),
            metrics,
            settings: plan.settings,
        });
        let server = Server::bind("127.0.0.1:0", 1, &api).unwrap();
        let base = format!("http://{}", server.local_addr().unwrap());
        let stopper = server.stopper();
        tokio::spawn(server.run_until_stopped());
        Self {
            storage,
            views,
            api,
            clock,
            base,
            client: reqwest::Client::builder()
                .redirect(redirect::Policy::none())
                .build()
                .unwrap(),
            stopper,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request(self.client.request(method, self.url(path)))
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request(Method::POST, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// A connection of one's own.
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.base.trim_start_matches("http://"))
            .await
            .unwrap()
    }

    /// What the service says to these very bytes until it closes the connection.
    pub async fn raw(&self, request: &str) -> String {
        let mut connection = self.connect().await;
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Lets in everybody who may enter now; polls know of it.
    pub async fn admit(&self) {
        self.storage.attendant.admit_due().await.unwrap();
        self.views.refresh().await.unwrap();
    }

    /// Waits until the service has noticed that its clients are gone.
    pub async fn until_nothing_is_in_flight(&self) {
        let idle = "frontrow_http_requests_in_flight 0";
        while !self.get("/metrics").send().await.body.contains(idle) {
            tokio::task::yield_now().await;
        }
    }

    /// Stops the service as a shutdown does.
    pub async fn close(self) {
        self.stopper.stop().await;
    }

    /// An operator's key with these scopes.
    pub async fn operator(&self, scopes: &[Scope]) -> String {
        let secret = OperatorSecret::generate();
        let key = OperatorKey {
            id: OperatorKeyId::mint(),
            name: "test".to_owned(),
            hash: secret.hash(),
            scopes: scopes.to_vec(),
            created_at: self.clock.now(),
            revoked_at: None,
        };
        self.storage.identities.add_operator_key(key).await.unwrap();
        secret.expose().to_owned()
    }

    /// A concert that plays on 2026-12-24 with 50 numbered seats at 50,000.
    pub async fn concert(&self) -> Concert {
        let body = json!({"title": "Winter Journey", "venue": "Arts Center"});
        let concert = self
            .post("/v1/admin/concerts", &body)
            .bearer(OPERATOR)
            .expect(201)
            .await;
        let concert_id = text(&concert, "concert_id");
        let schedule_id = self.schedule(&concert_id, "2026-12-24T19:30:00+09:00").await;
        Concert {
            concert_id,
            schedule_id,
        }
    }

    /// Another performance of a concert.
    pub async fn schedule(&self, concert_id: &str, starts_at: &str) -> String {
        let path = format!("/v1/admin/concerts/{concert_id}/schedules");
        let body = json!({
            "starts_at": starts_at,
            "booking_opens_at": "2026-12-01T09:00:00Z",
            "booking_closes_at": "2026-12-20T09:00:00Z",
            "seats": {"count": 50, "price": 50_000},
        });
        let schedule = self.post(&path, &body).bearer(OPERATOR).expect(201).await;
        text(&schedule, "schedule_id")
    }

    /// A fan who has signed up.
    pub async fn fan(&self) -> Fan {
        let fan = self
            .post("/v1/users", &json!({"name": "Mina"}))
            .bearer(OPERATOR)
            .expect(201)
            .await;
        Fan {
            user_id: text(&fan, "user_id"),
            access_token: text(&fan, "access_token"),
        }
    }

    /// A place in line for a fan.
    pub async fn join(&self, fan: &Fan, concert: &Concert) -> String {
        let body = json!({"concert_id": concert.concert_id, "date": "2026-12-24"});
        let token = self
            .post("/v1/queue/tokens", &body)
            .bearer(&fan.access_token)
            .send()
            .await;
        text(&token.json(), "queue_token")
    }

    /// A fan who has been let in.
    pub async fn insider(&self, concert: &Concert) -> (Fan, String) {
        let fan = self.fan().await;
        let token = self.join(&fan, concert).await;
        self.advance(Duration::seconds(1));
        self.admit().await;
        (fan, token)
    }

    /// Money in a fan's wallet.
    pub async fn charge(&self, fan: &Fan, amount: u32) -> Value {
        let path = format!("/v1/users/{}/wallet/charges", fan.user_id);
        self.post(&path, &json!({"amount": amount}))
            .bearer(&fan.access_token)
            .expect(201)
            .await
    }

    /// Seats in a fan's hands.
    pub async fn hold(&self, fan: &Fan, token: &str, concert: &Concert, seats: &[u32]) -> Value {
        let body = json!({"concert_id": concert.concert_id, "date": "2026-12-24", "seat_numbers": seats});
        self.post("/v1/reservations", &body)
            .bearer(&fan.access_token)
            .queue(token)
            .expect(201)
            .await
    }
}

/// Something to book.
pub struct Concert {
    pub concert_id: String,
    pub schedule_id: String,
}

/// Somebody who books.
#[derive(Clone)]
pub struct Fan {
    pub user_id: String,
    pub access_token: String,
}
