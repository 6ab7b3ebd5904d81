//! Event streams: what a client would otherwise ask for again and again is told as it happens.
//!
//! A stream is bound to no instance. It tells what is true now and then what changes, so whoever
//! comes back, here or elsewhere, misses nothing that still counts. Nothing is kept for a reader
//! who does not read: what was not told is not queued, and who falls behind too far is dropped.

mod event;
mod hall;
pub(crate) mod line;
mod open;
pub(crate) mod seats;
mod watch;

pub(crate) use event::event;
pub(crate) use hall::Halls;
pub(crate) use open::{Kind, OpenStream, Reason, StreamMetrics, Streams};
pub(crate) use watch::{Watchers, watch_gates, watch_insiders};

use crate::extract::Call;
use actix_web::{
    HttpResponse,
    http::{
        ConnectionType, Method, Version,
        header::{self, HeaderName, HeaderValue},
    },
    web::Bytes,
};
use futures_util::stream;
use serde_json::json;
use std::{convert::Infallible, future::Future, time::Duration};
use tokio::{
    sync::watch as signal,
    time::{Instant, sleep_until},
};

/// How long a stream is silent at the most. Longer silences would be ended by proxies, and a client
/// that has gone without a word is noticed when it is written to.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long after that a reader must have taken what was there.
const TOO_SLOW: Duration = Duration::from_secs(10);

/// For how long a stream goes on when storage does not answer. Others may be able to ask it: it may
/// be this instance alone that is cut off.
const OUT_OF_REACH: Duration = Duration::from_secs(5);

/// The `id` of an event after which nothing will come: who sends it back need not come again.
pub(crate) const THE_END: &str = "end";

/// Proxies that collect answers before they pass them on leave out those with this header.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is told on one stream.
pub(crate) trait Source {
    /// Waits for what is to be told next. Nothing is lost when the future is dropped.
    fn next(&mut self) -> impl Future<Output = Told>;
}

/// One step of a stream.
pub(crate) enum Told {
    /// An event, and there will be more.
    Event(Bytes),
    /// The last event.
    Last(Bytes, Reason),
    /// There is nothing more to tell, for a reason that is told.
    End(Reason),
}

/// The answer that is a stream. To a HEAD it is the head of one, and nothing is opened.
pub(crate) fn answer(call: &Call, source: impl Source + 'static, stream: OpenStream) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")))
        .insert_header((ACCEL_BUFFERING, HeaderValue::from_static("no")));
    if call.request().method() == Method::HEAD {
        return answer.finish();
    }
    let running = Running {
        closing: stream.closing(),
        source,
        stream,
        quiet_until: Instant::now() + HEARTBEAT,
        begun: false,
        ended: false,
    };
    let mut answer = answer.streaming(stream::unfold(running, Running::step));
    if call.request().version() < Version::HTTP_11 {
        // Clients of that time know no chunks: the body ends with the connection.
        let head = answer.head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    answer
}

struct Running<S> {
    source: S,
    stream: OpenStream,
    closing: signal::Receiver<bool>,
    /// When the next thing is told at the latest.
    quiet_until: Instant,
    begun: bool,
    ended: bool,
}

impl<S: Source> Running<S> {
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some((Ok(self.stream.begin()), self));
        }
        let told = tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => Some(Told::End(Reason::ShuttingDown)),
            told = self.source.next() => Some(told),
            () = sleep_until(self.quiet_until) => None,
        };
        // This goes on only when the reader has taken what was told before.
        let told = if self.quiet_until.elapsed() > TOO_SLOW {
            Some(Told::End(Reason::SlowReader))
        } else {
            told
        };
        self.quiet_until = Instant::now() + HEARTBEAT;
        let bytes = match told {
            None => Bytes::from_static(b":\n\n"),
            Some(Told::Event(bytes)) => bytes,
            Some(Told::Last(bytes, reason)) => self.end(reason, bytes),
            Some(Told::End(reason)) => self.end(reason, reason.told()),
        };
        Some((Ok(bytes), self))
    }

    fn end(&mut self, reason: Reason, last: Bytes) -> Bytes {
        self.ended = true;
        self.stream.ended(reason);
        last
    }
}

impl Reason {
    /// The last event of a stream that ends for this reason.
    fn told(self) -> Bytes {
        event("end", None::<&str>, &json!({ "reason": self.as_str() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontrow_domain::id::UserId;
    use open::StreamMetrics;
    use tokio::time::advance;

    /// Has something to tell every second.
    struct Ticker;

    impl Source for Ticker {
        async fn next(&mut self) -> Told {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Told::Event(Bytes::from_static(b"tick"))
        }
    }

    /// Has nothing to tell.
    struct Silence;

    impl Source for Silence {
        async fn next(&mut self) -> Told {
            std::future::pending().await
        }
    }

    fn running<S>(source: S) -> Running<S> {
        let streams = Streams::new(1, 1, StreamMetrics::default());
        let stream = streams.open(Kind::Line, UserId::mint()).unwrap();
        Running {
            closing: stream.closing(),
            source,
            stream,
            quiet_until: Instant::now() + HEARTBEAT,
            begun: true,
            ended: false,
        }
    }

    async fn next<S: Source>(running: Running<S>) -> (Bytes, Running<S>) {
        let (bytes, running) = running.step().await.unwrap();
        (bytes.unwrap(), running)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_with_nothing_to_tell_is_not_silent() {
        let begun = Instant::now();
        let (mut told, mut stream) = next(running(Silence)).await;
        for beats in 1..=3 {
            assert_eq!((&told[..], begun.elapsed()), (&b":\n\n"[..], HEARTBEAT * beats));
            (told, stream) = next(stream).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_who_does_not_read_is_dropped_and_told_why() {
        let (told, stream) = next(running(Ticker)).await;
        assert_eq!(told, "tick");
        advance(HEARTBEAT + TOO_SLOW - Duration::from_secs(2)).await;
        let (told, stream) = next(stream).await;
        assert_eq!(told, ":\n\n", "a little late is not too late");
        advance(HEARTBEAT + TOO_SLOW + Duration::from_secs(1)).await;
        let (told, stream) = next(stream).await;
        assert_eq!(told, "event: end\ndata: {\"reason\":\"slow_reader\"}\n\n");
        assert_eq!(stream.stream.reason(), Reason::SlowReader);
        assert!(stream.step().await.is_none());
    }
}
