//! What has to be there before the sale opens: a performance, and fans with accounts and money.

use crate::{
    client::Call,
    fan::{Fan, Show},
    made::Made,
    obstacle::Obstacle,
    operator::{Audit, Greeting, Operator, SeatCounts, refusal},
    plan::{NewSale, Plan, Sale},
    progress::Display,
    run::TOO_EARLY,
    wire,
};
use futures_util::StreamExt as _;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use std::sync::{Mutex, PoisonError};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::watch;

/// How far in the future a performance of the rehearsal's own is.
const AHEAD: Duration = Duration::days(30);

/// What the server said before anything was made.
#[derive(Debug)]
pub(crate) struct Ground {
    /// The server's time.
    pub(crate) now: OffsetDateTime,
    /// The server's version.
    pub(crate) version: String,
    /// The audit's verdict.
    pub(crate) audit: Audit,
    /// The performance that exists, if one was named.
    pub(crate) existing: Option<Show>,
}

/// Everything for the sale to open.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) show: Show,
    pub(crate) seats: SeatCounts,
    pub(crate) fans: Vec<Fan>,
    /// Whether fans have money.
    pub(crate) pays: bool,
}

/// Finds out whether a rehearsal is possible there. Makes nothing.
pub(crate) async fn look_around(operator: &Operator, sale: &Sale) -> Result<Ground, Obstacle> {
    const NOBODY: &str = "00000000-0000-0000-0000-000000000000";
    let Greeting { now, version } = operator.greet().await?;
    operator
        .check_scope("users:write", Call::post("/v1/users", "{}"), &[422])
        .await?;
    let stats = Call::get(format!("/v1/admin/schedules/{NOBODY}/stats"));
    operator.check_scope("stats:read", stats, &[404]).await?;
    let existing = match sale {
        Sale::New(_) => {
            let call = Call::post("/v1/admin/concerts", "{}");
            operator.check_scope("catalog:write", call, &[422]).await?;
            None
        }
        Sale::Existing { concert_id, date } => Some(find(operator, concert_id, date, now).await?),
    };
    let audit = operator.audit().await?;
    Ok(Ground {
        now,
        version,
        audit,
        existing,
    })
}

#[derive(Debug, Deserialize)]
struct Concert {
    schedules: Vec<Schedule>,
}

#[derive(Debug, Deserialize)]
struct Schedule {
    schedule_id: String,
    date: String,
    starts_at: String,
    booking_closes_at: String,
}

async fn find(operator: &Operator, concert_id: &str, date: &str, now: OffsetDateTime) -> Result<Show, Obstacle> {
    let reply = operator.ask(Call::get(format!("/v1/concerts/{concert_id}"))).await?;
    if reply.status == 404 {
        return Err(Obstacle::new(format!("there is no concert {concert_id}")));
    }
    let concert: Concert = wire::read(&reply).ok_or_else(|| refusal("the concert cannot be read", &reply))?;
    let moment = wire::milliseconds(date);
    let is_meant = |schedule: &&Schedule| {
        schedule.date == date || (moment.is_some() && wire::milliseconds(&schedule.starts_at) == moment)
    };
    let meant: Vec<_> = concert.schedules.iter().filter(is_meant).collect();
    let [schedule] = meant.as_slice() else {
        let known: Vec<_> = concert.schedules.iter().map(|schedule| &*schedule.starts_at).collect();
        let known = if known.is_empty() {
            "never".to_owned()
        } else {
            known.join(", ")
        };
        let how = if meant.is_empty() {
            "does not play"
        } else {
            "plays more than once"
        };
        return Err(Obstacle::new(format!("the concert {how} on {date}; it plays {known}")));
    };
    let closes_at = wire::milliseconds(&schedule.booking_closes_at);
    if closes_at.is_some_and(|closes_at| i128::from(closes_at) * 1_000_000 <= now.unix_timestamp_nanos()) {
        return Err(Obstacle::new(format!(
            "booking for {date} has closed at {}",
            schedule.booking_closes_at
        )));
    }
    let seats = operator.seats(&schedule.schedule_id).await?;
    if seats.available == 0 {
        return Err(Obstacle::new(format!("the concert has no seat left on {date}")));
    }
    Ok(Show {
        concert_id: concert_id.to_owned(),
        schedule_id: schedule.schedule_id.clone(),
        date: date.to_owned(),
    })
}

/// What a preparation works with.
pub(crate) struct Preparation<'a> {
    pub(crate) operator: &'a Operator,
    pub(crate) plan: &'a Plan,
    /// Names this rehearsal among others.
    pub(crate) run: &'a str,
    pub(crate) made: &'a Mutex<Made>,
    pub(crate) display: &'a Display,
    pub(crate) stop: &'a watch::Receiver<bool>,
}

