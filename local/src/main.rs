//! `serve` and `demo`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alimi_catalog::CatalogFile;
use alimi_local::aws::secrets::WEBHOOK_SECRET;
use alimi_local::demo::{self, DemoSettings};
use alimi_local::serve::{ContainerAccess, LocalStack, Ports};
use alimi_local::simulator::SimulatorSettings;
use alimi_local::testing::sample_bed::AWS_PORT;
use clap::{Parser, Subcommand};

/// The default of this machine's address on Docker's bridge.
const BRIDGE: &str = "172.17.0.1";

/// All of Alimi in one process, with a simulated provider.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends the example's messages to the simulated provider and checks every promise.
    Demo {
        /// How many of the example's 300 teachers take part; all of them by default.
        #[arg(long)]
        teachers: Option<usize>,
    },
    /// Serves the API on loopback until Ctrl-C.
    Serve {
        /// The catalog file.
        #[arg(long, default_value = "examples/teacher-onboarding/catalog.yaml")]
        catalog: PathBuf,
        /// Port of the HTTP API.
        #[arg(long, default_value_t = 9700)]
        port: u16,
        /// Port of the HTTP API for API keys.
        #[arg(long, default_value_t = 9701)]
        key_port: u16,
        /// Port of the simulated provider.
        #[arg(long, default_value_t = 9800)]
        provider_port: u16,
        /// Port of the embedded DynamoDB.
        #[arg(long, default_value_t = 9900)]
        database_port: u16,
        /// Also listens on ADDRESS, which is this machine's address on Docker's bridge, for
        /// functions that `sam local` runs in containers: AWS's APIs on port 9600, and the
        /// simulated provider. Everything that reaches this address is permitted.
        #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = BRIDGE)]
        containers: Option<IpAddr>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Demo { teachers } => run_demo(teachers).await,
        Command::Serve { catalog, port, key_port, provider_port, database_port, containers } => {
            let containers =
                containers.map(|address| ContainerAccess { address, aws_port: AWS_PORT });
            let (provider, database) = (provider_port, database_port);
            let ports = Ports { api: port, keys: key_port, provider, database, containers };
            serve(&catalog, ports).await
        }
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

async fn serve(catalog: &Path, ports: Ports) -> CommandResult {
    alimi::telemetry::start("info");
    let catalog = read_catalog(catalog)?;
    let per_second = catalog.channels.values().map(|channel| channel.limit.per_second).min();
    let simulator =
        SimulatorSettings { per_second: per_second.unwrap_or(1), ..SimulatorSettings::default() };
    let stack = LocalStack::start(catalog, simulator, ports, Duration::from_secs(10)).await?;
    println!("API                {}", stack.api_url);
    println!("API for API keys   {}", stack.key_api_url);
    println!("webhook            {}/webhooks/<channel>/{WEBHOOK_SECRET}", stack.api_url);
    println!("simulated provider {0}/_sim and {0}/_sim/arrivals", stack.provider_url);
    println!("DynamoDB           {}", stack.served.endpoint);
    if let Some(url) = &stack.aws_url {
        println!("AWS for containers {url}");
    }
    println!("Ctrl-C ends it. Nothing is stored on disk.");
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}
