//! Retry safety: the same key and body get the same answer, and at most one effect (SPEC §2).
//!
//! A record is stored in the transaction of the effect it belongs to. What it holds is the
//! verdict, not the rendered answer, so no credential is ever stored.

use crate::{
    catalog::{Concert, ScheduleCreated},
    clock::Timestamp,
    id::UserId,
    identity::User,
    payment::PaymentOutcome,
    policy::Policy,
    queue::{Joined, LetIn},
    seating::Held,
    wallet::Charged,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an `Idempotency-Key` comes to: a hash over the caller, the route and the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestKey(pub Uuid);

/// A hash over a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub Uuid);

/// Where a record lives and how it is found: the scope is the sharding key (the schedule for
/// booking calls, whose caller is a queue token; the caller for all others).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The sharding key.
    pub scope: Uuid,
    /// The hash of caller, route and key.
    pub key: RequestKey,
}

/// A request that carries an `Idempotency-Key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Finds the record.
    pub id: RecordId,
    /// Tells another body under the same key.
    pub fingerprint: Fingerprint,
}

impl Request {
    /// Stands for a request that came without a key: nobody else can name it, but the very same
    /// command, sent again, is found by the id of what it makes.
    #[must_use]
    pub fn without_key(scope: Uuid, made: Uuid) -> Self {
        let key = RequestKey(made);
        Self {
            id: RecordId { scope, key },
            fingerprint: Fingerprint(made),
        }
    }
}

/// An answer worth repeating: one whose transaction changed something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Recorded {
    /// A fan signed up.
    User(User),
    /// An access token was granted to this user.
    Access(UserId),
    /// A concert was created.
    Concert(Concert),
    /// A schedule was created.
    Schedule(Box<ScheduleCreated>),
    /// A queue token was issued, or the live one given again.
    Joined(Box<Joined>),
    /// A fan was let in out of turn, or was inside already.
    LetIn(Box<LetIn>),
    /// Seats were held.
    Held(Box<Held>),
    /// A reservation was paid, or the provider declined and the seats were released.
    Payment(Box<PaymentOutcome>),
    /// A wallet was charged.
    Charged(Box<Charged>),
}

/// A stored record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Finds it again.
    pub id: RecordId,
    /// The body it was made for.
    pub fingerprint: Fingerprint,
    /// How far the request has come.
    pub progress: Progress,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

/// How far a keyed request has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Someone is asking a payment provider.
    Pending {
        /// How the provider knows the request, the same at every attempt.
        reference: Uuid,
        /// How often the provider was asked.
        attempts: u32,
        /// From when on another instance may take over.
        lease_until: Timestamp,
    },
    /// Answered for good.
    Done(Recorded),
}

/// Why a keyed request gets no decision of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyRefusal {
    /// The key came with another body before.
    #[error("the key was used with another body")]
    KeyReused,
    /// The first request with this key has no answer yet.
    #[error("the first request with this key is still running")]
    InProgress,
}

/// What a record says about a request that arrives now.
#[derive(Debug, Clone, PartialEq)]
pub enum Screened {
    /// Never seen (or long ago): decide it.
    Fresh,
    /// An earlier attempt got no answer from the provider: ask again under its reference.
    TakenOver {
        /// How the provider knows the request.
        reference: Uuid,
        /// How often the provider was asked before.
        attempts: u32,
    },
    /// Answered before: repeat that.
    Done(Recorded),
}

/// Holds a request against the record of its key.
///
/// # Errors
/// See [`IdempotencyRefusal`]; another body outranks a running request.
pub fn screen(record: Option<&Record>, request: &Request, now: Timestamp) -> Result<Screened, IdempotencyRefusal> {
    let Some(record) = record.filter(|record| record.expires_at > now) else {
        return Ok(Screened::Fresh);
    };
    if record.fingerprint != request.fingerprint {
        return Err(IdempotencyRefusal::KeyReused);
    }
    match &record.progress {
        Progress::Done(recorded) => Ok(Screened::Done(recorded.clone())),
        Progress::Pending { lease_until, .. } if *lease_until > now => Err(IdempotencyRefusal::InProgress),
        Progress::Pending {
            reference, attempts, ..
        } => Ok(Screened::TakenOver {
            reference: *reference,
            attempts: *attempts,
        }),
    }
}

impl Record {
    /// The record of an answered request.
    #[must_use]
    pub fn done(request: &Request, recorded: Recorded, now: Timestamp) -> Self {
        Self::new(request, Progress::Done(recorded), now)
    }

    /// The record of a request that is asking its provider for the `attempts`-th time.
    #[must_use]
    pub fn pending(request: &Request, reference: Uuid, attempts: u32, now: Timestamp) -> Self {
        let lease_until = now + Policy::LEASE;
        Self::new(
            request,
            Progress::Pending {
                reference,
                attempts,
                lease_until,
            },
            now,
        )
    }

    fn new(request: &Request, progress: Progress, now: Timestamp) -> Self {
        Self {
            id: request.id,
            fingerprint: request.fingerprint,
            progress,
            expires_at: now + Policy::IDEMPOTENCY,
        }
    }
}
