//! A provider's adapter: what one kind of provider can send, demands and means.

use std::sync::Arc;

use bytes::Bytes;

use super::error::PortError;
use super::provider::{NotPrepared, Provider};
use crate::domain::{
    Address, Channel, ChannelType, Content, Explanation, FieldError, Guarantees, IncomingReceipt,
};

/// What one kind of provider knows. Pure: no adapter makes a request, except through the provider
/// that it connects.
pub trait Adapter: Send + Sync {
    /// The channel types that the provider sends.
    fn sends(&self) -> &'static [ChannelType];

    fn guarantees(&self) -> Guarantees;

    /// What has to be changed in the rest of a channel's document before the channel can be saved,
    /// such as a limit that the provider does not allow.
    fn check_channel(&self, channel: &Channel) -> Vec<FieldError>;

    /// What has to be changed in a template's content before the template can be saved. The texts
    /// still hold their variables, so only the fixed parts count. The fields are paths within the
    /// content, such as `buttons[0].url_mobile`.
    fn check_fixed(&self, content: &Content) -> Vec<FieldError>;

    /// Checks a rendered message. A part that is rendered with variables is reported as the
    /// request's field `variables`, and the address as `to.phone`.
    ///
    /// # Errors
    /// The first field that the provider would refuse.
    fn check(&self, to: &Address, content: &Content) -> Result<(), FieldError>;

    /// Reads the receipts of one request to the webhook.
    ///
    /// # Errors
    /// Names the field at fault, or `body`, when the request does not hold receipts of this
    /// provider. The error never quotes the request.
    fn read_receipts(
        &self,
        request: &http::Request<Bytes>,
    ) -> Result<Vec<IncomingReceipt>, FieldError>;

    /// What one of the provider's codes means: of an answer or of a receipt. An attempt whose answer
    /// had no code has the HTTP status in its place. `None` for a code that the provider does not
    /// document.
    fn explain(&self, code: &str) -> Option<Explanation>;

    /// The answer that tells the provider that its receipts are stored.
    fn receipt_reply(&self) -> http::Response<Bytes>;
}

/// The adapters of all kinds of providers.
pub trait Adapters: Send + Sync {
    /// The adapter of a channel's provider.
    ///
    /// # Errors
    /// What has to be changed in the channel's provider settings. The fields are paths in the
    /// channel's document, such as `provider.account`.
    fn adapter(&self, channel: &Channel) -> Result<Arc<dyn Adapter>, Vec<FieldError>>;

    /// The adapter of a stored channel. A channel is checked before it is stored, so a failure
    /// means a row that was edited by hand or written by a newer version.
    ///
    /// # Errors
    /// [`PortError::Unusable`].
    fn usable_adapter(&self, channel: &Channel) -> Result<Arc<dyn Adapter>, PortError> {
        self.adapter(channel).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            PortError::Unusable {
                what: "the channel's provider settings",
                detail: format!("channel {}: {}", channel.name, faults.join("; ")),
            }
        })
    }
}

/// Connects channels with their providers.
#[async_trait::async_trait]
pub trait Providers: Send + Sync {
    /// The provider of a channel.
    ///
    /// # Errors
    /// [`NotPrepared`] when the channel's settings or its secret are missing or unusable.
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared>;
}
