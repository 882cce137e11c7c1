//! Delivery receipts, as a provider sends them to the webhook.

use crate::domain::{Receipt, Reference};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingReceipt {
    /// The attempt that the receipt is about. `None` when the reference key is not one of Alimi's.
    pub reference: Option<Reference>,
    pub receipt: Receipt,
}
