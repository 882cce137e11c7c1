//! The other ports that a provider needs: a clock, the shared tokens, and the channel's secret.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use alimi::ports::{Clock, PortError, Secrets, StoredToken, Tokens};
use alimi_local::testing::world::BEGINNING_MS;
use async_trait::async_trait;
use secrecy::SecretString;
use tokio::time::Instant;

/// A clock that follows tokio's paused clock.
pub struct PausedClock {
    began: Instant,
}

impl PausedClock {
    pub fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for PausedClock {
    fn now_us(&self) -> i64 {
        let passed_us = i64::try_from(self.began.elapsed().as_micros()).expect("a short test");
        1000 * BEGINNING_MS + passed_us
    }
}

#[derive(Default)]
pub struct MemoryTokens(Mutex<HashMap<String, StoredToken>>);

#[async_trait]
impl Tokens for MemoryTokens {
    async fn load_token(&self, channel: &str) -> Result<Option<StoredToken>, PortError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(channel).cloned())
    }

    async fn save_token(&self, channel: &str, token: &StoredToken) -> Result<(), PortError> {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.insert(channel.to_owned(), token.clone());
        Ok(())
    }
}

/// The same secret for every name.
pub struct OneSecret(pub String);

#[async_trait]
impl Secrets for OneSecret {
    async fn secret(&self, _name: &str) -> Result<Option<SecretString>, PortError> {
        Ok(Some(SecretString::from(self.0.clone())))
    }
}
