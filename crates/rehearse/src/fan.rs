//! One fan's story.

use crate::{
    client::{Call, Reply},
    dice::Dice,
    door::Door,
    fairness::Admission,
    live::Live,
    maps::Maps,
    plan::{Crowd, Want},
    tally::{End, Step, Taken, Tally, microseconds},
    wire::{self, Held, Place, Receipt},
};
use hyper::{Method, header::HeaderValue};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often a call is made again that got no answer, or was asked to come back.
const MOST_ATTEMPTS: u32 = 30;

/// How long a fan waits who got no answer.
const AFTER_SILENCE: Duration = Duration::from_secs(1);

/// How long a fan waits before polling again when the server does not say.
const UNTOLD: Duration = Duration::from_secs(1);

/// A fan with an account.
#[derive(Debug, Clone)]
pub(crate) struct Fan {
    pub(crate) number: u32,
    pub(crate) user_id: Box<str>,
    /// The `Authorization` header.
    pub(crate) bearer: HeaderValue,
}

/// What is on sale.
#[derive(Debug, Clone)]
pub(crate) struct Show {
    pub(crate) concert_id: String,
    pub(crate) schedule_id: String,
    pub(crate) date: String,
}

/// Everything that all fans share.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) door: Arc<Door>,
    pub(crate) tally: Tally,
    pub(crate) live: Live,
    pub(crate) crowd: Crowd,
    pub(crate) show: Show,
    pub(crate) maps: Maps,
    /// Whether fans have money.
    pub(crate) pays: bool,
    /// Names this rehearsal among others, in idempotency keys.
    pub(crate) run: String,
    /// The opening; all moments count from here.
    pub(crate) opening: Instant,
}

/// What a fan is going to do, decided at home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intent {
    Buys,
    LeavesLine,
    LeavesSeats,
    LeavesHold,
}

impl Intent {
    fn drawn(dice: &mut Dice, abandon: f64) -> Self {
        if !dice.happens(abandon) {
            return Self::Buys;
        }
        [Self::LeavesLine, Self::LeavesSeats, Self::LeavesHold][dice.below(3)]
    }
}

/// A fan on the way through the sale.
struct Visitor {
    scene: Arc<Scene>,
    fan: Fan,
    dice: Dice,
    intent: Intent,
    queue_token: HeaderValue,
    whereabouts: Whereabouts,
    /// When the fan began to ask for a place in line, and had it.
    joined: (Instant, Instant),
    holds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whereabouts {
    Outside,
    InLine,
    Inside,
}

/// When it is a fan's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The fan is let in, or does not wait for it any more.
    Now,
    /// Not before this moment, at which to ask again.
    Later(Instant),
    /// Everything is sold.
    Never,
}

/// A step that was taken.
struct Answered {
    reply: Reply,
    /// When the first attempt was on its way.
    first_asked: Instant,
    at: Instant,
}

/// Lives through one fan's sale, from the arrival to the end.
pub(crate) async fn visit(scene: Arc<Scene>, fan: Fan, arrival: Instant) {
    let mut dice = Dice::of_fan(scene.crowd.seed, fan.number);
    let intent = Intent::drawn(&mut dice, scene.crowd.abandon);
    let mut visitor = Visitor {
        scene,
        fan,
        dice,
        intent,
        queue_token: HeaderValue::from_static(""),
        whereabouts: Whereabouts::Outside,
        joined: (arrival, arrival),
        holds: 0,
    };
    let end = visitor.story(arrival).await;
    visitor.end(end.unwrap_or_else(|early| early));
}

impl Visitor {
    /// `Err` is an end as well, of a story that was cut short.
    async fn story(&mut self, arrival: Instant) -> Result<End, End> {
        Live::add(&self.scene.live.arrived, 1);
        let mut turn = self.join(arrival).await?;
        while let Turn::Later(poll_at) = turn {
            turn = self.wait_in_line(poll_at).await?;
        }
        if turn == Turn::Never {
            return self.leave(End::NothingLeft).await;
        }
        if matches!(self.intent, Intent::LeavesLine) {
            return self.leave(End::GaveUpInLine).await;
        }
        let Some(reservation) = self.find_seats().await? else {
            let end = if self.intent == Intent::LeavesSeats {
                End::GaveUpAtSeats
            } else {
                End::NothingLeft
            };
            return self.leave(end).await;
        };
        if self.intent == Intent::LeavesHold {
            return self.leave(End::GaveUpAtPaying).await;
        }
        if !self.scene.pays {
            return self.leave(End::EndedAtHold).await;
        }
        self.pay(&reservation).await?;
        Ok(End::Bought)
    }

