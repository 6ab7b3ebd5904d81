//! Performances, and how fans come to be at them. Everything goes through HTTP.

use crate::{
    load::Crew,
    service::{HOLD_SECONDS, Service, as_operator},
};
use anyhow::{Context as _, Result, ensure};
use frontrow_rehearse::client::{Call, Reply};
use hyper::{Method, header::HeaderValue};
use serde_json::{Value, json};
use std::sync::Arc;

/// The price of a seat.
pub const PRICE: u32 = 50_000;

/// The most seats one performance may have.
pub const MOST_SEATS: usize = 100_000;

/// A performance, by the names clients use for it.
#[derive(Debug, Clone)]
pub struct Show {
    /// The concert's id.
    pub concert_id: String,
    /// The schedule's id.
    pub schedule_id: String,
    /// The date at the venue.
    pub date: String,
}

/// Whether a gate lets fans in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// As fast as a gate can be set to.
    Open,
    /// Nobody.
    Paused,
}

impl Show {
    /// Puts on a performance whose booking is open. `seats` is as the contract has it.
    ///
    /// # Errors
    /// The service refuses.
    pub async fn stage(service: &Service<'_>, seats: Value, gate: Gate) -> Result<Self> {
        let concert = json!({ "title": "Love Poem", "venue": "Olympic Hall, Seoul" });
        let concert = Call::post("/v1/admin/concerts", concert.to_string());
        let concert_id = text(&service.operate(concert, 201).await?, "concert_id")?;
        let schedule = json!({
            "starts_at": "2099-06-01T19:00:00+09:00",
            "booking_opens_at": "2020-01-01T00:00:00+09:00",
            "booking_closes_at": "2099-06-01T19:00:00+09:00",
            "seats": seats,
            "gate": {
                "max_active": 1_000_000,
                "admissions_per_minute": 1_000_000,
                "session_seconds": HOLD_SECONDS,
                "paused": gate == Gate::Paused,
            },
        });
        let path = format!("/v1/admin/concerts/{concert_id}/schedules");
        let schedule = service.operate(Call::post(path, schedule.to_string()), 201).await?;
        Ok(Self {
            schedule_id: text(&schedule, "schedule_id")?,
            date: text(&schedule, "date")?,
            concert_id,
        })
    }

    /// With seats 1 to `count`.
    ///
    /// # Errors
    /// The service refuses.
    pub async fn of_seats(service: &Service<'_>, count: usize, gate: Gate) -> Result<Self> {
        Self::stage(service, json!({ "count": count, "price": PRICE }), gate).await
    }

    /// The path of its seat map.
    #[must_use]
    pub fn seats_path(&self) -> String {
        format!("/v1/concerts/{}/dates/{}/seats", self.concert_id, self.date)
    }

    /// The calls that give each of these fans a place in its line.
    #[must_use]
    pub fn joins(&self, accounts: &[Account]) -> Vec<Call> {
        let join = self.ask_for_place(None);
        let own = |account: &Account| join.clone().with("authorization", account.access.clone());
        accounts.iter().map(own).collect()
    }

    /// Opens its gate, or shuts it.
    ///
    /// # Errors
    /// The service refuses.
    pub async fn set_gate(&self, service: &Service<'_>, gate: Gate) -> Result<()> {
        let path = format!("/v1/admin/schedules/{}/gate", self.schedule_id);
        let change = json!({ "paused": gate == Gate::Paused });
        let call = Call {
            method: Method::PATCH,
            ..Call::post(path, change.to_string())
        };
        service.operate(call, 200).await?;
        Ok(())
    }

    /// Asks for a place in its line, with a credential that is still to be added.
    fn ask_for_place(&self, user_id: Option<&str>) -> Call {
        let mut body = json!({ "concert_id": self.concert_id, "date": self.date });
        if let Some(user_id) = user_id {
            body["user_id"] = user_id.into();
        }
        Call::post("/v1/queue/tokens", body.to_string())
    }
}

/// A fan who is signed up.
#[derive(Debug, Clone)]
pub struct Account {
    user_id: String,
    access: HeaderValue,
}

/// A fan with a place in a line.
#[derive(Debug, Clone)]
pub struct Fan {
    access: HeaderValue,
    place: HeaderValue,
}

impl Fan {
    /// A booking call with both credentials.
    #[must_use]
    pub fn booking(&self, call: Call) -> Call {
        call.with("authorization", self.access.clone())
            .with("queue-token", self.place.clone())
    }

