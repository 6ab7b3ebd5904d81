//! Event streams, as any client of server-sent events reads them.

use crate::Call;
use serde_json::Value;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What a client comes back with.
    pub id: Option<String>,
    /// What kind of event.
    pub name: String,
    /// What it says.
    pub data: Value,
}

/// A stream that is open. It ends when it is dropped.
#[derive(Debug)]
pub struct Events {
    answer: reqwest::Response,
    unread: Vec<u8>,
    shown: String,
}

impl Events {
    /// The stream that a call is answered with.
    ///
    /// # Panics
    ///
    /// When the answer is no stream.
    pub(crate) async fn of(answer: reqwest::Response, shown: String) -> Self {
        let status = answer.status();
        let kind = answer.headers().get("content-type").cloned();
        if status != 200 || kind.is_none_or(|kind| kind != "text/event-stream") {
            let body = answer.text().await.unwrap_or_default();
            panic!("no stream: {status}\n{shown}\n{body}");
        }
        let unread = Vec::new();
        Self { answer, unread, shown }
    }

    /// The next event; `None` when the stream has ended, or broken off.
    ///
    /// # Panics
    ///
    /// When it is no event as the standard has it.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.unread.windows(2).position(|two| two == b"\n\n");
            if let Some(end) = end {
                let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                let block = String::from_utf8(block).expect("an event in UTF-8");
                match Event::parse(&block) {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let chunk = self.answer.chunk().await.ok()??;
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// The next event for which this holds; the others before it are passed over.
    ///
    /// # Panics
    ///
    /// When the stream ends before.
    pub async fn until(&mut self, is: impl Fn(&Event) -> bool) -> Event {
        let mut passed = Vec::new();
        while let Some(event) = self.next().await {
            if is(&event) {
                return event;
            }
            passed.push(event);
        }
        panic!("the stream has ended\n{}\n{passed:#?}", self.shown);
    }

    /// The next event, which has this name.
    ///
    /// # Panics
    ///
    /// When it is another one, or none.
    pub async fn expect(&mut self, name: &str) -> Event {
        let event = self.next().await;
        match event {
            Some(event) if event.name == name => event,
            other => panic!("not {name}: {other:?}\n{}", self.shown),
        }
    }

    /// There is nothing more.
    ///
    /// # Panics
    ///
    /// When there is.
    pub async fn ends(mut self) {
        let more = self.next().await;
        assert_eq!(more, None, "{}", self.shown);
    }
}

impl Event {
    /// The event of a block of lines; comments and what clients are told about coming back are none.
    fn parse(block: &str) -> Option<Self> {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ")?;
        Some(Self {
            id: field("id: ").map(str::to_owned),
            name: field("event: ").expect("every event has a name").to_owned(),
            data: serde_json::from_str(data).expect("data in JSON"),
        })
    }
}

impl Call {
    /// Sends it, and reads the answer as it comes.
    ///
    /// # Panics
    ///
    /// When the answer is no stream.
    pub async fn events(self) -> Events {
        let shown = self.to_string();
        let sent = self.begin().await;
        Events::of(sent.expect("an answer"), shown).await
    }
}
