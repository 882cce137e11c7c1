//! Reads files that the command line names.

use std::path::Path;

use alimi::providers::Endpoints;
use alimi_catalog::CatalogFile;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// The content of a file, or of the input if it is named `-`.
pub(crate) fn read_bytes(file: &Path, terminal: &mut Terminal<'_>) -> Result<Vec<u8>, Failure> {
    let content = if file == Path::new("-") { terminal.read_pipe() } else { std::fs::read(file) };
    content.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

/// Reads and checks a catalog file, as far as that needs nothing of the stack.
pub(crate) fn read_catalog(
    file: &Path,
    is_remote: bool,
    terminal: &mut Terminal<'_>,
) -> Result<CatalogFile, Failure> {
    let content = read_bytes(file, terminal)?;
    let wrong = |fault: String| Failure::usage(format!("{}: {fault}", file.display()));
    let text = String::from_utf8(content).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let catalog = CatalogFile::read(&text).map_err(|error| wrong(error.to_string()))?;
    if is_remote {
        catalog
            .check_endpoints(Endpoints::ProvidersOwn)
            .map_err(|error| wrong(error.to_string()))?;
    }
    for (name, channel) in &catalog.channels {
        if !channel.receipt_secrets.is_empty() {
            let must = "must be left out: the API makes them";
            return Err(wrong(format!("channels.{name}.receipt_secrets: {must}")));
        }
    }
    for (name, producer) in &catalog.producers {
        if !producer.keys.is_empty() {
            let must = "must be left out: the API makes them";
            return Err(wrong(format!("producers.{name}.keys: {must}")));
        }
    }
    Ok(catalog)
}
