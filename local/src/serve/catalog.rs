//! The catalog of a local stack, and the addresses of its channels.

use alimi::domain::Channel;
use alimi::ports::Catalog;
use alimi::store::DynamoStore;
use alimi_catalog::CatalogFile;
use serde::{Deserialize, Serialize};

use super::settings::StartCatalog;
use crate::aws::embedded::StandInRows;
use crate::channels::{ENDPOINT, WEBHOOK_SECRET_ID, use_simulators};
use crate::listen::StartError;
use crate::simulator::address_of_channel;

const PART: &str = "stack";
const STARTED: &str = "started";

/// What is known about the last start.
#[derive(Serialize, Deserialize)]
struct Started {
    /// The address of the simulated provider.
    provider_url: String,
}

/// Stores the catalog if it has to be stored, and makes the channels of an earlier start send to the
/// provider's present address. Returns all channels.
pub(super) async fn prepare(
    store: &DynamoStore,
    rows: &StandInRows,
    catalog: StartCatalog,
    provider_url: &str,
) -> Result<Vec<Channel>, StartError> {
    let before: Option<Started> = rows.row(PART, STARTED)?;
    let catalog = match catalog {
        StartCatalog::IfNone(_) if before.is_some() => None,
        StartCatalog::IfNone(catalog) | StartCatalog::Always(catalog) => Some(catalog),
    };
    if let Some(mut catalog) = catalog {
        use_simulators(&mut catalog, |channel| address_of_channel(provider_url, channel));
        keep_receipt_secrets(&mut catalog, &store.channels().await?);
        catalog.apply(store).await?;
    }
    let mut channels = store.channels().await?;
    if let Some(Started { provider_url: former }) = before {
        for channel in &mut channels {
            if has_moved(channel, &former, provider_url) {
                store.put_channel(channel).await?;
            }
        }
    }
    rows.put(PART, STARTED, &Started { provider_url: provider_url.to_owned() })?;
    Ok(channels)
}

/// Keeps the secrets that the API has made for channels of the catalog.
fn keep_receipt_secrets(catalog: &mut CatalogFile, stored: &[Channel]) {
    for channel in stored {
        if let Some(entry) = catalog.channels.get_mut(&channel.name) {
            let made = channel.receipt_secrets.iter().filter(|it| it.id != WEBHOOK_SECRET_ID);
            entry.receipt_secrets.extend(made.cloned());
        }
    }
}

/// Gives a channel that sends to the provider's former address the present one. Returns whether that
/// changed the channel.
fn has_moved(channel: &mut Channel, former: &str, present: &str) -> bool {
    let endpoint = channel.provider.settings.get(ENDPOINT).and_then(|value| value.as_str());
    let path = endpoint.and_then(|endpoint| endpoint.strip_prefix(former));
    let Some(path) = path.filter(|path| path.is_empty() || path.starts_with('/')) else {
        return false;
    };
    let moved = format!("{present}{path}");
    channel.provider.settings.insert(ENDPOINT.to_owned(), moved.into());
    former != present
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_channel_of_the_simulated_provider_moves_with_it() {
        let example = include_str!("../../../examples/teacher-onboarding/catalog.yaml");
        let catalog = CatalogFile::read(example).expect("the example");
        let mut channel = catalog.channels["alimtalk-main"].clone();
        let mut moved = |endpoint: &str| {
            channel.provider.settings.insert(ENDPOINT.to_owned(), endpoint.into());
            let has_moved = has_moved(&mut channel, "http://127.0.0.1:980", "http://127.0.0.1:1");
            (has_moved, channel.provider.settings[ENDPOINT].as_str().unwrap_or("").to_owned())
        };
        assert_eq!(moved("http://127.0.0.1:980"), (true, "http://127.0.0.1:1".to_owned()));
        let of_channel = moved("http://127.0.0.1:980/channels/a");
        assert_eq!(of_channel, (true, "http://127.0.0.1:1/channels/a".to_owned()));
        let other = "http://127.0.0.1:9800".to_owned();
        assert_eq!(moved(&other), (false, other), "another port that begins with the same digits");
    }
}
