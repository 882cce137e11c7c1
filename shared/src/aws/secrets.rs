//! Secrets Manager, cached with a time limit, so that a rotated secret is taken up by itself.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use secrecy::SecretString;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::ports::{PortError, Secrets};

/// How long a secret is used before it is read again.
const FRESH: Duration = Duration::from_secs(60);

/// Secrets by name.
#[derive(Debug)]
pub struct SecretsManager {
    client: Client,
    /// Absent secrets are kept too: a caller that guesses names must not make us ask each time.
    read: Mutex<HashMap<String, (Instant, Option<SecretString>)>>,
}

impl SecretsManager {
    /// Secrets of the account and region that the client is for.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, read: Mutex::default() }
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError> {
        let mut read = self.read.lock().await;
        if let Some((at, secret)) = read.get(name)
            && at.elapsed() < FRESH
        {
            return Ok(secret.clone());
        }
        let secret = match self.client.get_secret_value().secret_id(name).send().await {
            Ok(found) => found.secret_string.map(SecretString::from),
            Err(error) => match error.as_service_error() {
                Some(service) if service.is_resource_not_found_exception() => None,
                other => {
                    let code = other.and_then(ProvideErrorMetadata::code).unwrap_or("not reached");
                    return Err(PortError::Unavailable {
                        what: "Secrets Manager",
                        detail: code.to_owned(),
                    });
                }
            },
        };
        read.insert(name.to_owned(), (Instant::now(), secret.clone()));
        Ok(secret)
    }
}
