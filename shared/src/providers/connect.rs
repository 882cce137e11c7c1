//! How an adapter gives its channel a provider.

use std::sync::Arc;

use super::io::ProviderIo;
use super::secret::ChannelSecret;
use crate::domain::Channel;
use crate::ports::{Adapter, NotPrepared, Provider};

/// An adapter that can connect. It was made from a channel's provider settings, and connects that
/// channel.
pub trait Connect: Adapter {
    /// The provider of the channel. Makes no request.
    ///
    /// # Errors
    /// [`NotPrepared`] when the secret does not hold the credentials that the provider needs.
    fn connect(
        &self,
        channel: &Channel,
        secret: &ChannelSecret,
        io: &ProviderIo,
    ) -> Result<Arc<dyn Provider>, NotPrepared>;
}
