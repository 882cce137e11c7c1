//! Providers behind the ports: one folder each.

pub mod bizppurio;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::{self, Channel, Message, Recipient};
use crate::ports::{
    Clock, Http, IncomingReceipt, LaneAdvice, MalformedPush, NotPrepared, PortError, Provider,
    Providers, Secrets, Tokens, UnsendableMessage,
};

/// What a channel's secret holds, as JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct ChannelSecret {
    /// The account's password at the provider.
    pub password: SecretString,
    /// Accepted last path segments of the webhook's address: more than one while they rotate.
    pub webhook_secrets: Vec<SecretString>,
}

/// Reads and parses a channel's secret.
///
/// # Errors
/// [`PortError::Corrupt`] when there is none or it is not what it must be; its content is in no
/// message.
pub async fn channel_secret(
    secrets: &dyn Secrets,
    channel: &Channel,
) -> Result<ChannelSecret, PortError> {
    use secrecy::ExposeSecret;
    const WHAT: &str = "the channel's secret";
    let found = secrets.secret(&channel.secret).await?.ok_or_else(|| PortError::Corrupt {
        what: WHAT,
        detail: format!("there is no secret named {:?}", channel.secret),
    })?;
    serde_json::from_str(found.expose_secret()).map_err(|error| PortError::Corrupt {
        what: WHAT,
        // The position only: serde's message can quote the content.
        detail: format!(
            "{:?} must be JSON with password and webhook_secrets (line {}, column {})",
            channel.secret,
            error.line(),
            error.column()
        ),
    })
}

/// Checks a message against its provider's rules.
///
/// # Errors
/// [`UnsendableMessage`] names the first field that the provider would refuse.
pub fn check_message(
    channel: &Channel,
    message: &Message,
    to: &Recipient,
) -> Result<(), UnsendableMessage> {
    match &channel.provider {
        domain::channel::Provider::Bizppurio { .. } => bizppurio::check(message, to),
    }
}

/// Reads the receipt in a webhook's body.
///
/// # Errors
/// [`MalformedPush`] when it is not what the channel's provider sends.
pub fn parse_push(channel: &Channel, body: &[u8]) -> Result<IncomingReceipt, MalformedPush> {
    match &channel.provider {
        domain::channel::Provider::Bizppurio { .. } => bizppurio::parse_push(body),
    }
}

/// Makes the provider of each channel.
pub struct Registry {
    /// HTTP to providers.
    pub http: Arc<dyn Http>,
    /// Their access tokens.
    pub tokens: Arc<dyn Tokens>,
    /// Channels' secrets.
    pub secrets: Arc<dyn Secrets>,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Providers for Registry {
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared> {
        let secret =
            channel_secret(&*self.secrets, channel).await.map_err(|error| NotPrepared {
                advice: LaneAdvice::HoldFor(std::time::Duration::from_secs(30)),
                outcome: None,
                detail: error.to_string(),
            })?;
        match &channel.provider {
            domain::channel::Provider::Bizppurio { .. } => Ok(Arc::new(bizppurio::Bizppurio::new(
                channel.clone(),
                secret.password,
                Arc::clone(&self.http),
                Arc::clone(&self.tokens),
                Arc::clone(&self.clock),
            ))),
        }
    }
}
