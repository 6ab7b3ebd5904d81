//! The stream of a performance's seats, for those who are inside there.

use super::{
    Kind, Reason, Source, Told,
    hall::{After, Hall, catch_up, changed, hall, reset},
    watch::Watching,
};
use crate::{api::Api, desk::Desk, endpoint::Outcome, extract::Call, limits::Rule, problem::Problem, seats};
use actix_web::web::Bytes;
use frontrow_domain::{
    clock::Timestamp,
    id::{ScheduleId, UserId},
    queue::{Errand, TokenRef, TokenStatus, admits},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// When a place is asked for again after that was not possible.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// `GET /v1/concerts/{concert_id}/dates/{date}/seats/events`
pub(crate) async fn open(call: Call) -> Outcome {
    let booker = call.booker(Rule::BookingRead).await?;
    let (inside, schedule) = seats::wanted(&call, &booker).await?;
    let stream = call.api().streams.open(Kind::Seats, booker.token.user_id)?;
    let id = schedule.id;
    let hall = call.desk.read(move |api| hall(api, id)).await?;
    let (version, first) = beginning(&call, &hall, id).await?;
    let desk = call.desk.anew();
    let mut seats = Seats {
        changes: hall.version.subscribe(),
        watching: desk.api().watchers.inside(booker.token),
        booking_closes_at: schedule.booking_closes_at,
        over: Instant::now(),
        user: booker.user(),
        token: booker.token,
        first,
        hall,
        version,
        desk,
    };
    seats.stay(&inside);
    Ok(super::answer(&call, seats, stream))
}

/// From which version on the stream tells what happens, and what it tells before that.
async fn beginning(call: &Call, hall: &Arc<Hall>, schedule: ScheduleId) -> Result<(u64, Option<Bytes>), Problem> {
    let newest = || *hall.version.borrow();
    let Some(seen) = call.last_event_id() else {
        let version = newest();
        return Ok((version, Some(changed(version, Vec::new()))));
    };
    let version = seen.parse::<u64>().ok();
    // As it was told, and no other way to write it.
    if let Some(version) = version.filter(|version| version.to_string() == seen) {
        if version > newest() {
            // Another instance has told of changes that have not been read here.
            let hall = hall.clone();
            let catch_up = move |api: Arc<Api>| async move { catch_up(&api, &hall, schedule).await };
            call.desk.read(catch_up).await?;
        }
        if hall.after(version) != After::Unknown {
            return Ok((version, None));
        }
    }
    let version = newest();
    Ok((version, Some(reset(version))))
}

struct Seats {
    desk: Desk,
    hall: Arc<Hall>,
    changes: watch::Receiver<u64>,
    /// Up to which version the client has been told.
    version: u64,
    first: Option<Bytes>,
    token: TokenRef,
    /// Whose place it has to be.
    user: Option<UserId>,
    watching: Watching,
    booking_closes_at: Timestamp,
    /// When it has to be asked whether this may go on.
    over: Instant,
}

impl Seats {
    /// The seats may be looked at for so long.
    fn stay(&mut self, inside: &TokenStatus) {
        let token = &inside.token;
        let ends = token.session_ends_at().unwrap_or(token.lapses_at);
        let ends = ends.min(token.lapses_at).min(self.booking_closes_at);
        self.over = from_now(ends - inside.as_of);
    }

    /// Asks whether this may go on. Says why the stream ends, if it does.
    async fn look(&mut self) -> Option<Reason> {
        // Due until it is known, even if this is dropped meanwhile.
        self.over = Instant::now();
        let (desk, token) = (self.desk.anew(), self.token);
        let asked = desk.read(move |api| async move { api.statuses.ask(token).await });
        match asked.await {
            Ok(Some(status)) => {
                if admits(Some(&status.token), self.user, Errand::Book, status.as_of).is_err() {
                    return Some(Reason::TokenEnded);
                }
                if self.booking_closes_at <= status.as_of {
                    return Some(Reason::BookingClosed);
                }
                self.stay(&status);
                None
            }
            Ok(None) => Some(Reason::TokenEnded),
            // Who cannot be asked for stays for the moment.
            Err(_) => {
                self.over = Instant::now() + ASK_AGAIN;
                None
            }
        }
    }
}

impl Source for Seats {
    async fn next(&mut self) -> Told {
        if let Some(first) = self.first.take() {
            return Told::Event(first);
        }
        loop {
            if self.over <= Instant::now()
                && let Some(reason) = Box::pin(self.look()).await
            {
                return Told::End(reason);
            }
            if self.hall.is_out_of_reach() {
                return Told::End(Reason::StorageUnavailable);
            }
            match self.hall.after(self.version) {
                After::Change { to, event } => {
                    self.version = to;
                    return Told::Event(event);
                }
                After::Nothing => {}
                // So much has happened since the client took the last event.
                After::Unknown => return Told::End(Reason::SlowReader),
            }
            tokio::select! {
                // There is a sender for as long as there is the hall.
                _ = self.changes.changed() => {}
                () = self.watching.called() => self.over = Instant::now(),
                () = sleep_until(self.over) => {}
            }
        }
    }
}

/// A little later than that: what ends at a moment is over then.
fn from_now(left: time::Duration) -> Instant {
    let left = Duration::try_from(left).unwrap_or_default();
    // Nothing that can be waited for is further away.
    Instant::now() + left.min(Duration::from_secs(86_400)) + Duration::from_millis(5)
}
