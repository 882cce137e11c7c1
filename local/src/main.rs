//! `serve` and `demo`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it speaks to people")]

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use alimi::store::{DynamoStore, Tables};
use alimi::time::SystemClock;
use alimi_local::catalog_file::CatalogFile;
use alimi_local::demo::{self, DemoSettings};
use alimi_local::real::{Door, Ports, RealStack};
use alimi_local::sample_bed::AWS_PORT;
use alimi_local::simulator::SimulatorSettings;
use alimi_local::stack::WEBHOOK_SECRET;
use clap::{Parser, Subcommand};

/// This machine's address on Docker's bridge, unless the engine was set up otherwise.
const BRIDGE: &str = "172.17.0.1";

/// The whole of Alimi in one process, with a simulated provider.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Sends the example to the simulated provider and shows whether the promises were kept.
    Demo {
        /// How many of the example's teachers take part.
        #[arg(long)]
        teachers: Option<usize>,
    },
    /// Serves the API on loopback until it is interrupted.
    Serve {
        /// The catalog file.
        #[arg(long, default_value = "examples/teacher-onboarding/catalog.yaml")]
        catalog: PathBuf,
        /// Port of the HTTP API.
        #[arg(long, default_value_t = 9700)]
        port: u16,
        /// Port of the simulated provider.
        #[arg(long, default_value_t = 9800)]
        provider_port: u16,
        /// Port of the embedded DynamoDB.
        #[arg(long, default_value_t = 9900)]
        database_port: u16,
        /// Lets functions in in that `sam local` runs: AWS's APIs, on port 9600, and the simulated
        /// provider are at this address too, which is this machine's on Docker's bridge. Whatever
        /// reaches it is let in.
        #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = BRIDGE)]
        containers: Option<IpAddr>,
    },
    /// Checks a catalog file and stores its channels and templates in a deployed stack's table,
    /// with the credentials and region of the environment.
    Catalog {
        /// The catalog file.
        file: PathBuf,
        /// The catalog table: the stack's output `CatalogTableName`.
        #[arg(long)]
        table: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Demo { teachers } => demonstrate(teachers).await,
        Command::Serve { catalog, port, provider_port, database_port, containers } => {
            let containers = containers.map(|address| Door { address, aws: AWS_PORT });
            let (provider, database) = (provider_port, database_port);
            let ports = Ports { api: port, provider, database, containers };
            serve(&catalog, ports).await
        }
        Command::Catalog { file, table } => store_catalog(&file, table).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

type Done = Result<ExitCode, Box<dyn std::error::Error>>;

async fn demonstrate(teachers: Option<usize>) -> Done {
    let mut settings = DemoSettings::default();
    settings.teachers = teachers.unwrap_or(settings.teachers);
    let demonstrated = demo::run(settings).await?;
    println!("{}", demonstrated.table);
    if !demonstrated.broken.is_empty() {
        for broken in &demonstrated.broken {
            eprintln!("BROKEN: {broken}");
        }
        return Ok(ExitCode::FAILURE);
    }
    println!("Every promise was kept.");
    println!("Look further: `cargo xtask serve`, then the curl lines of README.md.");
    Ok(ExitCode::SUCCESS)
}

fn read_catalog(file: &Path) -> Result<CatalogFile, Box<dyn std::error::Error>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(CatalogFile::read(&text)?)
}

async fn store_catalog(file: &Path, table: String) -> Done {
    let catalog = read_catalog(file)?;
    // Only the catalog table is touched.
    let tables = Tables {
        catalog: table,
        notifications: String::new(),
        state: String::new(),
        members: String::new(),
        runs: String::new(),
    };
    // As the AWS CLI would find the account.
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(alimi::aws::https_client())
        .load()
        .await;
    let client = aws_sdk_dynamodb::Client::new(&sdk);
    let store = DynamoStore::new(client, tables, Arc::new(SystemClock));
    catalog.apply(&store).await?;
    println!(
        "{} channels, {} templates, {} audiences and {} schedules are stored.",
        catalog.channels.len(),
        catalog.templates.len(),
        catalog.audiences.len(),
        catalog.schedules.len()
    );
    Ok(ExitCode::SUCCESS)
}

async fn serve(catalog: &Path, ports: Ports) -> Done {
    alimi::telemetry::start("info");
    let catalog = read_catalog(catalog)?;
    let per_second = catalog.channels.values().map(|channel| channel.limit.per_second).min();
    let simulator =
        SimulatorSettings { per_second: per_second.unwrap_or(1), ..SimulatorSettings::default() };
    let stack = RealStack::start(catalog, simulator, ports, Duration::from_secs(10)).await?;
    println!("API                {}", stack.api_url);
    println!("webhook            {}/webhooks/<channel>/{WEBHOOK_SECRET}", stack.api_url);
    println!("simulated provider {}/_sim/arrivals", stack.provider_url);
    println!("DynamoDB           {}", stack.served.endpoint);
    if let Some(url) = &stack.aws_url {
        println!("AWS for containers {url}");
    }
    println!("Ctrl-C ends it; nothing is kept.");
    tokio::signal::ctrl_c().await?;
    Ok(ExitCode::SUCCESS)
}
