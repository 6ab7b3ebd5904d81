//! A crowd in one line, each request at any of several instances: what the fans are told on their way, and what the
//! database has of it in the end.

use e2e::{Answer, Call, Client, Deployment, Fan, Server, Show, eventually};
use futures_util::{StreamExt as _, stream};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinHandle};

/// How long an instance may take for an answer before somebody else is asked.
const ANSWERED: Duration = Duration::from_secs(2);

/// How long an instance that did not answer is not asked again, as a load balancer has it.
const SHUNNED: Duration = Duration::from_secs(1);

/// How many requests are on their way at once.
const AT_ONCE: usize = 64;

/// How many of them may ask for a place in line, so that those who have one are not kept from asking where they stand.
const JOINING: usize = 32;

/// How long a fan at the front waits before they ask again. One who is further back waits as long as the gate's pace of
/// a thousand a second takes to get there.
const OFTEN: Duration = Duration::from_millis(150);

/// What a fan has in mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Enters, looks around and goes.
    Looks,
    /// Enters and buys a seat.
    Buys,
    /// Goes while waiting.
    Leaves,
    /// Joins and is never heard of again.
    Vanishes,
}

impl Nature {
    /// One in ten leaves, one in ten vanishes, one in ten buys.
    fn of(place: usize) -> Self {
        match place % 10 {
            3 => Self::Leaves,
            6 => Self::Vanishes,
            9 => Self::Buys,
            _ => Self::Looks,
        }
    }
}

struct Door {
    client: Client,
    shunned_until: Mutex<Option<Instant>>,
}

impl Door {
    fn is_open(&self) -> bool {
        let until = *self.shunned_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| until <= Instant::now())
    }

    fn shun(&self) {
        *self.shunned_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + SHUNNED);
    }
}

/// Where fans send their requests.
pub struct Doors {
    doors: Vec<Door>,
    operator_key: String,
    show: Show,
    at_once: Semaphore,
    joining: Semaphore,
}

/// An answer, from which door it is, and when it was asked for.
struct Reply {
    door: usize,
    sent: Instant,
    answer: Answer,
}

/// When somebody asked for a place in line, and when they had it.
pub struct Joined {
    user_id: String,
    nature: Nature,
    asked: Instant,
    answered: Instant,
}

impl Doors {
    pub fn of(servers: &[&Server], show: &Show) -> Arc<Self> {
        let door = |server: &&Server| Door {
            client: server.anonymous(),
            shunned_until: Mutex::default(),
        };
        Arc::new(Self {
            doors: servers.iter().map(door).collect(),
            operator_key: servers[0].deployment().operator_key().to_owned(),
            show: show.clone(),
            at_once: Semaphore::new(AT_ONCE),
            joining: Semaphore::new(JOINING),
        })
    }

    /// Sends so many fans on their way, one in ten of each of the rarer kinds.
    pub fn let_loose(self: &Arc<Self>, fans: usize) -> JoinHandle<Vec<Joined>> {
        let doors = self.clone();
        tokio::spawn(async move {
            let names: Vec<Answer> = stream::iter(0..fans)
                .map(|_| doors.sign_up())
                .buffered(AT_ONCE)
                .collect()
                .await;
            let life = |(place, name)| tokio::spawn(doors.clone().live(place, name));
            let lives: Vec<_> = names.into_iter().enumerate().map(life).collect();
            let mut joined = Vec::new();
            for life in lives {
                joined.push(life.await.expect("nobody is told what is not true"));
            }
            joined
        })
    }

    async fn sign_up(&self) -> Answer {
        let name = json!({ "name": "Fan" });
        let sign_up = |client: &Client| client.with_bearer(&self.operator_key).post("/v1/users", &name);
        self.ask(sign_up).await.answer.expect(201)
    }

    /// Asks at any door, and at another one until there is an answer that is certain.
    async fn ask(&self, call: impl Fn(&Client) -> Call) -> Reply {
        let mut first_sent = None;
        loop {
            let _permit = self.at_once.acquire().await.expect("it is never closed");
            let door = self.any();
            let sent = *first_sent.get_or_insert_with(Instant::now);
            match tokio::time::timeout(ANSWERED, call(&self.doors[door].client).send()).await {
                Ok(Ok(answer)) if answer.status != 503 && answer.json["code"] != "request_in_progress" => {
                    return Reply { door, sent, answer };
                }
                Ok(Ok(_) | Err(_)) | Err(_) => self.doors[door].shun(),
            }
        }
    }

