//! Fits the channels of a catalog to the local stack.

use alimi::domain::{ReceiptSecret, SecretDigest};
use alimi_catalog::CatalogFile;
use jiff::Timestamp;

use crate::aws::secrets::WEBHOOK_SECRET;

/// The id of [`WEBHOOK_SECRET`] in every channel.
pub const WEBHOOK_SECRET_ID: &str = "local";

/// The setting that names the provider's address.
pub(crate) const ENDPOINT: &str = "endpoint";

/// Makes every channel send to the simulated provider at this address, and accept receipts under
/// the secret of the local webhook.
pub fn use_simulator(catalog: &mut CatalogFile, provider_url: &str) {
    use_simulators(catalog, |_| provider_url.to_owned());
}

/// As [`use_simulator`], with an address of its own for each channel.
pub fn use_simulators(catalog: &mut CatalogFile, address_of: impl Fn(&str) -> String) {
    for channel in catalog.channels.values_mut() {
        let address = address_of(&channel.name);
        channel.provider.settings.insert(ENDPOINT.to_owned(), address.into());
        channel.receipt_secrets = vec![ReceiptSecret {
            id: WEBHOOK_SECRET_ID.to_owned(),
            sha256: SecretDigest::of(WEBHOOK_SECRET),
            created_at: Timestamp::UNIX_EPOCH,
        }];
    }
}