    /// Asks for a place in line.
    async fn join(&mut self, arrival: Instant) -> Result<Turn, End> {
        let show = &self.scene.show;
        let body = json!({ "concert_id": show.concert_id, "date": show.date });
        let call = self.signed(Call::post("/v1/queue/tokens", body.to_string()));
        let answered = self.take(Step::Join, arrival, call).await?;
        self.joined = (answered.first_asked, answered.at);
        let place: Place<'_> = wire::read(&answered.reply).ok_or(End::Refused)?;
        let token = place.queue_token.as_deref().unwrap_or_default();
        self.queue_token = HeaderValue::from_str(token).map_err(|_| End::Refused)?;
        self.whereabouts = Whereabouts::InLine;
        Live::add(&self.scene.live.joined, 1);
        self.turn(&place, answered.at)
    }

    /// Polls when the server said, unless the fan has had enough by then.
    async fn wait_in_line(&mut self, poll_at: Instant) -> Result<Turn, End> {
        tokio::time::sleep_until(poll_at).await;
        if self.intent == Intent::LeavesLine {
            return Ok(Turn::Now);
        }
        let call = self.in_line(Call::get("/v1/queue/tokens/current"));
        let answered = self.take(Step::Poll, poll_at, call).await?;
        let place: Place<'_> = wire::read(&answered.reply).ok_or(End::Refused)?;
        self.turn(&place, answered.at)
    }

    /// What an answer about the place in line means.
    fn turn(&mut self, place: &Place<'_>, at: Instant) -> Result<Turn, End> {
        match &*place.state {
            "waiting" if place.outlook.as_deref() == Some("sold_out") => Ok(Turn::Never),
            "waiting" => {
                let told = place.poll_after_seconds.map(Duration::from_secs);
                Ok(Turn::Later(at + told.unwrap_or(UNTOLD)))
            }
            "active" => {
                let since = |moment: Instant| microseconds(moment.saturating_duration_since(self.scene.opening));
                let admitted = place.activated_at.as_deref().and_then(wire::milliseconds);
                let admission = Admission {
                    asked: since(self.joined.0),
                    joined: since(self.joined.1),
                    admitted: admitted.ok_or(End::Refused)?,
                };
                self.scene.tally.of(self.fan.number).admissions.push(admission);
                self.whereabouts = Whereabouts::Inside;
                Live::add(&self.scene.live.admitted, 1);
                Ok(Turn::Now)
            }
            _ => Err(End::RanOut),
        }
    }

    /// Looks and holds until there is a reservation; `None` when nothing is left, or the fan does not like what there
    /// is.
    async fn find_seats(&mut self) -> Result<Option<Box<str>>, End> {
        loop {
            let free = self.look().await?;
            if free.is_empty() || self.intent == Intent::LeavesSeats {
                return Ok(None);
            }
            let wanted = self.choose(&free);
            let reservation = self.hold(&wanted).await?;
            if reservation.is_some() {
                return Ok(reservation);
            }
        }
    }

    async fn look(&mut self) -> Result<Arc<[u32]>, End> {
        let show = &self.scene.show;
        let path = format!(
            "/v1/concerts/{}/dates/{}/seats?available=true",
            show.concert_id, show.date
        );
        let call = Call::get(path).with("accept-encoding", HeaderValue::from_static("gzip"));
        let call = self.signed(self.in_line(call));
        let due = self.think();
        let answered = self.take(Step::Look, due, call).await?;
        self.scene.maps.read(&answered.reply).ok_or(End::Refused)
    }

    /// Neighbours on the list of free seats.
    fn choose(&mut self, free: &[u32]) -> Vec<u32> {
        let wanted = (self.scene.crowd.seats_per_fan as usize).min(free.len());
        let first = match self.scene.crowd.want {
            Want::Any => self.dice.below(free.len() - wanted + 1),
            Want::Front => 0,
        };
        free[first..first + wanted].to_vec()
    }

    /// Holds seats; `None` when somebody else was quicker.
    async fn hold(&mut self, seats: &[u32]) -> Result<Option<Box<str>>, End> {
        let show = &self.scene.show;
        let body = json!({ "concert_id": show.concert_id, "date": show.date, "seat_numbers": seats });
        let call = self.signed(self.in_line(Call::post("/v1/reservations", body.to_string())));
        self.holds += 1;
        let call = self.keyed(call, &format!("hold-{}", self.holds))?;
        let due = self.think();
        let answered = self
            .take_unless(Step::Hold, due, call, Some("seat_already_reserved"))
            .await?;
        let Some(answered) = answered else { return Ok(None) };
        let held: Held<'_> = wire::read(&answered.reply).ok_or(End::Refused)?;
        Live::add(&self.scene.live.held, held.seat_numbers.len() as u64);
        Ok(Some(held.reservation_id.into()))
    }