    fn any(&self) -> usize {
        let places = || 0..self.doors.len();
        let mut open: Vec<usize> = places().filter(|place| self.doors[*place].is_open()).collect();
        if open.is_empty() {
            open = places().collect();
        }
        open[rand::random_range(0..open.len())]
    }

    async fn live(self: Arc<Self>, place: usize, signed_up: Answer) -> Joined {
        let nature = Nature::of(place);
        let mut visitor = Visitor {
            signed_up,
            queue_token: String::new(),
            told: HashMap::new(),
            doors: self,
        };
        let asked = visitor.join().await;
        let joined = Joined {
            user_id: visitor.signed_up.text("user_id").to_owned(),
            nature,
            asked,
            answered: Instant::now(),
        };
        match nature {
            Nature::Vanishes => {}
            Nature::Leaves => {
                visitor.poll().await;
                visitor.leave().await;
            }
            Nature::Looks => {
                visitor.enter().await;
                visitor.leave().await;
            }
            Nature::Buys => {
                visitor.enter().await;
                let seat = u32::try_from(place / 10 + 1).expect("a seat number");
                visitor.buy(seat).await;
            }
        }
        joined
    }
}

struct Visitor {
    doors: Arc<Doors>,
    signed_up: Answer,
    queue_token: String,
    /// The last position that each instance told.
    told: HashMap<usize, i64>,
}

impl Visitor {
    async fn ask(&self, call: impl Fn(&Fan) -> Call) -> Reply {
        let as_fan = |client: &Client| {
            let mut fan = Fan::new(client, &self.signed_up);
            self.queue_token.clone_into(&mut fan.queue_token);
            call(&fan)
        };
        self.doors.ask(as_fan).await
    }

    /// Takes a place in line; says when it was asked for first.
    async fn join(&mut self) -> Instant {
        let doors = self.doors.clone();
        let Show { concert_id, date, .. } = &doors.show;
        let _permit = doors.joining.acquire().await.expect("it is never closed");
        // A request that was given up may still be carried out, perhaps after the fan has gone again.
        let joined = self.ask(|fan| fan.ask_for_token(concert_id, date).key("join")).await;
        let answer = &joined.answer;
        assert!(matches!(answer.status, 200 | 201), "no place in line\n{answer}");
        answer.text("queue_token").clone_into(&mut self.queue_token);
        self.hear(&joined);
        joined.sent
    }

    async fn poll(&mut self) -> Answer {
        let polled = self.ask(Fan::poll).await;
        assert_eq!(polled.answer.status, 200, "{}", polled.answer);
        self.hear(&polled);
        polled.answer
    }

    /// No instance ever tells a higher position than before.
    fn hear(&mut self, Reply { door, answer, .. }: &Reply) {
        if let Some(position) = answer.json["position"].as_i64() {
            let before = self.told.insert(*door, position);
            assert!(
                before.is_none_or(|before| position <= before),
                "it rose from {before:?}\n{answer}"
            );
        }
    }

    async fn enter(&mut self) {
        loop {
            let polled = self.poll().await;
            if polled["status"] == "active" {
                return;
            }
            assert_eq!(polled["status"], "waiting", "{polled}");
            let ahead = polled["position"].as_u64().expect("a position");
            tokio::time::sleep(OFTEN.max(Duration::from_millis(ahead))).await;
        }
    }

    async fn leave(&self) {
        let left = self.ask(Fan::leave).await.answer;
        assert_eq!(left.status, 204, "{left}");
    }

    async fn buy(&self, seat: u32) {
        let show = &self.doors.show;
        let charged = self.ask(|fan| fan.charge(50_000).key("charge")).await.answer;
        assert_eq!(charged.status, 201, "{charged}");
        let held = self.ask(|fan| fan.hold(show, &[seat]).key("hold")).await.answer;
        assert_eq!(held.status, 201, "{held}");
        let reservation = held.text("reservation_id");
        let paid = self.ask(|fan| fan.pay(reservation).key("pay")).await.answer;
        assert_eq!(paid.status, 201, "{paid}");
    }
}

/// A place in line as the database has it; times in microseconds by its clock.
#[derive(Debug)]
pub struct Place {
    user_id: String,
    number: i64,
    state: String,
    pub entered: Option<i64>,
    ended: Option<i64>,
}

