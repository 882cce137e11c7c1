//! A channel's secret.

use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use crate::ports::{LaneAdvice, NotPrepared, Secrets};

/// The content of a channel's secret. Only the channel's adapter knows what it holds.
#[derive(Clone, Debug)]
pub struct ChannelSecret {
    /// The secret's name in Secrets Manager, for error texts.
    name: String,
    json: SecretString,
}

impl ChannelSecret {
    #[must_use]
    pub fn new(name: impl Into<String>, json: SecretString) -> Self {
        Self { name: name.into(), json }
    }

    /// Parses the secret as the adapter's own type. `fields` names that type's fields, for the
    /// error text.
    ///
    /// # Errors
    /// [`NotPrepared`] names the secret and the position at fault, and quotes nothing of it.
    pub fn parse<T: DeserializeOwned>(&self, fields: &str) -> Result<T, NotPrepared> {
        serde_json::from_str(self.json.expose_secret()).map_err(|error| {
            // Only the position: serde's message can quote the content.
            unusable(format!(
                "the channel's secret {:?} must be JSON with {fields} (line {}, column {})",
                self.name,
                error.line(),
                error.column()
            ))
        })
    }
}

/// Reads a channel's secret.
pub(super) async fn channel_secret(
    secrets: &dyn Secrets,
    name: &str,
) -> Result<ChannelSecret, NotPrepared> {
    let found = secrets.secret(name).await.map_err(|error| unusable(error.to_string()))?;
    found
        .map(|json| ChannelSecret::new(name, json))
        .ok_or_else(|| unusable(format!("there is no secret named {name:?}")))
}

/// The channel cannot be connected before an operator corrects something, and its provider was not
/// asked.
pub(super) fn unusable(detail: String) -> NotPrepared {
    NotPrepared { advice: LaneAdvice::OpenCircuit, outcome: None, detail }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Credentials {
        password: SecretString,
    }

    fn parsed(json: &str) -> Result<Credentials, NotPrepared> {
        ChannelSecret::new("alimi/main", SecretString::from(json)).parse("password")
    }

    #[test]
    fn a_secret_is_parsed_as_what_its_adapter_needs() {
        let credentials = parsed(r#"{"password":"p","other":1}"#).expect("credentials");
        assert_eq!(credentials.password.expose_secret(), "p");
    }

    #[test]
    fn an_unusable_secret_is_named_and_never_quoted() {
        for json in [
            r#"{"password":"hidden""#,
            r#"{"hidden":"hidden"}"#,
            r#"{"password":["hidden"]}"#,
            "hidden",
        ] {
            let error = parsed(json).expect_err("unusable");
            assert!(error.detail.contains("\"alimi/main\" must be JSON with password"), "{error}");
            assert!(!error.detail.contains("hidden"), "{error}");
            assert_eq!(error.outcome, None);
            assert_eq!(error.advice, LaneAdvice::OpenCircuit);
        }
    }

    #[test]
    fn the_debug_output_shows_no_secret() {
        let secret = ChannelSecret::new("alimi/main", SecretString::from("hidden"));
        assert!(!format!("{secret:?}").contains("hidden"), "{secret:?}");
    }
}