impl Preparation<'_> {
    /// Makes what is missing, and notes it as it is made.
    pub(crate) async fn prepare(&self, ground: &Ground) -> Result<Prepared, Obstacle> {
        let show = match (&self.plan.sale, &ground.existing) {
            (Sale::New(new), _) => self.put_on_sale(new, ground.now).await?,
            (Sale::Existing { .. }, Some(show)) => show.clone(),
            (Sale::Existing { .. }, None) => return Err(Obstacle::new("the performance was not looked for")),
        };
        // The first one finds out whether there is money.
        let (first, pays) = self.fan(1, true).await?;
        let mut fans = vec![first];
        fans.extend(self.others(pays).await?);
        fans.sort_unstable_by_key(|fan| fan.number);
        let seats = self.operator.seats(&show.schedule_id).await?;
        Ok(Prepared {
            show,
            seats,
            fans,
            pays,
        })
    }

    async fn put_on_sale(&self, new: &NewSale, now: OffsetDateTime) -> Result<Show, Obstacle> {
        let title = format!("Rehearsal {}", self.run);
        let concert = json!({ "title": title, "venue": "nowhere: a rehearsal" });
        let concert = self.make("concert", "/v1/admin/concerts", &concert).await?;
        let concert_id = text(&concert, "concert_id")?;
        self.note(|made| made.concert_id = Some(concert_id.clone()));
        let moment = |at: OffsetDateTime| at.format(&Rfc3339).map_err(|error| Obstacle::new(error.to_string()));
        let starts_at = moment(now + AHEAD)?;
        let schedule = json!({
            "starts_at": starts_at,
            "booking_opens_at": moment(now - Duration::HOUR)?,
            "booking_closes_at": starts_at,
            "seats": { "count": new.seats, "price": new.price },
            "gate": { "max_active": new.max_active, "admissions_per_minute": new.admissions_per_minute },
        });
        let path = format!("/v1/admin/concerts/{concert_id}/schedules");
        let schedule = self.make("schedule", &path, &schedule).await?;
        let show = Show {
            schedule_id: text(&schedule, "schedule_id")?,
            date: text(&schedule, "date")?,
            concert_id,
        };
        self.note(|made| made.schedule_id = Some(show.schedule_id.clone()));
        Ok(show)
    }

    /// All fans but the first, or as many as there were before something was in the way; no call is left hanging, so
    /// that it is known what was made.
    async fn others(&self, pays: bool) -> Result<Vec<Fan>, Obstacle> {
        let total = self.plan.crowd.fans;
        let obstacle: Mutex<Option<Obstacle>> = Mutex::new(None);
        let halted = || *self.stop.borrow() || lock(&obstacle).is_some();
        let numbers = (2..=total).take_while(|_| !halted());
        let mut making = futures_util::stream::iter(numbers)
            .map(|number| self.fan(number, pays))
            .buffer_unordered(self.plan.connections);
        let mut fans = Vec::with_capacity(total as usize);
        while let Some(made) = making.next().await {
            match made {
                Ok((fan, _)) => fans.push(fan),
                Err(why) => {
                    lock(&obstacle).get_or_insert(why);
                }
            }
            self.display.preparing(fans.len() as u64 + 1, u64::from(total));
        }
        drop(making);
        if let Some(why) = obstacle.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(why);
        }
        if *self.stop.borrow() {
            return Err(Obstacle::new(TOO_EARLY));
        }
        Ok(fans)
    }

    /// A fan with an account and, where that is possible, with money.
    async fn fan(&self, number: u32, charge: bool) -> Result<(Fan, bool), Obstacle> {
        let name = format!("Rehearsal {} fan {number}", self.run);
        let call = self.keyed(
            Call::post("/v1/users", json!({ "name": name }).to_string()),
            &format!("user-{number}"),
        )?;
        let reply = self.operator.ask(call).await?;
        if reply.status == 429 {
            return Err(refusal(
                "users are limited: does the operator key have the scope users:write?",
                &reply,
            ));
        }
        let user = created("a user", &reply)?;
        let user_id = text(&user, "user_id")?;
        self.note(|made| made.user(&user_id));
        let bearer = HeaderValue::from_str(&format!("Bearer {}", text(&user, "access_token")?));
        let fan = Fan {
            number,
            user_id: user_id.into(),
            bearer: bearer.map_err(|_| Obstacle::new("an access token cannot be sent"))?,
        };
        let pays = charge && self.charge(&fan).await?;
        Ok((fan, pays))
    }

    /// Fills a fan's wallet; false where no wallet can be filled.
    async fn charge(&self, fan: &Fan) -> Result<bool, Obstacle> {
        let money = self.plan.crowd.money;
        if money == 0 {
            return Ok(true);
        }
        let path = format!("/v1/users/{}/wallet/charges", fan.user_id);
        let call = Call::post(path, json!({ "amount": money }).to_string());
        let call = self.keyed(call, &format!("charge-{}", fan.number))?;
        let reply = self.operator.ask_with(call, &fan.bearer).await?;
        if wire::code(&reply) == "provider_unavailable" {
            return Ok(false);
        }
        created("a wallet", &reply)?;
        Ok(true)
    }

    async fn make(&self, what: &str, path: &str, body: &serde_json::Value) -> Result<serde_json::Value, Obstacle> {
        if *self.stop.borrow() {
            return Err(Obstacle::new(TOO_EARLY));
        }
        let call = self.keyed(Call::post(path, body.to_string()), what)?;
        let reply = self.operator.ask(call).await?;
        created(&format!("a {what}"), &reply)
    }

    fn keyed(&self, call: Call, what: &str) -> Result<Call, Obstacle> {
        let key = HeaderValue::from_str(&format!("{}-{what}", self.run));
        let key = key.map_err(|_| Obstacle::new("an idempotency key cannot be sent"))?;
        Ok(call.with("idempotency-key", key))
    }

    fn note(&self, note: impl FnOnce(&mut Made)) {
        note(&mut lock(self.made));
    }
}

fn created(what: &str, reply: &crate::client::Reply) -> Result<serde_json::Value, Obstacle> {
    let refused = || refusal(&format!("{what} cannot be made"), reply);
    if reply.status != 201 {
        return Err(refused());
    }
    wire::read(reply).ok_or_else(refused)
}

fn text(json: &serde_json::Value, field: &str) -> Result<String, Obstacle> {
    let text = json[field].as_str().map(str::to_owned);
    text.ok_or_else(|| Obstacle::new(format!("the server's answer has no {field}")))
}

pub(crate) fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
