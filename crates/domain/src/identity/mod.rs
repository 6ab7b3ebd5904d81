//! Who is calling: fans, operators, and for whom a call acts.

pub mod port;

use crate::{
    clock::Timestamp,
    decision::{Decide, Needs, WorkingSet},
    id::{OperatorKeyId, UserId},
    idempotency::{IdempotencyRefusal, Recorded, Request, Screened},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A fan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Identifies the fan.
    pub id: UserId,
    /// What the fan is called, 1 to 100 characters.
    pub name: String,
    /// When the fan signed up.
    pub created_at: Timestamp,
}

/// What an operator key may do (SPEC §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Create users and their access tokens.
    UsersWrite,
    /// Create concerts and schedules.
    CatalogWrite,
    /// Read and change gates.
    QueueWrite,
    /// Read the figures of a schedule.
    StatsRead,
    /// Run the audit.
    AuditRead,
    /// Act for a fan in bookings, payments and wallets.
    BookingOnBehalf,
}

impl Scope {
    /// Every scope there is.
    pub const ALL: [Scope; 6] = [
        Scope::UsersWrite,
        Scope::CatalogWrite,
        Scope::QueueWrite,
        Scope::StatsRead,
        Scope::AuditRead,
        Scope::BookingOnBehalf,
    ];

    /// The scope's name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scope::UsersWrite => "users:write",
            Scope::CatalogWrite => "catalog:write",
            Scope::QueueWrite => "queue:write",
            Scope::StatsRead => "stats:read",
            Scope::AuditRead => "audit:read",
            Scope::BookingOnBehalf => "booking:on-behalf",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A scope that does not exist was named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no scope {0:?}; the scopes are users:write, catalog:write, queue:write, stats:read, audit:read, booking:on-behalf"
)]
pub struct UnknownScope(pub String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == text)
            .ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// An operator's key as it is stored: its secret only as a hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorKey {
    /// Identifies the key.
    pub id: OperatorKeyId,
    /// What the operator calls it.
    pub name: String,
    /// SHA-256 of the whole key.
    pub hash: [u8; 32],
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// Whose authority a call carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// A fan, known by an access token.
    Fan(UserId),
    /// An operator with [`Scope::BookingOnBehalf`].
    OnBehalf,
}

/// Why a call may not act for the user it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActingRefusal {
    /// A fan named another user, whether that one exists or not.
    #[error("the user named is not the caller")]
    UserMismatch,
    /// There is no such user.
    #[error("there is no such user")]
    InvalidUser,
}

impl Actor {
    /// The user this call acts for: a fan only for itself; an operator for the user named, else
    /// for `otherwise` (SPEC §2).
    ///
    /// # Errors
    /// See [`ActingRefusal`].
    pub fn acts_for(
        self,
        named: Option<UserId>,
        otherwise: Option<UserId>,
        exists: impl Fn(UserId) -> bool,
    ) -> Result<UserId, ActingRefusal> {
        let user = match self {
            Actor::Fan(own) if named.is_none_or(|named| named == own) => Some(own),
            Actor::Fan(_) => return Err(ActingRefusal::UserMismatch),
            Actor::OnBehalf => named.or(otherwise),
        };
        user.filter(|user| exists(*user)).ok_or(ActingRefusal::InvalidUser)
    }

    /// Whether this call may touch what belongs to `owner`.
    #[must_use]
    pub fn may_touch(self, owner: UserId) -> bool {
        match self {
            Actor::Fan(own) => own == owner,
            Actor::OnBehalf => true,
        }
    }
}

/// Signs a fan up (`POST /v1/users`).
#[derive(Debug, Clone)]
pub struct RegisterUser {
    /// The caller's `Idempotency-Key`, if one was sent with a credential.
    pub request: Option<Request>,
    /// The id the fan will have.
    pub user_id: UserId,
    /// 1 to 100 characters.
    pub name: String,
}

/// Why a sign-up was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// The name is not 1 to 100 characters long.
    #[error("a name has 1 to 100 characters")]
    InvalidName,
}

impl Decide for RegisterUser {
    type Verdict = Result<User, RegisterRefusal>;

    fn shard(&self) -> uuid::Uuid {
        self.user_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(self.request.as_ref());
        needs.users.insert(self.user_id);
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match rows.screen(self.request.as_ref(), now)? {
            Screened::Done(Recorded::User(user)) => return Ok(user),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        if let Some(made_before) = rows.users.get(&self.user_id) {
            return Ok(made_before.clone());
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > 100 {
            return Err(RegisterRefusal::InvalidName);
        }
        let user = User {
            id: self.user_id,
            name: name.to_owned(),
            created_at: now,
        };
        rows.users.insert(user.id, user.clone());
        rows.remember(self.request.as_ref(), Recorded::User(user.clone()), now);
        Ok(user)
    }
}

/// Grants a fan a new access token (`POST /v1/users/{user_id}/access-tokens`). The token itself
/// is signed outside; nothing of it is stored.
#[derive(Debug, Clone)]
pub struct GrantAccess {
    /// The caller's `Idempotency-Key`, if one was sent.
    pub request: Option<Request>,
    /// For whom the token is.
    pub user_id: UserId,
}

/// Why an access token was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    /// The `Idempotency-Key` stands in the way.
    #[error(transparent)]
    Idempotency(#[from] IdempotencyRefusal),
    /// There is no such user.
    #[error("there is no such user")]
    InvalidUser,
}

impl Decide for GrantAccess {
    type Verdict = Result<UserId, GrantRefusal>;

    fn shard(&self) -> uuid::Uuid {
        self.user_id.0
    }

    fn needs(&self, needs: &mut Needs) {
        needs.request(self.request.as_ref());
        needs.users.insert(self.user_id);
    }

    fn decide(&self, rows: &mut WorkingSet, now: Timestamp) -> Self::Verdict {
        match rows.screen(self.request.as_ref(), now)? {
            Screened::Done(Recorded::Access(user)) => return Ok(user),
            Screened::Done(_) => return Err(IdempotencyRefusal::KeyReused.into()),
            Screened::Fresh | Screened::TakenOver { .. } => {}
        }
        if rows.users.get(&self.user_id).is_none() {
            return Err(GrantRefusal::InvalidUser);
        }
        rows.remember(self.request.as_ref(), Recorded::Access(self.user_id), now);
        Ok(self.user_id)
    }
}
