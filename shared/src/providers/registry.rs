//! Which code serves which provider.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::bizppurio::{self, Bizppurio};
use super::secret::channel_secret;
use crate::domain::{Channel, FieldError, IncomingReceipt, Message, ProviderConfig, Recipient};
use crate::ports::{
    Clock, LaneAdvice, NotPrepared, Provider, ProviderHttp, Providers, Secrets, Tokens,
};

/// How long to leave a channel alone whose secret is unusable, before the secret is read again.
const HOLD_WITHOUT_SECRET: Duration = Duration::from_secs(30);

/// Checks a message against its provider's limits.
///
/// # Errors
/// Names the first field that the provider would refuse.
pub fn check_message(
    channel: &Channel,
    message: &Message,
    to: &Recipient,
) -> Result<(), FieldError> {
    match &channel.provider {
        ProviderConfig::Bizppurio { .. } => bizppurio::check(message, to),
    }
}

/// Reads the receipt in a webhook's body.
///
/// # Errors
/// Names the field at fault, or `body`, when the body is not a receipt of the channel's provider.
/// The error never quotes the body.
pub fn parse_receipt(channel: &Channel, body: &[u8]) -> Result<IncomingReceipt, FieldError> {
    match &channel.provider {
        ProviderConfig::Bizppurio { .. } => bizppurio::parse_receipt(body),
    }
}

/// Makes the provider of each channel.
pub struct Registry {
    pub http: Arc<dyn ProviderHttp>,
    pub tokens: Arc<dyn Tokens>,
    pub secrets: Arc<dyn Secrets>,
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Providers for Registry {
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared> {
        let secret =
            channel_secret(&*self.secrets, channel).await.map_err(|error| NotPrepared {
                advice: LaneAdvice::HoldFor(HOLD_WITHOUT_SECRET),
                outcome: None,
                detail: error.to_string(),
            })?;
        match &channel.provider {
            ProviderConfig::Bizppurio { .. } => Ok(Arc::new(Bizppurio::new(
                channel.clone(),
                secret.password,
                Arc::clone(&self.http),
                Arc::clone(&self.tokens),
                Arc::clone(&self.clock),
            ))),
        }
    }
}
