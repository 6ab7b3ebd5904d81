//! What a caller has to show, as the document says it.

use crate::code::Code;
use frontrow_domain::identity::Scope;
use serde_json::{Value, json};

/// What a caller has to show.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    /// Nothing.
    None,
    /// Nothing where sign-up is open, else an operator key.
    SignUp,
    /// An operator key with this scope.
    Operator(Scope),
    /// An access token, or an operator key with this scope.
    Fan(Scope),
    /// The same, and a queue token.
    Booker,
    /// A queue token.
    QueueToken,
}

impl Credential {
    /// The three kinds of credentials.
    pub(super) fn schemes() -> Value {
        json!({
            "accessToken": {
                "type": "http",
                "scheme": "bearer",
                "description": "Says which fan is calling; from `POST /v1/users`.",
            },
            "operatorKey": {
                "type": "http",
                "scheme": "bearer",
                "description": "Says which operator is calling, and with which scopes; made by `frontrow keys create`.",
            },
            "queueToken": {
                "type": "apiKey",
                "in": "header",
                "name": "Queue-Token",
                "description": "Says where in line a fan is; from `POST /v1/queue/tokens`.",
            },
        })
    }

    /// What the document asks for: one of these.
    pub(super) fn requirements(self) -> Value {
        match self {
            Credential::None => json!([]),
            Credential::SignUp => json!([{}, {"operatorKey": []}]),
            Credential::Operator(_) => json!([{"operatorKey": []}]),
            Credential::Fan(_) => json!([{"accessToken": []}, {"operatorKey": []}]),
            Credential::Booker => {
                json!([{"accessToken": [], "queueToken": []}, {"operatorKey": [], "queueToken": []}])
            }
            Credential::QueueToken => json!([{"queueToken": []}]),
        }
    }

    /// Who may call, in words.
    pub(super) fn explained(self) -> String {
        match self {
            Credential::None => "For everybody.".to_owned(),
            Credential::SignUp => {
                format!(
                    "For everybody where sign-up is open, else for operators with `{}`.",
                    Scope::UsersWrite
                )
            }
            Credential::Operator(scope) => format!("For operators with `{scope}`."),
            Credential::Fan(scope) => format!("For the fan, or an operator with `{scope}`."),
            Credential::Booker => format!(
                "For the fan with an active queue token, or an operator with `{}` and that token.",
                Scope::BookingOnBehalf
            ),
            Credential::QueueToken => "For whoever has the queue token.".to_owned(),
        }
    }

    /// What a caller can be refused for.
    pub(super) fn codes(self) -> &'static [Code] {
        match self {
            Credential::None => &[],
            Credential::QueueToken => &[Code::InvalidToken],
            Credential::SignUp | Credential::Operator(_) | Credential::Fan(_) => &[Code::InvalidToken, Code::Forbidden],
            Credential::Booker => &[
                Code::InvalidToken,
                Code::Forbidden,
                Code::TokenNotActive,
                Code::UserMismatch,
            ],
        }
    }
}
