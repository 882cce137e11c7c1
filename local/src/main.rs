//! `serve` and `demo`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use alimi_catalog::CatalogFile;
use alimi_local::arguments::{Arguments, Command, ServeArguments};
use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::demo::{self, DemoSettings};
use alimi_local::serve::{
    ContainerAccess, LocalStack, LocalStackSettings, Ports, StartCatalog, log_filter,
};
use alimi_local::simulator::SimulatorSettings;
use alimi_local::testing::sample_bed::AWS_PORT;
use clap::Parser;

/// The catalog if none is named. It is part of the program, so that runs from any folder.
const EXAMPLE: &str = include_str!("../../examples/teacher-onboarding/catalog.yaml");
/// How long the work in progress may take after Ctrl-C.
const ENDS_WITHIN: Duration = Duration::from_secs(40);

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo { teachers } => run_demo(teachers).await,
        Command::Serve(arguments) => serve(arguments).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

type CommandResult = Result<ExitCode, Box<dyn std::error::Error>>;

async fn run_demo(teachers: Option<usize>) -> CommandResult {
    let mut settings = DemoSettings::default();
    settings.teachers = teachers.unwrap_or(settings.teachers);
    println!("Each teacher gets two messages in order. A scheduled batch to all teachers competes");
    println!("with them. A few more people get text messages: by themselves, and as a step that");
    println!(
        "leaves only if the step before it failed. The simulated provider fails now and then."
    );
    let outcome = demo::run(settings).await?;
    println!("{}", outcome.table);
    if !outcome.broken.is_empty() {
        for broken in &outcome.broken {
            eprintln!("BROKEN PROMISE: {broken}");
        }
        return Ok(ExitCode::FAILURE);
    }
    println!("Every promise was kept.");
    println!("Next: run `cargo xtask serve` and send the requests of README.md.");
    Ok(ExitCode::SUCCESS)
}

fn read_catalog(file: &Path) -> Result<CatalogFile, Box<dyn std::error::Error>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(CatalogFile::read(&text)?)
}

async fn serve(arguments: ServeArguments) -> CommandResult {
    alimi::telemetry::start(&log_filter(arguments.log));
    let catalog = match &arguments.catalog {
        Some(file) => StartCatalog::Always(read_catalog(file)?),
        None => StartCatalog::IfNone(CatalogFile::read(EXAMPLE)?),
    };
    let containers = arguments.containers;
    let containers = containers.map(|address| ContainerAccess { address, aws_port: AWS_PORT });
    let ports = Ports {
        api: arguments.port,
        keys: arguments.key_port,
        provider: arguments.provider_port,
        database: arguments.database_port,
        containers,
    };
    let stack = LocalStack::start(LocalStackSettings {
        catalog,
        simulator: SimulatorSettings::default(),
        ports,
        sweep_every: Duration::from_secs(10),
        data_dir: arguments.data_dir.clone(),
    })
    .await?;
    println!("API                {}", stack.api_url);
    println!("API for API keys   {}", stack.key_api_url);
    println!("webhook            {}/webhooks/<channel>/{WEBHOOK_SECRET}", stack.api_url);
    println!("simulated provider {0}/_sim and {0}/_sim/arrivals", stack.provider_url);
    println!("DynamoDB           {}", stack.served.endpoint);
    if let Some(url) = &stack.aws_url {
        println!("AWS for containers {url}");
    }
    match &arguments.data_dir {
        Some(path) => println!("Ctrl-C ends it. Everything is kept in {}.", path.display()),
        None => println!("Ctrl-C ends it. Nothing is stored on disk."),
    }
    end_is_requested().await?;
    if stack.keeps_data() {
        eprintln!("\nEnding: requests in progress are finished first. Ctrl-C again ends at once.");
        tokio::select! {
            has_ended = stack.stop(ENDS_WITHIN) => if !has_ended {
                eprintln!("Some work did not end in time. The next start repairs it.");
            },
            again = end_is_requested() => again?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for Ctrl-C, or for the signal by which other programs end this one.
#[cfg(unix)]
async fn end_is_requested() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _received = terminate.recv() => Ok(()),
    }
}

/// Waits for Ctrl-C.
#[cfg(not(unix))]
async fn end_is_requested() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
