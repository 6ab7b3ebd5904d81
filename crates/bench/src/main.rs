//! `make bench`: how fast the service is, beside what it is compared to.

mod bare;
mod document;
mod ground;
mod ledger;
mod load;
mod options;
mod pgbench;
mod postgres;
mod process;
mod reference;
mod rows;
mod service;
mod show;
mod stages;
mod stats;
mod surroundings;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use ground::Ground;
use options::{Options, Other};
use rows::Wanted;
use std::{path::Path, process::ExitCode};
use surroundings::Surroundings;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.other {
        Some(Other::Bare { body }) => bare::serve(body),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// One thread is all that the client may take from the machine that it shares with the service.
fn measure(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(options))
}

async fn run(options: &Options) -> Result<()> {
    let scale = options.scale();
    let ground = Ground::new(scale, options.frontrow.clone())?;
    let surroundings = Surroundings::look(&ground).await?;
    let wanted = Wanted::new(&options.only, &scale);
    let measured = stages::measure(&ground, &wanted).await;
    let cleaned = ground.postgres.drop_all().await;
    let ledger = measured?;
    cleaned?;

    println!("{}", document::table(&wanted, &ledger, &scale)?);
    let by_itself = wanted.is_everything() && !options.quick;
    let by_itself = by_itself.then(|| Path::new("docs/BENCHMARKS.md"));
    if let Some(path) = options.out.as_deref().or(by_itself) {
        let text = document::render(&wanted, &ledger, &scale, &surroundings)?;
        write(path, text)?;
    }
    if let Some(path) = &options.json {
        let raw = serde_json::json!({ "surroundings": surroundings, "samples": ledger });
        write(path, format!("{raw:#}\n"))?;
    }
    Ok(())
}

fn write(path: &Path, text: String) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
