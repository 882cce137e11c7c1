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
    /// The beginning of every secret's name. The rest is the channel's name, so a channel's document
    /// cannot name another channel's secret.
    pub secret_prefix: String,
}

#[async_trait]
impl Providers for Registry {
    async fn provider(&self, channel: &Channel) -> Result<Arc<dyn Provider>, NotPrepared> {
        // The settings first: a channel that cannot be used does not need its secret.
        let adapter = self.adapters.connector(channel).map_err(|faults| not_usable(&faults))?;
        let secret_name = format!("{}{}", self.secret_prefix, channel.name);
        let secret = channel_secret(&*self.secrets, &secret_name).await?;
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
        LaneAdvice, NoResponse, PortError, ProviderCall, ProviderHttp, Readiness, StoredToken,
        Tokens,
    };
    use crate::providers::Endpoints;
    use crate::time::SystemClock;

    /// Secrets by name. It records which ones are read, and how many requests are made.
    #[derive(Default)]
    struct World {
        secrets: HashMap<&'static str, &'static str>,
        read: Mutex<Vec<String>>,
        requests: Mutex<usize>,
    }

    #[async_trait]
    impl Secrets for World {
        async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError> {
            self.read.lock().expect("no panic").push(name.to_owned());
            if name == "alimi/unavailable" {
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
            *self.requests.lock().expect("no panic") += 1;
            Err(NoResponse::NotSent("refused".into()))
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

    fn channel(name: &str, provider: &Value) -> Channel {
        serde_json::from_value(json!({
            "name": name, "provider": provider, "limit": { "per_second": 10 },
        }))
        .expect("a channel")
    }

    fn usable_provider() -> Value {
        json!({ "kind": super::super::KINDS[0], "account": "a", "from": "0212345678" })
    }

    /// What came of connecting a channel, and the world that saw it.
    async fn connect(channel: &Channel) -> (Result<Arc<dyn Provider>, NotPrepared>, Arc<World>) {
        let world = Arc::new(World {
            secrets: HashMap::from([
                ("alimi/right", r#"{"password":"hidden"}"#),
                ("alimi/wrong", "hidden"),
                ("right", r#"{"password":"hidden"}"#),
                ("payroll/right", r#"{"password":"hidden"}"#),
            ]),
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
            secret_prefix: "alimi/".to_owned(),
        };
        (registry.provider(channel).await, world)
    }

    /// The failure of connecting, and the secrets that were read.
    async fn failure(name: &str, provider: &Value) -> (NotPrepared, Vec<String>) {
        let (connected, world) = connect(&channel(name, provider)).await;
        assert_eq!(*world.requests.lock().expect("no panic"), 0, "connecting makes no request");
        let read = world.read.lock().expect("no panic").clone();
        (connected.err().expect("a failure"), read)
    }

    #[tokio::test]
    async fn a_channel_is_connected_with_the_secret_of_its_own_name() {
        let (connected, world) = connect(&channel("right", &usable_provider())).await;
        let provider = connected.expect("a provider");
        assert_eq!(*world.read.lock().expect("no panic"), ["alimi/right"]);
        let readiness = provider.readiness(0).await.expect("an answer");
        assert_eq!(readiness, Readiness::NeedsPreparation);
    }

    /// A row that was stored before channels lost the field still has it.
    #[tokio::test]
    async fn a_secret_that_a_stored_channel_names_is_not_read() {
        let mut stored = serde_json::to_value(channel("right", &usable_provider())).expect("JSON");
        for secret in ["payroll/right", "alimi/wrong", "right"] {
            stored["secret"] = secret.into();
            let channel: Channel = serde_json::from_value(stored.clone()).expect("a channel");
            let (connected, world) = connect(&channel).await;
            assert!(connected.is_ok(), "{secret}");
            assert_eq!(*world.read.lock().expect("no panic"), ["alimi/right"], "{secret}");
        }
    }

    #[tokio::test]
    async fn a_channel_without_a_usable_secret_opens_its_circuit() {
        for (name, cause) in [
            ("absent", "there is no secret named \"alimi/absent\""),
            ("wrong", "\"alimi/wrong\" must be JSON with password"),
            ("unavailable", "Secrets Manager is not available"),
        ] {
            let (failure, _) = failure(name, &usable_provider()).await;
            assert!(failure.detail.contains(cause), "{failure}");
            assert!(!failure.detail.contains("hidden"), "{failure}");
            assert_eq!(failure.outcome, None);
            assert_eq!(failure.advice, LaneAdvice::OpenCircuit);
        }
    }

    /// The console refuses such channels. A row may have been stored by other means.
    #[tokio::test]
    async fn a_stored_channel_with_unusable_settings_gets_neither_a_secret_nor_a_request() {
        let with = |name: &str, value: Value| {
            let mut provider = usable_provider();
            provider[name] = value;
            provider
        };
        for (provider, field) in [
            (with("account", Value::Null), "provider.account"),
            (with("kind", "x".into()), "provider.kind"),
            (with("endpoint", "https://elsewhere.example".into()), "provider.endpoint"),
            (with("endpoint", "http://169.254.169.254".into()), "provider.endpoint"),
            (with("base_url", "https://elsewhere.example".into()), "provider.base_url"),
        ] {
            let (failure, read) = failure("right", &provider).await;
            assert!(failure.detail.contains(field), "{failure}");
            assert!(!failure.detail.contains("elsewhere"), "{failure}");
            assert_eq!(failure.outcome, None);
            assert_eq!(failure.advice, LaneAdvice::OpenCircuit);
            assert_eq!(read, [""; 0]);
        }
    }
}
