//! Fits the channels of a catalog to the local stack.

use alimi::domain::{ReceiptSecret, SecretDigest};
use alimi_catalog::CatalogFile;
use jiff::Timestamp;

use crate::aws::secrets::WEBHOOK_SECRET;

/// The id of [`WEBHOOK_SECRET`] in every channel.
pub const WEBHOOK_SECRET_ID: &str = "local";

/// Makes every channel send to the simulated provider at this address, and accept receipts under
/// the secret of the local webhook.
pub fn use_simulator(catalog: &mut CatalogFile, provider_url: &str) {
    for channel in catalog.channels.values_mut() {
        channel.provider.settings.insert("endpoint".to_owned(), provider_url.into());
        channel.receipt_secrets = vec![ReceiptSecret {
            id: WEBHOOK_SECRET_ID.to_owned(),
            sha256: SecretDigest::of(WEBHOOK_SECRET),
            created_at: Timestamp::UNIX_EPOCH,
        }];
    }
}