/// All places of a line, by number.
pub async fn places(database: &tokio_postgres::Client, show: &Show) -> Vec<Place> {
    let sql = format!(
        "SELECT user_id::text, number, state, (extract(epoch FROM activated_at) * 1000000)::bigint,
            (extract(epoch FROM ended_at) * 1000000)::bigint
         FROM queue_tokens WHERE schedule_id = '{}' ORDER BY number",
        show.schedule_id
    );
    let rows = database.query(&sql, &[]).await.expect("the database answers");
    let place = |row: &tokio_postgres::Row| Place {
        user_id: row.get(0),
        number: row.get(1),
        state: row.get(2),
        entered: row.get(3),
        ended: row.get(4),
    };
    rows.iter().map(place).collect()
}

/// What became of a line.
pub struct Account {
    pub places: Vec<Place>,
    pub most_inside: usize,
    pub inversions: usize,
}

/// Waits until every fan has come to an end, and asserts that each of them did as the rules have it: nobody entered
/// twice or out of turn, never more than `cap` were inside, and nobody was overtaken by who asked later.
pub async fn assert_fair(deployment: &Deployment, show: &Show, joined: &[Joined], cap: usize) -> Account {
    let database = deployment.database().await;
    let places = eventually("everybody has come to an end", async || {
        let places = places(&database, show).await;
        let ended = |place: &Place| matches!(place.state.as_str(), "completed" | "expired" | "left");
        places.iter().all(ended).then_some(places)
    })
    .await;

    let by_user: HashMap<&str, &Place> = places.iter().map(|place| (place.user_id.as_str(), place)).collect();
    assert_eq!(
        (places.len(), by_user.len()),
        (joined.len(), joined.len()),
        "one place a fan"
    );
    for fan in joined {
        let place = by_user[fan.user_id.as_str()];
        let fits = match fan.nature {
            Nature::Looks => place.state == "left" && place.entered.is_some(),
            Nature::Buys => place.state == "completed",
            // It may have been their turn meanwhile.
            Nature::Leaves => place.state == "left",
            Nature::Vanishes => place.state == "expired" && place.entered.is_some(),
        };
        assert!(fits, "{:?} ended as {place:?}", fan.nature);
    }
    let entries: Vec<i64> = places.iter().filter_map(|place| place.entered).collect();
    assert!(entries.is_sorted(), "somebody was overtaken");
    let counted = format!("SELECT admitted FROM gates WHERE schedule_id = '{}'", show.schedule_id);
    let counted = database.query_one(&counted, &[]).await.expect("the database answers");
    assert_eq!(
        usize::try_from(counted.get::<_, i64>(0)),
        Ok(entries.len()),
        "nobody was let in twice"
    );
    let account = Account {
        most_inside: most_inside(&places),
        inversions: inversions(joined, &by_user),
        places,
    };
    assert!(account.most_inside <= cap, "{} were inside", account.most_inside);
    assert_eq!(account.inversions, 0, "who asked later got the lower number");
    account
}

/// The most fans that were inside right after an admission.
fn most_inside(places: &[Place]) -> usize {
    let mut entered: Vec<i64> = places.iter().filter_map(|place| place.entered).collect();
    let inside = places.iter().filter(|place| place.entered.is_some());
    let mut ended: Vec<i64> = inside.filter_map(|place| place.ended).collect();
    entered.sort_unstable();
    ended.sort_unstable();
    let upto = |times: &[i64], at: i64| times.partition_point(|time| *time <= at);
    let at = |at: &i64| upto(&entered, *at) - upto(&ended, *at);
    entered.iter().map(at).max().unwrap_or_default()
}

/// How many fans have a lower number than somebody who had theirs before they asked.
fn inversions(joined: &[Joined], by_user: &HashMap<&str, &Place>) -> usize {
    let number = |fan: &Joined| by_user[fan.user_id.as_str()].number;
    let mut by_answer: Vec<(Instant, i64)> = joined.iter().map(|fan| (fan.answered, number(fan))).collect();
    by_answer.sort_unstable();
    let mut highest = 0;
    let highest_until: Vec<i64> = by_answer
        .iter()
        .map(|(_, number)| {
            highest = highest.max(*number);
            highest
        })
        .collect();
    let overtakes = |fan: &&Joined| {
        let before = by_answer.partition_point(|(answered, _)| *answered < fan.asked);
        before > 0 && highest_until[before - 1] > number(fan)
    };
    joined.iter().filter(overtakes).count()
}
