//! Everything around the server: command line, settings, wiring, workers and shutdown.

pub mod cli;
pub mod commands;
pub mod failure;
mod gauges;
mod output;
mod patience;
mod secret;
pub mod settings;
mod shutdown;
mod simulated;
mod telemetry;
mod wiring;
mod workers;

use cli::{Invocation, Task};
use failure::Failure;
use settings::{
    Settings, WrongSetting,
    layers::{Layers, Sources},
    show,
};
use std::{ffi::OsString, process::ExitCode};

/// Does what a command line asks for; a failure is one line on stderr and an exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let invocation = match cli::parse(arguments) {
        Ok(invocation) => invocation,
        Err(error) if !error.use_stderr() => {
            return output::say(&error.to_string()).map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS);
        }
        Err(error) => return fail(&WrongSetting::new(cli::one_line(&error)).into()),
    };
    match carry_out(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => fail(&failure),
    }
}

fn fail(failure: &Failure) -> ExitCode {
    eprintln!("frontrow: {}", failure.one_line());
    failure.exit_code()
}

fn carry_out(invocation: Invocation) -> Result<(), Failure> {
    if invocation.task == Task::OpenApi {
        return output::say(&frontrow_http::openapi_json());
    }
    if let Task::Rehearse(given) = &invocation.task {
        return commands::rehearse::rehearse(given);
    }
    let (settings, layers) = Settings::read(&Sources {
        flags: &invocation.flags,
        environment: &|variable| std::env::var_os(variable),
        file: invocation.file.as_deref(),
        demo: invocation.task == Task::Demo,
    })?;
    telemetry::start(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.workers)
        .thread_name("frontrow")
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(format!("no threads: {error}")))?;
    runtime.block_on(perform(invocation.task, settings, &layers))
}

async fn perform(task: Task, settings: Settings, layers: &Layers) -> Result<(), Failure> {
    match task {
        Task::Serve => commands::serve::serve(&settings).await,
        Task::Demo => commands::demo::demo(settings).await,
        Task::Migrate => commands::migrate::migrate(&settings).await,
        Task::CreateKey { name, scopes } => commands::keys::create(&settings, &name, scopes).await,
        Task::ListKeys => commands::keys::list(&settings).await,
        Task::RevokeKey { id } => commands::keys::revoke(&settings, &id).await,
        Task::Audit => commands::audit::run(&settings).await,
        Task::Config => {
            output::say(&show::settings(layers))?;
            settings.check_serving().map_err(Failure::from)
        }
        // Done above: neither takes settings.
        Task::OpenApi | Task::Rehearse(_) => Ok(()),
    }
}
