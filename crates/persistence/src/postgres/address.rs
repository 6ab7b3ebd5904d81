//! Where the database is, and whether the way there has to be encrypted.

use super::error::OpenError;
use rustls_platform_verifier::BuilderVerifierExt;
use std::{net::IpAddr, sync::Arc, time::Duration};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A lock that is not had by then is not waited for any longer.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest a statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest a transaction may sit idle: its owner has died or cannot be heard any more, and its
/// locks are in the way of those who want to know what became of it. Shorter than they wait for locks.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The longest it may take until a server is there.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How to reach the database.
#[derive(Clone)]
pub(super) struct Address {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Address {
    /// Reads a URL. A database on this machine may be spoken to in plaintext; any other one only
    /// when the URL says `sslmode=disable`.
    ///
    /// # Errors
    /// One line without the password when the URL is none or encryption cannot be had.
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        // The parser's own message may quote the password.
        let mut config: Config = url.parse().map_err(|_| {
            OpenError::Unusable("not a PostgreSQL URL: postgres://user:password@host:port/database".to_owned())
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(OpenError::Unusable("the PostgreSQL URL names no host".to_owned()));
        }
        let encrypted = match config.get_ssl_mode() {
            SslMode::Disable => false,
            SslMode::Require => true,
            // The default: an attacker on the way could talk it down to plaintext.
            SslMode::Prefer | _ => !is_local(&config),
        };
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = if encrypted { Some(tls()?) } else { None };
        if config.get_application_name().is_none() {
            config.application_name("frontrow");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.keepalives_idle(Duration::from_secs(5));
        config.keepalives_interval(Duration::from_secs(2));
        config.keepalives_retries(3);
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(Duration::from_secs(5));
        }
        Ok(Self { config, tls })
    }

    /// The same address for connections that serve requests: bounded in every wait. Plans are made
    /// once for each, perhaps while a table was still small, and must be right for large ones; one
    /// that could touch many rows is still not worth compiling for the milliseconds that it takes.
    pub(super) fn for_requests(&self) -> Self {
        let mut own = self.clone();
        let theirs = self.config.get_options().unwrap_or_default();
        own.config.options(format!(
            "{theirs} -c lock_timeout={} -c statement_timeout={} -c idle_in_transaction_session_timeout={} \
             -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off -c TimeZone=UTC",
            LOCK_TIMEOUT.as_millis(),
            STATEMENT_TIMEOUT.as_millis(),
            IDLE_TIMEOUT.as_millis(),
        ));
        own
    }

    /// Opens a connection; its driver runs on the current runtime.
    pub(super) async fn connect(&self) -> diesel::ConnectionResult<diesel_async::AsyncPgConnection> {
        let bad = |error: tokio_postgres::Error| diesel::ConnectionError::BadConnection(describe(&error));
        match &self.tls {
            None => {
                let (client, connection) = self.config.connect(tokio_postgres::NoTls).await.map_err(bad)?;
                diesel_async::AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
            Some(tls) => {
                let (client, connection) = self.config.connect(tls.clone()).await.map_err(bad)?;
                diesel_async::AsyncPgConnection::try_from_client_and_connection(client, connection).await
            }
        }
    }
}

/// The error with its cause, which is where `tokio_postgres` keeps what the server said.
fn describe(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Whether every host is this machine.
fn is_local(config: &Config) -> bool {
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        Host::Unix(_) => true,
    });
    named && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

fn tls() -> Result<MakeRustlsConnect, OpenError> {
    let unusable = |error: rustls::Error| OpenError::Unusable(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(unusable)?
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(url: &str) -> bool {
        Address::parse(url).unwrap().tls.is_some()
    }

    #[test]
    fn this_machine_may_be_spoken_to_in_plaintext_and_no_other() {
        assert!(!encrypted("postgres://u@127.0.0.1/d"));
        assert!(!encrypted("postgres://u@[::1]/d"));
        assert!(!encrypted("postgres://u@localhost:5433/d"));
        assert!(!encrypted("postgres://u@%2Frun%2Fpostgresql/d"));
        assert!(encrypted("postgres://u@127.0.0.1/d?sslmode=require"));
        assert!(encrypted("postgres://u@db.example.org/d"));
        assert!(encrypted("postgres://u@db.example.org/d?sslmode=prefer"));
        assert!(encrypted("postgres://u@localhost,db.example.org/d"));
        assert!(encrypted("host=localhost hostaddr=192.0.2.1 user=u"));
    }

    #[test]
    fn plaintext_to_another_machine_has_to_be_asked_for() {
        assert!(!encrypted("postgres://u@db.example.org/d?sslmode=disable"));
    }

    #[test]
    fn a_url_that_is_none_is_refused_in_one_line_without_the_password() {
        for url in [
            "postgres://user:s3cret@host:port/d",
            "postgres://user:s3cret@host/d?nonsense=1",
            "password=s3cret s3cret=s3cret",
            "postgres:///d",
            "",
        ] {
            let OpenError::Unusable(why) = Address::parse(url).err().unwrap() else {
                panic!("{url} is refused otherwise");
            };
            assert!(!why.contains("s3cret") && !why.contains('\n'), "{why}");
        }
    }
}
