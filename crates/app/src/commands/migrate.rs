//! `frontrow migrate`: bring the storage to this version.

use crate::{
    failure::Failure,
    output::say,
    settings::{Settings, WrongSetting},
    wiring::{OpenStorage, Purpose},
};
use frontrow_persistence::metrics::StoreMetrics;

/// Runs the migrations that are missing; opening a storage does just that.
///
/// # Errors
/// The storage cannot be opened, or the settings forbid migrations.
pub async fn migrate(settings: &Settings) -> Result<(), Failure> {
    if !settings.migrate {
        return Err(WrongSetting::new("`frontrow migrate` with no_migrate has nothing to do").into());
    }
    let open = OpenStorage::open(settings, Purpose::Maintain, &StoreMetrics::default()).await?;
    open.close().await;
    say("the storage is up to date\n")
}
