//! Load with a memory: fans who buy seat after seat, repeat what was not answered, and afterwards look for everything
//! that was.

use e2e::{Answer, Call, Client, Deployment, Fan, Server, Show};
use futures_util::future::join_all;
use serde_json::Value;
use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tokio::task::JoinSet;

const PRICE: i64 = 50_000;
const SEATS_EACH: u32 = 500;
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// The settings under which one fan may buy as much as they like.
pub fn without_limits(deployment: Deployment) -> Deployment {
    deployment.with("SEAT_LIMIT", "1000")
}

/// How many seats a show needs for so many shoppers.
pub fn seats_for(shoppers: u32) -> u32 {
    shoppers * SEATS_EACH
}

/// What all shoppers share: where the servers are just now, and how much was acknowledged.
#[derive(Default)]
pub struct Street {
    doors: RwLock<Vec<Client>>,
    acknowledged: AtomicUsize,
    closing: AtomicBool,
}

impl Street {
    /// These servers are open, and no others.
    pub fn open(&self, servers: &[&Server]) {
        let doors = servers.iter().map(|server| server.anonymous()).collect();
        *self.doors.write().unwrap_or_else(PoisonError::into_inner) = doors;
    }

    /// How many writes were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.load(SeqCst)
    }

    fn door(&self, place: usize) -> Option<Client> {
        let doors = self.doors.read().unwrap_or_else(PoisonError::into_inner);
        let place = place.checked_rem(doors.len())?;
        doors.get(place).cloned()
    }
}

/// Shoppers at work.
pub struct Crowd {
    street: Arc<Street>,
    shopping: JoinSet<Shopper>,
}

impl Crowd {
    /// Signs fans up at a server and sends them shopping.
    pub async fn gather(many: u32, show: &Show, server: &Server) -> Self {
        let street = Arc::new(Street::default());
        street.open(&[server]);
        let mut shopping = JoinSet::new();
        for number in 0..many {
            let signed_up = server
                .operator()
                .sign_up(&format!("Shopper {number}"))
                .await
                .expect(201);
            let first = number * SEATS_EACH + 1;
            let shopper = Shopper {
                street: street.clone(),
                show: show.clone(),
                signed_up,
                queue_token: String::new(),
                seats: first..first + SEATS_EACH,
                log: Log::default(),
                asked: number as usize,
            };
            shopping.spawn(shopper.shop());
        }
        Self { street, shopping }
    }

    pub fn street(&self) -> &Street {
        &self.street
    }

    /// Lets everybody finish the purchase they are at, and then asks a server for all that was acknowledged.
    pub async fn settle(self, server: &Server) {
        self.street.closing.store(true, SeqCst);
        let shoppers = self.shopping.join_all().await;
        join_all(shoppers.iter().map(|shopper| shopper.finds_everything(server))).await;
        server.operator().assert_clean_audit().await;
    }
}

/// What one shopper was told, by the ids it was told.
#[derive(Default)]
struct Log {
    charges: BTreeSet<String>,
    reservations: BTreeSet<String>,
    payments: BTreeSet<String>,
}

struct Shopper {
    street: Arc<Street>,
    show: Show,
    signed_up: Answer,
    queue_token: String,
    seats: Range<u32>,
    log: Log,
    asked: usize,
}

impl Shopper {
    async fn shop(mut self) -> Self {
        while !self.street.closing.load(SeqCst) {
            let Some(seat) = self.seats.next() else { break };
            self.buy(seat).await;
        }
        self
    }

    async fn buy(&mut self, seat: u32) {
        let show = self.show.clone();
        let joined = self.insist(|fan| fan.ask_for_token(&show.concert_id, &show.date)).await;
        joined.text("queue_token").clone_into(&mut self.queue_token);
        while self.insist(Fan::poll).await["status"] != "active" {
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
        let charged = self
            .insist(|fan| fan.charge(PRICE).key(&format!("charge-{seat}")))
            .await;
        self.log.charges.insert(acknowledged(&charged, "entry_id"));
        let held = self
            .insist(|fan| fan.hold(&show, &[seat]).key(&format!("hold-{seat}")))
            .await;
        let reservation = acknowledged(&held, "reservation_id");
        self.log.reservations.insert(reservation.clone());
        let paid = self
            .insist(|fan| fan.pay(&reservation).key(&format!("pay-{seat}")))
            .await;
        self.log.payments.insert(acknowledged(&paid, "payment_id"));
        self.street.acknowledged.fetch_add(3, SeqCst);
    }

    /// Asks at one door after the other until there is an answer that is certain.
    async fn insist(&mut self, call: impl Fn(&Fan) -> Call) -> Answer {
        loop {
            self.asked += 1;
            if let Some(door) = self.street.door(self.asked)
                && let Ok(answer) = call(&self.at(&door)).send().await
                && answer.status != 503
                && answer.json["code"] != "request_in_progress"
            {
                return answer;
            }
            tokio::time::sleep(ASK_AGAIN_AFTER).await;
        }
    }

    fn at(&self, door: &Client) -> Fan {
        let mut fan = Fan::new(door, &self.signed_up);
        self.queue_token.clone_into(&mut fan.queue_token);
        fan
    }

    /// Every acknowledged write is there, and nothing else is.
    async fn finds_everything(&self, server: &Server) {
        let fan = self.at(&server.anonymous());
        let entries = all(&fan, "wallet/entries").await;
        let charges = entries.iter().filter(|entry| entry["kind"] == "charge");
        assert_eq!(ids(charges, "entry_id"), self.log.charges);
        let payments = all(&fan, "payments").await;
        assert_eq!(ids(&payments, "payment_id"), self.log.payments);
        assert_eq!(ids(&payments, "reservation_id"), self.log.reservations);
        assert_eq!(entries.len(), self.log.charges.len() + self.log.payments.len());
        for reservation in &self.log.reservations {
            let kept = fan.reservation(reservation).await.expect(200);
            assert_eq!(kept["state"], "confirmed", "{kept}");
        }
        assert_eq!(fan.balance().await, 0);
    }
}

fn acknowledged(answer: &Answer, id: &str) -> String {
    assert_eq!(answer.status, 201, "{answer}");
    answer.text(id).to_owned()
}

fn ids<'a>(items: impl IntoIterator<Item = &'a Value>, id: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for item in items {
        let id = item[id].as_str().expect("an id").to_owned();
        assert!(ids.insert(id), "twice: {item}");
    }
    ids
}

/// All items of one of the fan's lists.
async fn all(fan: &Fan, list: &str) -> Vec<Value> {
    let path = format!("/v1/users/{}/{list}?limit=100", fan.user_id);
    let mut items = Vec::new();
    let mut next = path.clone();
    loop {
        let page = fan.client().get(&next).await.expect(200);
        items.extend(page.list("items").iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            return items;
        };
        next = format!("{path}&cursor={cursor}");
    }
}
