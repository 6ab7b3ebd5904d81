//! Every setting there is. Names, defaults and help come from here, for the command line, the environment, the
//! file and `frontrow config` alike.

/// How a setting is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A value; the text says what to put there.
    Value(&'static str),
    /// Off until it is named on the command line, or set to `true` elsewhere.
    Switch,
    /// In the environment alone: command lines and settings files are read by too many.
    Secret,
}

/// Which commands a setting is offered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whatever works on a storage.
    All,
    /// What starts a server.
    Server,
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The key in `frontrow.toml`; flag and variable derive from it.
    pub key: &'static str,
    /// How it is given.
    pub form: Form,
    /// Who it is offered to.
    pub audience: Audience,
    /// What counts when nothing was said; empty for nothing.
    pub default: &'static str,
    /// What counts instead in `frontrow demo`.
    pub demo: Option<&'static str>,
    /// One sentence for `--help`.
    pub help: &'static str,
}

impl Setting {
    /// The flag's name without its hyphens in front.
    #[must_use]
    pub fn flag(&self) -> String {
        self.key.replace('_', "-")
    }

    /// The environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("FRONTROW_{}", self.key.to_uppercase())
    }
}

const fn setting(key: &'static str, form: Form, audience: Audience, default: &'static str) -> Setting {
    Setting {
        key,
        form,
        audience,
        default,
        demo: None,
        help: "",
    }
}

const fn all(key: &'static str, value: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting {
        help,
        ..setting(key, Form::Value(value), Audience::All, default)
    }
}

const fn server(key: &'static str, value: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting {
        help,
        ..setting(key, Form::Value(value), Audience::Server, default)
    }
}

const fn switch(key: &'static str, help: &'static str) -> Setting {
    Setting {
        help,
        ..setting(key, Form::Switch, Audience::Server, "false")
    }
}

const fn secret(key: &'static str, help: &'static str) -> Setting {
    Setting {
        help,
        ..setting(key, Form::Secret, Audience::Server, "")
    }
}

/// All settings, in the order in which they are shown.
pub const TABLE: &[Setting] = &[
    all(
        "storage",
        "URL",
        "sqlite:frontrow.db",
        "Where everything is kept: sqlite:<path>, postgres://user@host/database or memory:",
    ),
    Setting {
        audience: Audience::All,
        ..switch(
            "no_migrate",
            "Do not run migrations at the start; refuse to start when some are missing",
        )
    },
    server(
        "listen",
        "ADDRESS:PORT",
        "127.0.0.1:8080",
        "Where to listen; port 0 picks a free one",
    ),
    secret(
        "secret",
        "Root key of all signatures, at least 32 bytes, the same on all instances. SQLite makes its own beside the \
         database, memory: a random one; PostgreSQL needs this or FRONTROW_SECRET_FILE",
    ),
    server("secret_file", "PATH", "", "A file that holds the secret instead"),
    secret(
        "operator_key",
        "A first operator key with every scope, 32 to 256 visible ASCII characters",
    ),
    Setting {
        demo: Some("open"),
        ..server("signup", "open|closed", "closed", "open lets anyone sign up as a fan")
    },
    Setting {
        demo: Some("simulated"),
        ..server(
            "payments",
            "none|simulated",
            "none",
            "The provider behind payments and charges. none: payments need no approval, charges are refused",
        )
    },
    switch(
        "allow_simulated_payments",
        "Allow simulated payments on a listener that others can reach",
    ),
    all(
        "currency",
        "CODE",
        "KRW",
        "The currency of all prices and balances (ISO 4217)",
    ),
    server(
        "hold_seconds",
        "SECONDS",
        "300",
        "How long seats are held until they are paid",
    ),
    server(
        "claim_seconds",
        "SECONDS",
        "60",
        "How long an admitted fan may stay silent before the slot goes to the next",
    ),
    server(
        "seat_limit",
        "SEATS",
        "4",
        "Seats per fan and performance, held and bought together",
    ),
    server("access_token_seconds", "SECONDS", "2592000", "Life of an access token"),
    server(
        "rate_limits",
        "on|off",
        "on",
        "Limits per caller; off is for load tests",
    ),
    server(
        "trusted_proxies",
        "ADDRESSES",
        "",
        "Proxies whose forwarding headers are believed: addresses or networks, separated by commas",
    ),
    server(
        "workers",
        "THREADS",
        "auto",
        "Threads that serve requests; auto is one per core, at most 8",
    ),
    server(
        "streams",
        "NUMBER",
        "20000",
        "Event streams that may be open at once, for each instance",
    ),
    server(
        "streams_per_caller",
        "NUMBER",
        "4",
        "Event streams that one fan may have open at once, for each instance",
    ),
    server(
        "gates",
        "NUMBER",
        "1000",
        "Gates whose lines are kept in memory, for each instance; polls at others ask storage each time",
    ),
    server(
        "postgres_connections",
        "NUMBER",
        "16",
        "Connections to PostgreSQL at the most, for each instance",
    ),
    server(
        "audit_seconds",
        "SECONDS",
        "300",
        "How often the invariants are checked in the background; 0 is never",
    ),
    all(
        "log",
        "FILTER",
        "info",
        "What is logged to stderr: a level, or target=level,…",
    ),
    all(
        "log_format",
        "text|json",
        "text",
        "How it is logged; json is for machines",
    ),
];

/// The setting with this key.
#[must_use]
pub fn find(key: &str) -> Option<&'static Setting> {
    TABLE.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_setting_has_a_name_of_its_own_and_help() {
        let keys: BTreeSet<_> = TABLE.iter().map(|setting| setting.key).collect();
        assert_eq!(keys.len(), TABLE.len());
        assert!(TABLE.iter().all(|setting| !setting.help.is_empty()));
    }

    #[test]
    fn flag_and_variable_derive_from_the_key() {
        let hold = find("hold_seconds").unwrap();
        assert_eq!(
            (hold.flag().as_str(), hold.variable().as_str()),
            ("hold-seconds", "FRONTROW_HOLD_SECONDS")
        );
    }
}
