//! All stored channels at once, for the webhook, which everybody may call.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::error::PortError;
use crate::domain::Channel;

#[async_trait]
pub trait ChannelRows: Send + Sync {
    /// Every stored channel by its name; `None` for a row that cannot be read. Unlike
    /// [`Catalog::channels`](super::Catalog::channels), this does not report such a row.
    async fn channel_rows(&self) -> Result<BTreeMap<String, Option<Channel>>, PortError>;
}
