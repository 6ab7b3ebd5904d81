//! `frontrow keys`: make, list and revoke operator keys, beside a running server.

use crate::{
    failure::Failure,
    output::say,
    settings::{Settings, WrongSetting},
    wiring::{OpenStorage, Purpose},
};
use frontrow_domain::{
    clock::{Clock as _, SystemClock, Timestamp},
    id::OperatorKeyId,
    identity::{OperatorKey, Scope},
};
use frontrow_http::OperatorSecret;
use frontrow_persistence::metrics::StoreMetrics;
use time::macros::format_description;

/// Makes a key and prints its text, which is not stored and never shown again.
///
/// # Errors
/// The name is empty or too long, or the storage brought no answer.
pub async fn create(settings: &Settings, name: &str, mut scopes: Vec<Scope>) -> Result<(), Failure> {
    let name = name.trim();
    if name.chars().any(char::is_control) || !(1..=100).contains(&name.chars().count()) {
        return Err(WrongSetting::new("--name must have 1 to 100 characters, none of them control characters").into());
    }
    scopes.sort_unstable();
    scopes.dedup();
    let secret = OperatorSecret::generate();
    let key = OperatorKey {
        id: OperatorKeyId::mint(),
        name: name.to_owned(),
        hash: secret.hash(),
        scopes,
        created_at: SystemClock.now(),
        revoked_at: None,
    };
    let id = key.id;
    let open = open(settings, Purpose::Maintain).await?;
    let stored = open.storage.identities.add_operator_key(key).await;
    open.close().await;
    stored?;
    say(&format!("{}\n", secret.expose()))?;
    eprintln!("This is the only time the key is shown. Its id is {id}; `frontrow keys revoke {id}` ends it.");
    Ok(())
}

/// Prints all keys, oldest first.
///
/// # Errors
/// The storage brought no answer.
pub async fn list(settings: &Settings) -> Result<(), Failure> {
    let open = open(settings, Purpose::Inspect).await?;
    let keys = open.storage.identities.operator_keys().await;
    open.close().await;
    say(&table(&keys?))
}

/// Revokes a key.
///
/// # Errors
/// There is no such key, or the storage brought no answer.
pub async fn revoke(settings: &Settings, id: &str) -> Result<(), Failure> {
    let open = open(settings, Purpose::Inspect).await?;
    let revoked = open
        .storage
        .identities
        .revoke_operator_key(OperatorKeyId::from_client(id))
        .await;
    open.close().await;
    if revoked? {
        say(&format!("revoked {id}\n"))
    } else {
        Err(Failure::Runtime(format!(
            "there is no key {id:?}; `frontrow keys list` shows them"
        )))
    }
}

async fn open(settings: &Settings, purpose: Purpose) -> Result<OpenStorage, Failure> {
    settings.check_lasting()?;
    OpenStorage::open(settings, purpose, &StoreMetrics::default()).await
}

fn table(keys: &[OperatorKey]) -> String {
    let width = keys
        .iter()
        .map(|key| key.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut lines = vec![format!(
        "{:36}  {:width$}  {:19}  {:19}  scopes",
        "id", "name", "created", "revoked"
    )];
    for key in keys {
        let scopes: Vec<_> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let revoked = key.revoked_at.map(moment).unwrap_or_default();
        let (id, name, created) = (key.id, &key.name, moment(key.created_at));
        lines.push(format!(
            "{id}  {name:width$}  {created:19}  {revoked:19}  {}",
            scopes.join(",")
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn moment(at: Timestamp) -> String {
    let shape = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    // The shape has nothing that a moment could lack.
    at.format(&shape).unwrap_or_default()
}