    /// Holds one seat.
    #[must_use]
    pub fn hold(&self, show: &Show, seat: usize) -> Call {
        let (concert_id, date) = (&show.concert_id, &show.date);
        let body = format!(r#"{{"concert_id":"{concert_id}","date":"{date}","seat_numbers":[{seat}]}}"#);
        self.booking(Call::post("/v1/reservations", body))
    }

    /// Pays for what is held.
    #[must_use]
    pub fn pay(&self, reservation_id: &str) -> Call {
        let body = format!(r#"{{"reservation_id":"{reservation_id}"}}"#);
        self.booking(Call::post("/v1/payments", body))
    }

    /// Asks how it stands.
    #[must_use]
    pub fn poll(&self) -> Call {
        poll(&self.place)
    }

    /// Asks to be told how it stands.
    #[must_use]
    pub fn place_events(&self) -> Call {
        Call::get("/v1/queue/tokens/current/events").with("queue-token", self.place.clone())
    }
}

/// Asks how it stands with a place in line.
#[must_use]
pub fn poll(place: &HeaderValue) -> Call {
    Call::get("/v1/queue/tokens/current").with("queue-token", place.clone())
}

/// Signs up this many fans.
///
/// # Errors
/// The service refuses.
pub async fn sign_up(crew: &mut Crew, count: usize) -> Result<Arc<[Account]>> {
    let call = |index| {
        let body = format!(r#"{{"name":"Fan {index}"}}"#);
        as_operator(Call::post("/v1/users", body))
    };
    let read = |reply: &Reply| {
        let user: Value = serde_json::from_slice(&reply.body)?;
        let access = format!("Bearer {}", text(&user, "access_token")?);
        Ok(Account {
            user_id: text(&user, "user_id")?,
            access: access.parse()?,
        })
    };
    Ok(crew.ask_each(count, 201, call, read).await?.into())
}

/// Gives each of these fans a place in the performance's line.
///
/// # Errors
/// The service refuses.
pub async fn join(crew: &mut Crew, accounts: &Arc<[Account]>, show: &Show) -> Result<Vec<Fan>> {
    let call = {
        let (accounts, join) = (accounts.clone(), show.ask_for_place(None));
        move |index: usize| join.clone().with("authorization", accounts[index].access.clone())
    };
    let places = crew.ask_each(accounts.len(), 201, call, read_place).await?;
    let fans = accounts.iter().zip(places).map(|(account, place)| Fan {
        access: account.access.clone(),
        place,
    });
    Ok(fans.collect())
}

/// Gives each of these users a place in the performance's line, as an operator does on their
/// behalf.
///
/// # Errors
/// The service refuses.
pub async fn join_on_behalf<U>(crew: &mut Crew, count: usize, show: &Show, user_id: U) -> Result<Vec<HeaderValue>>
where
    U: Fn(usize) -> String + Send + Sync + 'static,
{
    let show = show.clone();
    let call = move |index| as_operator(show.ask_for_place(Some(&user_id(index))));
    crew.ask_each(count, 201, call, read_place).await
}

/// Lets these fans in: they join, wait for their turn, and claim it by a poll.
///
/// # Errors
/// The service refuses.
pub async fn enter(
    service: &Service<'_>,
    crew: &mut Crew,
    accounts: &Arc<[Account]>,
    show: &Show,
) -> Result<Arc<[Fan]>> {
    let fans: Arc<[Fan]> = join(crew, accounts, show).await?.into();
    let everybody = fans.len() as u64;
    service
        .wait_for_figure(&show.schedule_id, "/tokens/active", everybody)
        .await?;
    let call = {
        let fans = fans.clone();
        move |index: usize| fans[index].poll()
    };
    let read = |reply: &Reply| {
        let token: Value = serde_json::from_slice(&reply.body)?;
        ensure!(token["status"] == "active", "this fan is not inside: {token}");
        Ok(())
    };
    crew.ask_each(fans.len(), 200, call, read).await?;
    Ok(fans)
}

/// Charges the wallet of each with the price of one seat.
///
/// # Errors
/// The service refuses.
pub async fn charge(crew: &mut Crew, accounts: &Arc<[Account]>) -> Result<()> {
    let call = {
        let accounts = accounts.clone();
        move |index: usize| {
            let Account { user_id, access } = &accounts[index];
            let path = format!("/v1/users/{user_id}/wallet/charges");
            let body = format!(r#"{{"amount":{PRICE}}}"#);
            Call::post(path, body).with("authorization", access.clone())
        }
    };
    crew.ask_each(accounts.len(), 201, call, |_| Ok(())).await?;
    Ok(())
}

fn read_place(reply: &Reply) -> Result<HeaderValue> {
    let token: Value = serde_json::from_slice(&reply.body)?;
    Ok(text(&token, "queue_token")?.parse()?)
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str();
    Ok(text.with_context(|| format!("no {field} in {value}"))?.to_owned())
}
