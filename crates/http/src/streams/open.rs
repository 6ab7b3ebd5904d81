//! Which streams are open: how many there may be, and when they all have to end.

use super::event::come_back_after;
use crate::{code::Code, lock::lock, problem::Problem};
use actix_web::web::Bytes;
use frontrow_domain::id::UserId;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::watch as signal;

/// Clients that lose their stream come back after this time, and up to three times as long, so that
/// those of an instance that stops do not come back all at once.
const COME_BACK_MILLIS: u64 = 1_000;

/// After this time it makes sense to ask again for a stream.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// What a stream is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// A place in line.
    Line,
    /// The seats of a performance.
    Seats,
}

/// Why a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// The client has gone.
    Gone,
    /// The place in line has come to its end.
    TokenEnded,
    /// Booking has closed.
    BookingClosed,
    /// The client did not read.
    SlowReader,
    /// This instance cannot ask storage; perhaps others can.
    StorageUnavailable,
    /// The instance stops; others go on.
    ShuttingDown,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Line, Self::Seats];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Line => "line",
            Kind::Seats => "seats",
        }
    }
}

impl Reason {
    const ALL: [Self; 6] = [
        Self::Gone,
        Self::TokenEnded,
        Self::BookingClosed,
        Self::SlowReader,
        Self::StorageUnavailable,
        Self::ShuttingDown,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reason::Gone => "gone",
            Reason::TokenEnded => "token_ended",
            Reason::BookingClosed => "booking_closed",
            Reason::SlowReader => "slow_reader",
            Reason::StorageUnavailable => "storage_unavailable",
            Reason::ShuttingDown => "shutting_down",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    reason: &'static str,
}

/// What is counted of streams. Clones count into the same numbers.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamMetrics {
    open: Family<OfKind, Gauge>,
    ended: Family<Ended, Counter>,
}

impl StreamMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "frontrow_streams_open",
            "Event streams that are open",
            metrics.open.clone(),
        );
        let ended = "Event streams that have ended, by what ended them";
        registry.register("frontrow_streams_ended", ended, metrics.ended.clone());
        // Shown from the start: what has not happened yet is 0.
        for kind in Kind::ALL {
            metrics.open.get_or_create(&OfKind { kind: kind.as_str() }).set(0);
            for reason in Reason::ALL {
                let (kind, reason) = (kind.as_str(), reason.as_str());
                metrics.ended.get_or_create(&Ended { kind, reason }).inc_by(0);
            }
        }
        metrics
    }
}

/// The streams of one process.
pub(crate) struct Streams {
    most: usize,
    most_per_caller: usize,
    open: Mutex<Open>,
    closing: signal::Sender<bool>,
    metrics: StreamMetrics,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_caller: HashMap<UserId, usize>,
}

impl Streams {
    pub(crate) fn new(most: usize, most_per_caller: usize, metrics: StreamMetrics) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_caller,
            open: Mutex::default(),
            closing: signal::Sender::new(false),
            metrics,
        })
    }

    /// Counts a stream in.
    ///
    /// # Errors
    /// `rate_limited` when the caller has too many, `overloaded` when there are too many in all, or
    /// the instance stops.
    pub(crate) fn open(self: &Arc<Self>, kind: Kind, caller: UserId) -> Result<OpenStream, Problem> {
        if *self.closing.borrow() {
            let stops = "this instance stops; another one answers";
            return Err(Problem::new(Code::Overloaded, stops));
        }
        let mut open = self.lock();
        if open.total >= self.most {
            let full = "there are too many event streams; asking again and again still works";
            return Err(Problem::new(Code::Overloaded, full).retry_after(ASK_AGAIN));
        }
        let own = open.by_caller.get(&caller).copied().unwrap_or_default();
        if own >= self.most_per_caller {
            let full = format!("these are more than {} event streams at once", self.most_per_caller);
            return Err(Problem::new(Code::RateLimited, full).retry_after(ASK_AGAIN));
        }
        open.by_caller.insert(caller, own + 1);
        open.total += 1;
        Ok(OpenStream {
            streams: self.clone(),
            kind,
            caller,
            begun: false,
            reason: Reason::Gone,
        })
    }

    /// Ends all streams, and lets nobody open any more.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        lock(&self.open)
    }
}

/// A stream that counts as open until this is dropped.
pub(crate) struct OpenStream {
    streams: Arc<Streams>,
    kind: Kind,
    caller: UserId,
    /// Whether the client has been told anything.
    begun: bool,
    reason: Reason,
}

impl OpenStream {
    /// Becomes true when the stream has to end.
    pub(super) fn closing(&self) -> signal::Receiver<bool> {
        self.streams.closing.subscribe()
    }

    /// What is told first of all. From here on it is seen as open.
    pub(super) fn begin(&mut self) -> Bytes {
        self.begun = true;
        let kind = self.kind.as_str();
        self.streams.metrics.open.get_or_create(&OfKind { kind }).inc();
        let share = self.caller.0.as_u128() & 0x7FF;
        come_back_after(COME_BACK_MILLIS + u64::try_from(share).unwrap_or(0))
    }

    #[cfg(test)]
    pub(super) fn reason(&self) -> Reason {
        self.reason
    }

    /// Says what ended it.
    pub(super) fn ended(&mut self, reason: Reason) {
        self.reason = reason;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        open.total -= 1;
        if let Some(own) = open.by_caller.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                open.by_caller.remove(&self.caller);
            }
        }
        drop(open);
        if !self.begun {
            return;
        }
        let (kind, reason) = (self.kind.as_str(), self.reason.as_str());
        let metrics = &self.streams.metrics;
        metrics.open.get_or_create(&OfKind { kind }).dec();
        metrics.ended.get_or_create(&Ended { kind, reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> Arc<Streams> {
        Streams::new(3, 2, StreamMetrics::default())
    }

    fn refusal(streams: &Arc<Streams>, caller: UserId) -> Option<Code> {
        streams.open(Kind::Line, caller).err().map(|problem| problem.code)
    }

    #[test]
    fn a_caller_and_all_callers_have_only_so_many() {
        let (streams, mina, jun) = (streams(), UserId::mint(), UserId::mint());
        let first = streams.open(Kind::Line, mina);
        let second = streams.open(Kind::Seats, mina);
        assert_eq!(refusal(&streams, mina), Some(Code::RateLimited));
        let third = streams.open(Kind::Line, jun);
        assert!(first.is_ok() && second.is_ok() && third.is_ok());
        assert_eq!(refusal(&streams, jun), Some(Code::Overloaded));
        drop(first);
        assert_eq!(refusal(&streams, mina), None, "one has ended");
        drop((second, third));
        let open = streams.lock();
        assert_eq!((open.total, open.by_caller.len()), (0, 0), "nothing is left behind");
    }

    #[test]
    fn nobody_opens_a_stream_where_all_are_ended() {
        let (streams, mina) = (streams(), UserId::mint());
        let open = streams.open(Kind::Line, mina).map(|open| open.closing());
        assert!(open.is_ok_and(|closing| !*closing.borrow()));
        streams.close();
        assert_eq!(refusal(&streams, mina), Some(Code::Overloaded));
    }
}
