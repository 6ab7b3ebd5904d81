//! What is left behind the gates, read less often than their lines: it means looking at seats.

use super::{GateViews, watched::Watched};
use crate::{
    id::ScheduleId,
    outcome::StoreError,
    queue::Outlook,
    seating::port::{Stock, StockState},
};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// How old a stock gets before it is read anew.
const READ_EVERY: Duration = Duration::from_millis(400);

/// The same once every seat is sold. Then all of them have to be looked at, and what is sold does
/// not come back by itself.
const SOLD_OUT_READ_EVERY: Duration = Duration::from_secs(5);

/// How long a stock that should have been read anew is believed.
const GRACE: Duration = Duration::from_secs(2);

/// The stock behind so many gates is read at once.
const AT_ONCE: usize = 16;

/// The last that was read of a performance's stock.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    latest: Option<(Stock, Instant)>,
    reading: bool,
}

impl Shelf {
    /// What follows from it now; `None` when it is too old to tell.
    pub(super) fn outlook(&self) -> Option<Outlook> {
        let (stock, read_at) = self.latest?;
        let age = read_at.elapsed();
        (age < read_every(&stock) + GRACE).then(|| Outlook::of(&stock, stock.as_of + age))
    }

    fn is_due(&self) -> bool {
        self.latest.is_none_or(|(stock, read_at)| {
            let age = read_at.elapsed();
            // Nobody knows yet whether a hold that has ended was paid before that.
            let hold_has_ended = matches!(stock.state, StockState::Held { .. })
                && Outlook::of(&stock, stock.as_of + age) == Outlook::Open;
            hold_has_ended || age >= read_every(&stock)
        })
    }

    fn put(&mut self, stock: Stock, read_at: Instant) {
        if self.latest.is_none_or(|(latest, _)| latest.as_of <= stock.as_of) {
            self.latest = Some((stock, read_at));
        }
    }
}

fn read_every(stock: &Stock) -> Duration {
    match stock.state {
        StockState::Free | StockState::Held { .. } => READ_EVERY,
        StockState::SoldOut => SOLD_OUT_READ_EVERY,
    }
}

impl GateViews {
    /// Reads the stock behind all gates where that is due. It may take long where nearly everything
    /// is sold, so the views' own refresh does not wait for it.
    ///
    /// # Errors
    /// When storage cannot answer; what was known before stays.
    pub async fn refresh_stock(&self) -> Result<(), StoreError> {
        let mut read = Ok(());
        for gates in self.known().chunks(AT_ONCE) {
            // One house that takes too long does not keep the others from being known.
            read = read.and(self.read_stock(gates).await);
        }
        read
    }

    /// Reads the stock behind these gates where that is due and nobody is at it.
    pub(super) async fn read_stock(&self, gates: &[Arc<Watched>]) -> Result<(), StoreError> {
        let turns: Vec<_> = gates.iter().filter_map(|gate| gate.turn_to_count()).collect();
        if turns.is_empty() {
            return Ok(());
        }
        let read_at = Instant::now();
        let gates: HashMap<ScheduleId, &Watched> = turns.iter().map(|turn| (turn.0.schedule.id, turn.0)).collect();
        for stock in self.seating.stock(gates.keys().copied().collect()).await? {
            if let Some(gate) = gates.get(&stock.schedule_id) {
                gate.state().stock.put(stock, read_at);
            }
        }
        Ok(())
    }
}

impl Watched {
    /// Leave to read the stock, when that is due and nobody has it.
    pub(super) fn turn_to_count(&self) -> Option<CountTurn<'_>> {
        let mut state = self.state();
        if state.stock.reading || !state.stock.is_due() {
            return None;
        }
        state.stock.reading = true;
        Some(CountTurn(self))
    }
}

/// Somebody's leave to read the stock behind a gate.
pub(super) struct CountTurn<'g>(&'g Watched);

impl Drop for CountTurn<'_> {
    fn drop(&mut self) {
        self.0.state().stock.reading = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use time::macros::datetime;

    const NOW: Timestamp = datetime!(2026-12-01 20:00 UTC);

    fn shelf(state: StockState, age: Duration) -> Shelf {
        let stock = Stock {
            schedule_id: ScheduleId::mint(),
            state,
            as_of: NOW,
        };
        Shelf {
            latest: Instant::now().checked_sub(age).map(|read_at| (stock, read_at)),
            reading: false,
        }
    }

    fn held(millis: i64) -> StockState {
        StockState::Held {
            until: NOW + time::Duration::milliseconds(millis),
        }
    }

    #[test]
    fn a_stock_is_read_anew_in_time_and_sooner_when_a_hold_ends() {
        assert!(Shelf::default().is_due());
        let due = |state, millis| shelf(state, Duration::from_millis(millis)).is_due();
        assert!(!due(StockState::Free, 100) && due(StockState::Free, 400));
        assert!(!due(held(60_000), 100) && due(held(60_000), 400));
        assert!(due(held(50), 100), "it may have been paid");
        assert!(!due(StockState::SoldOut, 1_000) && due(StockState::SoldOut, 5_000));
    }

    #[test]
    fn a_stock_that_nobody_could_read_lately_tells_nothing() {
        assert_eq!(Shelf::default().outlook(), None);
        let told = |state, seconds| shelf(state, Duration::from_secs(seconds)).outlook();
        assert_eq!(told(StockState::Free, 2), Some(Outlook::Open));
        assert_eq!(told(StockState::Free, 3), None);
        assert_eq!(told(StockState::SoldOut, 6), Some(Outlook::SoldOut));
        assert_eq!(told(StockState::SoldOut, 7), None);
        assert_eq!(told(held(1_000), 2), Some(Outlook::Open));
    }

    #[test]
    fn an_older_stock_never_replaces_a_newer_one() {
        let mut shelf = shelf(StockState::SoldOut, Duration::ZERO);
        let (sold_out, read_at) = shelf.latest.unwrap();
        let older = Stock {
            state: StockState::Free,
            as_of: NOW - time::Duration::MILLISECOND,
            ..sold_out
        };
        shelf.put(older, read_at);
        assert_eq!(shelf.outlook(), Some(Outlook::SoldOut));
    }
}
