//! Who is calling: the first check of every route.

use super::Call;
use crate::{
    code::Code,
    credentials,
    limits::{LimitedCaller, Rule},
    problem::Problem,
};
use actix_web::http::header::{self, HeaderName};
use frontrow_domain::{
    id::{OperatorKeyId, UserId},
    identity::{Actor, Scope},
    queue::{Ticket, TokenRef},
};
use std::{
    borrow::Cow,
    net::{IpAddr, Ipv4Addr},
};
use uuid::Uuid;

/// The header with a fan's place in line.
const QUEUE_TOKEN: HeaderName = HeaderName::from_static("queue-token");

/// The header in which clients say how much of a stream they have seen.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The header in which proxies say for whom they call.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whose credential a call carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A fan, known by an access token.
    Fan(UserId),
    /// An operator, known by a key.
    Operator(OperatorKeyId, Vec<Scope>),
}

/// A caller with a place in line.
pub(crate) struct Booker {
    /// Whose authority the call carries.
    pub(crate) actor: Actor,
    /// The place in line.
    pub(crate) token: TokenRef,
}

impl Booker {
    /// The user whose token it has to be, unless an operator acts for whoever's it is.
    pub(crate) fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::Fan(user) => Some(user),
            Actor::OnBehalf => None,
        }
    }
}

impl Caller {
    /// Whether an operator with this scope is calling.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        match self {
            Caller::Fan(_) => false,
            Caller::Operator(_, scopes) => scopes.contains(&scope),
        }
    }

    /// Refuses everybody but an operator with this scope.
    pub(crate) fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.has(scope) {
            return Ok(());
        }
        let detail = match self {
            Caller::Fan(_) => "this is for operators".to_owned(),
            Caller::Operator(..) => format!("the operator key lacks the scope {scope}"),
        };
        Err(Problem::new(Code::Forbidden, detail))
    }

    /// The authority to act in what belongs to fans.
    pub(crate) fn acting(&self) -> Result<Actor, Problem> {
        match self {
            Caller::Fan(user) => Ok(Actor::Fan(*user)),
            Caller::Operator(..) => self.require(Scope::BookingOnBehalf).map(|()| Actor::OnBehalf),
        }
    }
}

impl Call {
    /// Who is calling.
    pub(crate) async fn caller(&self) -> Result<Caller, Problem> {
        let unknown = || Problem::invalid_token("the access token or operator key");
        let bearer = self.bearer().ok_or_else(unknown)?;
        if let Some(user) = self.api().signer.read_access_token(bearer, self.api().clock.now()) {
            return Ok(Caller::Fan(user));
        }
        if self
            .api()
            .operator_key
            .is_some_and(|key| credentials::is_key(bearer, &key))
        {
            return Ok(Caller::Operator(OperatorKeyId(Uuid::nil()), Scope::ALL.to_vec()));
        }
        let hash = credentials::lookup_hash(bearer).ok_or_else(unknown)?;
        let key = self
            .desk
            .read(|api| async move { api.storage.identities.operator_key(hash).await });
        match key.await? {
            Some(key) if key.revoked_at.is_none() => Ok(Caller::Operator(key.id, key.scopes)),
            Some(_) | None => Err(unknown()),
        }
    }

    /// Whether the call carries any bearer credential at all, good or bad.
    pub(crate) fn is_anonymous(&self) -> bool {
        !self.request.headers().contains_key(header::AUTHORIZATION)
    }

    /// An operator with this scope.
    pub(crate) async fn operator(&self, scope: Scope) -> Result<Caller, Problem> {
        let caller = self.caller().await?;
        caller.require(scope)?;
        Ok(caller)
    }

    /// A fan, or an operator who may act for fans.
    pub(crate) async fn fan(&self, rule: Rule) -> Result<(Caller, Actor), Problem> {
        let caller = self.caller().await?;
        let actor = caller.acting()?;
        self.limit(rule, &caller)?;
        Ok((caller, actor))
    }

    /// A fan, or an operator who may act for fans, with a place in line. Whether that place lets
    /// the call in is decided with the row's own checks.
    pub(crate) async fn booker(&self, rule: Rule) -> Result<Booker, Problem> {
        let caller = self.caller().await?;
        let actor = caller.acting()?;
        let token = self.ticket()?.token;
        self.limit(rule, &caller)?;
        Ok(Booker { actor, token })
    }

    /// A genuine place in line, whoever shows it.
    pub(crate) fn ticket(&self) -> Result<Ticket, Problem> {
        let text = self.single_header(&QUEUE_TOKEN);
        text.and_then(|text| self.api().signer.read_queue_token(text))
            .ok_or_else(|| Problem::invalid_token("the Queue-Token"))
    }

    /// The last event of a stream that the client has seen.
    pub(crate) fn last_event_id(&self) -> Option<Cow<'_, str>> {
        let seen = self.request.headers().get(&LAST_EVENT_ID)?;
        Some(String::from_utf8_lossy(seen.as_bytes()))
    }

    /// Counts the call for its caller. Operators are not limited.
    pub(crate) fn limit(&self, rule: Rule, caller: &Caller) -> Result<(), Problem> {
        match caller {
            Caller::Fan(user) => self.limit_user(rule, *user),
            Caller::Operator(..) => Ok(()),
        }
    }

    /// Counts the call for a user.
    pub(crate) fn limit_user(&self, rule: Rule, user: UserId) -> Result<(), Problem> {
        self.api().limits.check(rule, LimitedCaller::User(user))
    }

    /// Counts the call for the address it comes from.
    pub(crate) fn limit_address(&self, rule: Rule) -> Result<(), Problem> {
        self.api().limits.check(rule, LimitedCaller::at(self.client_address()))
    }

    fn client_address(&self) -> IpAddr {
        let peer = self.request.peer_addr();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
        let headers = self.request.headers().get_all(FORWARDED_FOR);
        let hops: Vec<&str> = headers
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(','))
            .collect();
        self.api().settings.trusted_proxies.client(peer, hops.into_iter())
    }

    fn bearer(&self) -> Option<&str> {
        let (scheme, credential) = self.single_header(&header::AUTHORIZATION)?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| credential.trim_start_matches(' '))
    }

    /// The header's text; a header sent twice could mean either, and so counts as missing.
    pub(super) fn single_header(&self, name: &HeaderName) -> Option<&str> {
        let mut values = self.request.headers().get_all(name);
        let value = values.next().filter(|_| values.next().is_none())?;
        value.to_str().ok()
    }
}
