//! What a real provider would still know after the local stack was started again: its access tokens,
//! the messages that are on their way to phones, and the receipts that it has yet to send.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::phones::PhoneMessage;
use super::receipts::Line;
use crate::aws::embedded::{EmbeddedError, StandInRows};

const TOKENS: &str = "simulated-token";
const DELIVERIES: &str = "simulated-delivery";

/// Something that happens to a message a while after its request.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub(super) due_us: i64,
    /// What appears on the phone.
    pub(super) shown: Option<PhoneMessage>,
    pub(super) receipt: Option<PlannedReceipt>,
}

/// A receipt that will be sent.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PlannedReceipt {
    /// The provider's key of the message.
    pub(super) key: String,
    /// The message's reference key.
    pub(super) reference: String,
    pub(super) channel: Option<String>,
    pub(super) line: Line,
    /// The receipt in the provider's format, and the result code in it.
    pub(super) body: Value,
    pub(super) result: String,
}

/// The rows of one simulated provider.
pub(super) struct KeptProvider(StandInRows);

impl KeptProvider {
    pub(super) fn new(rows: &StandInRows) -> Self {
        Self(rows.clone())
    }

    /// The access tokens, with the times in Unix microseconds at which they expire.
    pub(super) fn tokens(&self) -> Result<Vec<(String, i64)>, EmbeddedError> {
        self.0.all(TOKENS)
    }

    /// The deliveries, with their names.
    pub(super) fn deliveries(&self) -> Result<Vec<(String, Delivery)>, EmbeddedError> {
        self.0.all(DELIVERIES)
    }

    pub(super) fn keep_token(&self, token: &str, end_us: i64) {
        report(self.0.put(TOKENS, token, &end_us));
    }

    pub(super) fn forget_tokens(&self, tokens: &[(String, i64)]) {
        for (token, _) in tokens {
            report(self.0.remove(TOKENS, token));
        }
    }

    pub(super) fn keep_delivery(&self, name: &str, delivery: &Delivery) {
        report(self.0.put(DELIVERIES, name, delivery));
    }

    pub(super) fn forget_delivery(&self, name: &str) {
        report(self.0.remove(DELIVERIES, name));
    }
}

fn report(stored: Result<(), EmbeddedError>) {
    if let Err(error) = stored {
        tracing::error!(%error, "the simulated provider could not store what it has to do");
    }
}