    async fn pay(&mut self, reservation: &str) -> Result<(), End> {
        let body = json!({ "reservation_id": reservation });
        let call = self.signed(self.in_line(Call::post("/v1/payments", body.to_string())));
        let call = self.keyed(call, "pay")?;
        let due = self.think();
        let answered = self.take(Step::Pay, due, call).await?;
        let receipt: Receipt = wire::read(&answered.reply).ok_or(End::Refused)?;
        Live::add(&self.scene.live.sold, receipt.seat_numbers.len() as u64);
        let mut counted = self.scene.tally.of(self.fan.number);
        counted.receipts.extend(receipt.seat_numbers);
        Ok(())
    }

    /// Gives the place back, and whatever was held.
    async fn leave(&mut self, end: End) -> Result<End, End> {
        let call = Call {
            method: Method::DELETE,
            ..Call::get("/v1/queue/tokens/current")
        };
        let call = self.in_line(call);
        self.take(Step::Leave, Instant::now(), call).await?;
        Ok(end)
    }

    fn end(&self, end: End) {
        let live = &self.scene.live;
        match self.whereabouts {
            Whereabouts::Outside => {}
            Whereabouts::InLine => Live::add(&live.left_line, 1),
            Whereabouts::Inside => Live::add(&live.left_inside, 1),
        }
        Live::add(&live.ended, 1);
        self.scene.tally.of(self.fan.number).ended(end);
    }

    /// When the next step is due.
    fn think(&mut self) -> Instant {
        Instant::now() + self.dice.about(self.scene.crowd.think)
    }

    fn signed(&self, call: Call) -> Call {
        call.with("authorization", self.fan.bearer.clone())
    }

    fn in_line(&self, call: Call) -> Call {
        call.with("queue-token", self.queue_token.clone())
    }

    fn keyed(&self, call: Call, what: &str) -> Result<Call, End> {
        let key = format!("{}-{}-{what}", self.scene.run, self.fan.number);
        let key = HeaderValue::from_str(&key).map_err(|_| End::Refused)?;
        Ok(call.with("idempotency-key", key))
    }

    /// Takes a step that is due at a moment; any refusal ends the story.
    async fn take(&self, step: Step, due: Instant, call: Call) -> Result<Answered, End> {
        self.take_unless(step, due, call, None).await?.ok_or(End::Refused)
    }

    /// Takes a step that is due at a moment. A call that is told to come back, or gets no answer, is made again; the
    /// step counts once, from the moment it was due to its last answer. `None` for the refusal that is no surprise.
    async fn take_unless(
        &self,
        step: Step,
        due: Instant,
        call: Call,
        unsurprising: Option<&str>,
    ) -> Result<Option<Answered>, End> {
        let mut at = due;
        let mut first_asked = None;
        for _ in 0..MOST_ATTEMPTS {
            tokio::time::sleep_until(at).await;
            let asked = Instant::now();
            // On the heap, so that thousands of fans who only wait stay small.
            let exchange = Box::pin(self.scene.door.call(call.clone())).await;
            let exchange = match exchange {
                Ok(exchange) => exchange,
                Err(unanswered) => {
                    first_asked.get_or_insert(asked);
                    self.refused(step, unanswered.word());
                    at = Instant::now() + AFTER_SILENCE;
                    continue;
                }
            };
            let taken = Taken {
                late: asked - at,
                queued: exchange.passed_at - asked,
                served: exchange.answered_at - exchange.passed_at,
            };
            let first_asked = *first_asked.get_or_insert(exchange.passed_at);
            Live::add(&self.scene.live.answers, 1);
            let reply = exchange.reply;
            if let Some(wait) = wire::retry_after(&reply) {
                self.scene.tally.of(self.fan.number).passed(taken);
                self.refused(step, &wire::code(&reply));
                at = exchange.answered_at + wait;
                continue;
            }
            let felt = exchange.answered_at - due;
            self.scene.tally.of(self.fan.number).answered(step, felt, taken);
            if reply.status < 300 {
                return Ok(Some(Answered {
                    reply,
                    first_asked,
                    at: exchange.answered_at,
                }));
            }
            let code = wire::code(&reply);
            self.refused(step, &code);
            return match &*code {
                code if Some(code) == unsurprising => Ok(None),
                // The only credential that runs out during a sale is the place in line.
                "invalid_token" | "booking_closed" | "reservation_not_held" => Err(End::RanOut),
                _ => Err(End::Refused),
            };
        }
        Err(End::Refused)
    }

    fn refused(&self, step: Step, code: &str) {
        Live::add(&self.scene.live.refusals, 1);
        self.scene.tally.of(self.fan.number).refused(step, code);
    }
}
