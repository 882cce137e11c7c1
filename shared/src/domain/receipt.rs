//! A receipt: the provider's message about delivery.

use serde::{Deserialize, Serialize};

use super::id::Reference;

/// A receipt, as a provider sends it to the webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingReceipt {
    /// The attempt that the receipt is about. `None` when the reference key is not one of Alimi's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    pub receipt: Receipt,
}

/// The content of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub verdict: Verdict,
    /// The provider's code.
    pub code: String,
    /// The medium that was used, as the provider names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
}

/// What a receipt says about delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The message was delivered, over any medium.
    Delivered,
    /// The first choice was not delivered. A fallback, if the message has one, may still be.
    PrimaryUndelivered,
    /// Nothing was delivered, and the provider will try nothing more.
    Undelivered,
    /// The provider does not know.
    Inconclusive,
}

/// A receipt as the notification's record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRecord {
    /// The number of the attempt that the receipt is about.
    pub attempt: u8,
    pub received_at_ms: i64,
    /// The provider's code.
    pub code: String,
    /// The medium that was used, as the provider names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
}
