//! Stores a catalog file in a deployed stack's table.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line program prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use alimi::aws::Environment;
use alimi::store::{DynamoStore, Tables};
use alimi::time::SystemClock;
use alimi_catalog::CatalogFile;
use clap::Parser;

/// Checks a catalog file and stores its entries in a deployed stack's table, with the credentials
/// and the region of the environment.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The catalog file.
    file: PathBuf,
    /// The catalog table: the stack's output `CatalogTableName`.
    #[arg(long)]
    table: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { file, table } = Arguments::parse();
    match store(&file, table).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn store(file: &Path, table: String) -> Result<(), Box<dyn Error>> {
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let catalog = CatalogFile::read(&text)?;
    catalog.check_endpoints(Environment.endpoints())?;
    for (name, channel) in &catalog.channels {
        if !channel.receipt_secrets.is_empty() {
            let must = "must be left out: the API makes them";
            return Err(format!("channels.{name}.receipt_secrets: {must}").into());
        }
    }
    for (name, producer) in &catalog.producers {
        if !producer.keys.is_empty() {
            let must = "must be left out: the API makes them";
            return Err(format!("producers.{name}.keys: {must}").into());
        }
    }
    // Only the catalog table is used.
    let tables = Tables {
        catalog: table,
        notifications: String::new(),
        state: String::new(),
        members: String::new(),
        runs: String::new(),
        ledger: String::new(),
    };
    // aws-config finds the credentials and the region in the same places as the AWS CLI.
    let sdk = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .http_client(alimi::aws::https_client())
        .load()
        .await;
    let client = aws_sdk_dynamodb::Client::new(&sdk);
    let store = DynamoStore::new(client, tables, Arc::new(SystemClock));
    catalog.apply(&store).await?;
    println!(
        "{} channels, {} templates, {} audiences, {} producers and {} schedules are stored.",
        catalog.channels.len(),
        catalog.templates.len(),
        catalog.audiences.len(),
        catalog.producers.len(),
        catalog.schedules.len()
    );
    Ok(())
}
