//! `cargo xtask sam-local`: runs functions on the developer's machine with the commands of
//! docs/local.md: `sam local invoke` for the events that the guide names, `sam local start-lambda`
//! for every sample event, and `sam local start-api` for every route.

mod invocations;
mod line;
mod routes;
mod runner;
mod service;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicUsize;

use clap::Parser;

use self::invocations::{functions, invoke_events};
use self::line::table;
use self::routes::request_all_routes;
use self::runner::{Runner, containers};
use crate::docker::{self, Image};
use crate::program;
use crate::result::Result;
use crate::sam::{self, Sam};

/// Runs every function by `sam local`.
#[derive(Parser)]
struct Arguments {
    /// The SAM CLI. `cargo xtask sam-local` passes this path and the next one.
    #[arg(long)]
    sam: PathBuf,
    /// The cargo-lambda program.
    #[arg(long)]
    cargo_lambda: PathBuf,
    /// Runs only the events whose names contain this text, and no routes.
    #[arg(long)]
    only: Option<String>,
}

#[must_use]
pub fn main() -> ExitCode {
    let code = program::run(run(Arguments::parse()));
    if code != ExitCode::SUCCESS {
        // After an interrupt, the commands were killed, but their containers still run.
        clean_up();
    }
    code
}

/// Removes the containers and images of an interrupted run.
fn clean_up() {
    let logs = std::fs::read_dir(folder()).into_iter().flatten().flatten();
    let logs = logs.filter_map(|log| std::fs::read_to_string(log.path()).ok());
    let ids: Vec<String> = logs.flat_map(|log| containers(&log)).collect();
    if let Ok(runtime) = tokio::runtime::Runtime::new() {
        runtime.block_on(async {
            docker::remove_containers(&ids).await;
            docker::remove_stand_in(sam::architecture()).await;
        });
    }
}

/// The folder of the logs.
fn folder() -> PathBuf {
    checkout().join("target/sam-local")
}

fn checkout() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

async fn run(arguments: Arguments) -> Result<bool> {
    let checkout = checkout().to_owned();
    let folder = folder();
    std::fs::create_dir_all(sam::folder(&checkout))?;
    let lock = std::fs::File::create(sam::folder(&checkout).join("lock"))?;
    program::lock(&lock)?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let sam = Sam {
        program: arguments.sam,
        cargo_lambda: arguments.cargo_lambda.parent().unwrap_or(&checkout).to_owned(),
        folder: sam::folder(&checkout),
        logs: folder.join("sam"),
        commands: AtomicUsize::new(0),
        checkout,
    };
    std::fs::create_dir_all(&sam.logs)?;
    if sam.is_built()? {
        println!("The functions are up to date, from an earlier build.");
    } else {
        println!("Building every function, which takes a quarter of an hour the first time.");
        sam.build().await?;
    }
    let architecture = sam::architecture();
    let programs: Vec<PathBuf> = functions().iter().map(|name| sam.built_function(name)).collect();
    let image = Image::get(architecture, &programs, &folder).await?;
    println!("The functions run in {}.", image.describe());
    let address = docker::address_on_bridge().await?;
    let runner = Runner { sam, folder, architecture, image, address };
    let mut lines = invoke_events(&runner, arguments.only.as_deref()).await;
    if arguments.only.is_none() {
        lines.extend(request_all_routes(&runner).await);
    }
    println!("\n{}", table(&lines));
    println!("The functions ran in {}.", runner.image.describe());
    println!("Logs: {}.", runner.folder.display());
    runner.image.remove(architecture).await;
    Ok(!lines.is_empty() && lines.iter().all(|line| line.result.is_ok()))
}
