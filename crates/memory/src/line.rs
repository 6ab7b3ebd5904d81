//! The queue tokens of one performance, and the gate they stand before.

use crate::tally::Tally;
use frontrow_domain::{
    clock::Timestamp,
    id::{TokenId, UserId},
    queue::{Gate, QueueToken, TokenState},
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Every token ever issued at a gate, with the indexes that keep polling cheap.
pub(crate) struct TokenLine {
    pub(crate) gate: Gate,
    pub(crate) issued: u64,
    /// The numbers of those who left out of turn, by departure.
    departures: BTreeMap<u64, u64>,
    tokens: BTreeMap<u64, QueueToken>,
    numbers: HashMap<TokenId, u64>,
    live: HashMap<UserId, u64>,
    waiting: Tally,
    active: u64,
    lapses: BTreeSet<(Timestamp, u64)>,
    /// Who was let in, by when.
    entries: BTreeSet<(Timestamp, u64)>,
}

impl TokenLine {
    pub(crate) fn new(gate: Gate) -> Self {
        Self {
            gate,
            issued: 0,
            departures: BTreeMap::new(),
            tokens: BTreeMap::new(),
            numbers: HashMap::new(),
            live: HashMap::new(),
            waiting: Tally::default(),
            active: 0,
            lapses: BTreeSet::new(),
            entries: BTreeSet::new(),
        }
    }

    pub(crate) fn token(&self, id: TokenId) -> Option<&QueueToken> {
        self.tokens.get(self.numbers.get(&id)?)
    }

    /// The fan's token whose stored state is live.
    pub(crate) fn live_token(&self, user: UserId) -> Option<&QueueToken> {
        self.tokens.get(self.live.get(&user)?)
    }

    /// How many fans wait ahead of a waiting token.
    pub(crate) fn ahead_of(&self, token: &QueueToken) -> Option<u64> {
        (token.state == TokenState::Waiting).then(|| self.waiting.ahead_of(token.number))
    }

    /// How many have left out of turn.
    pub(crate) fn departed(&self) -> u64 {
        self.departures.len() as u64
    }

    /// The numbers of those who did so after that many others, in that order.
    pub(crate) fn departures_after(&self, departed: u64) -> impl Iterator<Item = u64> {
        self.departures.range(departed + 1..).map(|(_, number)| *number)
    }

    /// How many tokens are stored as waiting.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.total()
    }

    /// How many tokens are stored as active.
    pub(crate) fn active(&self) -> u64 {
        self.active
    }

    /// Every token, by number.
    pub(crate) fn tokens(&self) -> impl DoubleEndedIterator<Item = &QueueToken> {
        self.tokens.values()
    }

    /// Tokens that have been admitted, the last one first.
    pub(crate) fn admitted(&self) -> impl Iterator<Item = (&QueueToken, Timestamp)> {
        let entries = self.entries.iter().rev();
        entries.filter_map(|(at, number)| Some((self.tokens.get(number)?, *at)))
    }

    /// How many fans were let in after this moment.
    pub(crate) fn admitted_since(&self, since: Timestamp) -> u64 {
        self.entries.range((since, u64::MAX)..).count() as u64
    }

    /// The first token that waits behind the gate's mark.
    pub(crate) fn next_waiting(&self) -> Option<&QueueToken> {
        let beyond = self.tokens.range(self.gate.admitted_number + 1..);
        beyond
            .map(|(_, token)| token)
            .find(|token| token.state == TokenState::Waiting)
    }

    /// At most `limit` tokens stored as live whose time is over.
    pub(crate) fn lapsed(&self, now: Timestamp, limit: usize) -> Vec<QueueToken> {
        let due = self.lapses.range(..=(now, u64::MAX)).take(limit);
        due.filter_map(|(_, number)| self.tokens.get(number).cloned()).collect()
    }

    /// Stores a token, new or changed.
    pub(crate) fn put(&mut self, token: QueueToken) {
        let number = token.number;
        self.numbers.insert(token.id, number);
        self.departures
            .extend(token.departure.map(|departure| (departure, number)));
        self.entries.extend(token.activated_at.map(|entered| (entered, number)));
        if let Some(old) = self.tokens.remove(&number) {
            self.unindex(&old);
        }
        match token.state {
            TokenState::Waiting => self.waiting.add(number),
            TokenState::Active => self.active += 1,
            TokenState::Completed | TokenState::Expired | TokenState::Left => {}
        }
        if token.state.is_live() {
            self.live.insert(token.user_id, number);
            self.lapses.insert((token.lapses_at, number));
        }
        self.tokens.insert(number, token);
    }

    fn unindex(&mut self, old: &QueueToken) {
        match old.state {
            TokenState::Waiting => self.waiting.remove(old.number),
            TokenState::Active => self.active -= 1,
            TokenState::Completed | TokenState::Expired | TokenState::Left => {}
        }
        self.lapses.remove(&(old.lapses_at, old.number));
        if self.live.get(&old.user_id) == Some(&old.number) {
            self.live.remove(&old.user_id);
        }
    }
}
