//! All stored channels at once, for the webhook, which everybody may call.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::{Channel, SecretDigest};

/// The row of a stored channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelRow {
    /// The hashes of the secrets of the channel's webhook. They are read apart from the rest of the
    /// row, so a caller without a secret is recognised even if the rest cannot be read. A hash that
    /// cannot be read is left out.
    pub receipt_secrets: Vec<SecretDigest>,
    /// `None` when the row cannot be read. A newer version of the code may have written it.
    pub channel: Option<Channel>,
}

#[async_trait]
pub trait ChannelRows: Send + Sync {
    /// The row of every stored channel, by the channel's name. Unlike
    /// [`Catalog::channels`](super::Catalog::channels), this does not report a row that cannot be
    /// read.
    async fn channel_rows(&self) -> Result<BTreeMap<String, ChannelRow>, PortError>;
}
