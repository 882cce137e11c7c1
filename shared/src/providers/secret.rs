//! A channel's secret.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::Channel;
use crate::ports::{PortError, Secrets};

const SERVICE: &str = "the channel's secret";

/// The content of a channel's secret, as JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct ChannelSecret {
    /// The account's password at the provider.
    pub password: SecretString,
    /// The last path segments that the webhook accepts: more than one while a secret is rotated.
    pub webhook_secrets: Vec<SecretString>,
}

/// Reads and parses a channel's secret.
///
/// # Errors
/// [`PortError::Unusable`] when the secret does not exist or is not the JSON of [`ChannelSecret`].
/// The message does not quote the secret.
pub async fn channel_secret(
    secrets: &dyn Secrets,
    channel: &Channel,
) -> Result<ChannelSecret, PortError> {
    let found = secrets.secret(&channel.secret).await?.ok_or_else(|| PortError::Unusable {
        what: SERVICE,
        detail: format!("there is no secret named {:?}", channel.secret),
    })?;
    serde_json::from_str(found.expose_secret()).map_err(|error| PortError::Unusable {
        what: SERVICE,
        // Only the position: serde's message can quote the content.
        detail: format!(
            "{:?} must be JSON with password and webhook_secrets (line {}, column {})",
            channel.secret,
            error.line(),
            error.column()
        ),
    })
}
