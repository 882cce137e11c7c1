//! Connects channels with their providers.

use std::sync::Arc;

use async_trait::async_trait;

use super::BuiltInAdapters;
use super::io::ProviderIo;
use super::secret::{channel_secret, unusable};
use crate::domain::{Channel, FieldError};
use crate::ports::{NotPrepared, Provider, Providers, Secrets};

/// Makes the provider of each channel.
pub struct Registry {
    pub adapters: Arc<BuiltInAdapters>,
    pub io: ProviderIo,
    pub secrets: Arc<dyn Secrets>,
}

#[async_trait]
impl Providers for Registry {
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared> {
        // The settings first: a channel that cannot be used does not need its secret.
        let adapter = self.adapters.connector(channel).map_err(|faults| not_usable(&faults))?;
        let secret = channel_secret(&*self.secrets, channel).await?;
        adapter.connect(channel, &secret, &self.io)
    }
}

/// The channel was checked when it was stored, so its row was edited by hand or written by a newer
/// version.
fn not_usable(faults: &[FieldError]) -> NotPrepared {
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    unusable(format!("the channel's provider settings cannot be used: {}", faults.join("; ")))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::time::Duration;

    use bytes::Bytes;
    use secrecy::SecretString;
    use serde_json::{Value, json};

    use super::*;
    use crate::ports::{
        LaneAdvice, NoResponse, PortError, ProviderCall, ProviderHttp, StoredToken, Tokens,
    };
    use crate::providers::Endpoints;
    use crate::time::SystemClock;

    /// Secrets by name, which counts how often it is read. Nothing else is used.
    #[derive(Default)]
    struct World {
        secrets: HashMap<&'static str, &'static str>,
        read: Mutex<usize>,
    }

    #[async_trait]
    impl Secrets for World {
        async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError> {
            *self.read.lock().expect("no panic") += 1;
            if name == "unavailable" {
                let detail = "throttled".to_owned();
                return Err(PortError::Unavailable { what: "Secrets Manager", detail });
            }
            Ok(self.secrets.get(name).map(|secret| SecretString::from(*secret)))
        }
    }

    #[async_trait]
    impl ProviderHttp for World {
        fn drop_stale_connections(&self, _: &str, _: Duration) {}

        async fn send(&self, _: ProviderCall) -> Result<http::Response<Bytes>, NoResponse> {
            Err(NoResponse::NotSent("connecting makes no request".into()))
        }
    }

    #[async_trait]
    impl Tokens for World {
        async fn load_token(&self, _: &str) -> Result<Option<StoredToken>, PortError> {
            Ok(None)
        }

        async fn save_token(&self, _: &str, _: &StoredToken) -> Result<(), PortError> {
            Ok(())
        }
    }

    fn channel(provider: &Value, secret: &str) -> Channel {
        serde_json::from_value(json!({
            "name": "main", "provider": provider, "limit": { "per_second": 10 }, "secret": secret,
        }))
        .expect("a channel")
    }

    fn usable_provider() -> Value {
        json!({ "kind": super::super::KINDS[0], "account": "a", "from": "0212345678" })
    }

    /// The failure of connecting, and how often a secret was read.
    async fn failure(provider: &Value, secret: &str) -> (Option<NotPrepared>, usize) {
        let world = Arc::new(World {
            secrets: HashMap::from([("right", r#"{"password":"hidden"}"#), ("wrong", "hidden")]),
            ..World::default()
        });
        let registry = Registry {
            adapters: Arc::new(BuiltInAdapters::new(Endpoints::ProvidersOwn)),
            io: ProviderIo {
                http: world.clone(),
                tokens: world.clone(),
                clock: Arc::new(SystemClock),
            },
            secrets: world.clone(),
        };
        let failure = registry.provider(&channel(provider, secret)).await.err();
        let read = *world.read.lock().expect("no panic");
        (failure, read)
    }

    #[tokio::test]
    async fn a_channel_with_usable_settings_and_a_usable_secret_is_connected() {
        assert_eq!(failure(&usable_provider(), "right").await, (None, 1));
    }

    #[tokio::test]
    async fn a_channel_without_a_usable_secret_is_left_alone_for_a_while() {
        for (secret, cause) in [
            ("absent", "there is no secret named \"absent\""),
            ("wrong", "\"wrong\" must be JSON with password"),
            ("unavailable", "Secrets Manager is not available"),
        ] {
            let (failure, _) = failure(&usable_provider(), secret).await;
            let failure = failure.expect("a failure");
            assert!(failure.detail.contains(cause), "{failure}");
            assert!(!failure.detail.contains("hidden"), "{failure}");
            assert_eq!(failure.outcome, None);
            assert_eq!(failure.advice, LaneAdvice::HoldFor(Duration::from_secs(30)));
        }
    }

    #[tokio::test]
    async fn the_secret_of_a_channel_with_unusable_settings_is_not_read() {
        let mut without_account = usable_provider();
        without_account["account"] = Value::Null;
        for (provider, field) in
            [(without_account, "provider.account"), (json!({ "kind": "x" }), "provider.kind")]
        {
            let (failure, read) = failure(&provider, "right").await;
            let failure = failure.expect("a failure");
            assert!(failure.detail.contains(field), "{failure}");
            assert_eq!(failure.outcome, None);
            assert_eq!(read, 0);
        }
    }
}
