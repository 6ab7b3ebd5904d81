//! `frontrow demo`: a server for a first look, with everything that takes printed.

use crate::{
    commands::serve::Running,
    failure::Failure,
    output::say,
    settings::{ProviderKind, Settings},
    shutdown::Signals,
};
use frontrow_domain::{
    catalog::{CreateConcert, CreateSchedule, Programme, Schedule, SeatBlock, SeatLayout},
    clock::{Clock as _, SystemClock, Timestamp},
    decision::decide_one,
    id::{ConcertId, ScheduleId},
    money::Currency,
    outcome::StoreError,
    page::PageRequest,
    queue::GateSettings,
    storage::Storage,
};
use frontrow_http::OperatorSecret;
use std::{net::SocketAddr, sync::Arc};
use time::{Duration, OffsetDateTime, macros::offset, macros::time};

/// How far in the future the sample's two performances are.
const DAYS_AHEAD: [i64; 2] = [30, 31];

/// Serves with the demo's defaults, a sample concert, and an operator key.
///
/// # Errors
/// Whatever is in the way of a start, in one line.
pub async fn demo(mut settings: Settings) -> Result<(), Failure> {
    settings.check_serving()?;
    let signals = Signals::take().map_err(|error| Failure::Runtime(format!("no signals: {error}")))?;
    let own_key = match &settings.operator_key {
        Some(_) => None,
        None => Some(OperatorSecret::generate()),
    };
    if let Some(key) = &own_key {
        settings.operator_key = Some(key.expose().into());
    }
    let running = Running::start(&settings).await?;
    let on_sale = sample(running.storage(), settings.policy.currency).await?;
    let key = own_key.as_ref().map(OperatorSecret::expose);
    say(&first_look(&settings, running.address(), key, on_sale.as_deref()))?;
    running.announce()?;
    running.until_stopped(signals).await
}

/// A performance that can be booked now; of a sample concert, which is put on the list when there is none.
async fn sample(storage: &Storage, currency: Currency) -> Result<Option<Arc<Schedule>>, Failure> {
    let now = SystemClock.now();
    let open = bookable(storage, now).await?;
    if open.is_some() {
        return Ok(open);
    }
    put_on_sale(storage, currency, now).await?;
    Ok(bookable(storage, SystemClock.now()).await?)
}

async fn bookable(storage: &Storage, now: Timestamp) -> Result<Option<Arc<Schedule>>, StoreError> {
    let concerts = programmes(storage).await?;
    let mut schedules = concerts.into_iter().flat_map(|programme| programme.schedules);
    Ok(schedules.find(|schedule| schedule.is_open_for_booking(now)))
}

async fn programmes(storage: &Storage) -> Result<Vec<Programme>, StoreError> {
    let newest = PageRequest {
        limit: 100,
        before: None,
    };
    Ok(storage.catalog.programmes(newest).await?.items)
}

async fn put_on_sale(storage: &Storage, currency: Currency, now: Timestamp) -> Result<(), Failure> {
    let refused = |why: &dyn std::fmt::Display| Failure::Runtime(format!("the sample concert: {why}"));
    let concert = CreateConcert {
        request: None,
        concert_id: ConcertId::mint(),
        title: "Frontrow Live".to_owned(),
        venue: "Olympic Hall, Seoul".to_owned(),
    };
    let concert = decide_one(&*storage.decisions, concert).await?;
    let concert = concert.map_err(|refusal| refused(&refusal))?;
    for days in DAYS_AHEAD {
        let evening = evening_in_seoul(now, days);
        let schedule = CreateSchedule {
            request: None,
            schedule_id: ScheduleId::mint(),
            concert_id: concert.id,
            starts_at: evening,
            booking_opens_at: now,
            booking_closes_at: evening - Duration::HOUR,
            layout: hall(currency).ok_or_else(|| refused(&"its prices do not fit the currency"))?,
            gate: GateSettings::default(),
        };
        let created = decide_one(&*storage.decisions, schedule).await?;
        created.map_err(|refusal| refused(&refusal))?;
    }
    Ok(())
}

fn evening_in_seoul(now: Timestamp, days: i64) -> OffsetDateTime {
    let there = now.to_offset(offset!(+9)) + Duration::days(days);
    there.replace_time(time!(19:00))
}

/// Three blocks, one behind the other.
fn hall(currency: Currency) -> Option<SeatLayout> {
    let block = |name: &str, rows, price: i64| {
        Some(SeatBlock {
            section: Some(name.to_owned()),
            rows,
            seats_per_row: 20,
            price: currency.from_decimal(price.into())?,
        })
    };
    let blocks = [block("R", 5, 154_000), block("S", 10, 132_000), block("A", 15, 99_000)];
    blocks.into_iter().collect::<Option<Vec<_>>>().map(SeatLayout)
}

/// What a first look needs, ready to be pasted.
fn first_look(settings: &Settings, address: SocketAddr, key: Option<&str>, on_sale: Option<&Schedule>) -> String {
    let base = format!("http://{address}");
    let mut text = format!(
        "frontrow demo: sign-up is {}, payments are {}; not for a real sale\n\n  \
         API           {base}/v1/concerts\n  \
         documentation {base}/docs\n",
        if settings.open_signup { "open" } else { "closed" },
        match settings.payments {
            ProviderKind::None => "without a provider",
            ProviderKind::Simulated => "simulated",
        },
    );
    if let Some(key) = key {
        text += &format!("  operator key  {key}   (every scope, until this server stops)\n");
    }
    match on_sale {
        None => text += "\nNo performance is open for booking. The operator key puts one on sale.\n\n",
        Some(schedule) => {
            let (concert, date) = (schedule.concert_id, schedule.date);
            text += &format!("  concert       {concert}\n  date          {date}\n\n");
            text += "A booking from sign-up to seats, to paste into a second terminal:\n\n";
            text += &include_str!("walk.sh")
                .replace("{base}", &base)
                .replace("{concert}", &concert.to_string())
                .replace("{date}", &date.to_string());
            text += "\n";
        }
    }
    text
}
