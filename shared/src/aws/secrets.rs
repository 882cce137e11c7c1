//! Secrets Manager, with a cache that expires, so that a rotated secret comes into use by itself.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::config::Intercept;
use aws_types::SdkConfig;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::json_api::{CallError, JsonApi, JsonClient};
use crate::ports::{PortError, Secrets};

const API: JsonApi = JsonApi {
    id: "Secrets Manager",
    name: "secretsmanager",
    target: "secretsmanager",
    content_type: "application/x-amz-json-1.1",
};

/// How long a secret is used before it is read again.
const CACHED_FOR: Duration = Duration::from_secs(60);

/// How long a secret is used that cannot be read again. An account's password rarely changes, so the
/// last one that was read is probably right.
const USED_FOR: Duration = Duration::from_secs(12 * 60 * 60);

/// So long, a known secret may take to be read again: a lane waits meanwhile.
const READ_AGAIN_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct SecretsManager {
    client: JsonClient,
    /// By name, absent secrets too: a channel whose secret is missing must not cause a request to
    /// Secrets Manager each time.
    cache: Mutex<HashMap<String, Cached>>,
}

#[derive(Debug)]
struct Cached {
    /// `None` when there was no such secret.
    secret: Option<SecretString>,
    /// When Secrets Manager gave this answer.
    read_at: Instant,
    /// When Secrets Manager was last asked, whether or not it answered.
    asked_at: Instant,
}

impl Cached {
    /// Whether the secret may be used although it cannot be read again.
    fn outlasts_a_failure(&self) -> bool {
        self.secret.is_some() && self.read_at.elapsed() < USED_FOR
    }
}

/// The output of `GetSecretValue`.
#[derive(Deserialize)]
struct SecretValue {
    /// `None` when the secret is binary.
    #[serde(rename = "SecretString")]
    text: Option<SecretString>,
}

impl SecretsManager {
    #[must_use]
    pub fn new(sdk: SdkConfig) -> Self {
        Self { client: JsonClient::new(API, sdk), cache: Mutex::default() }
    }

    /// Lets `interceptor` see each call, whose input is a [`JsonCall`](super::JsonCall).
    #[must_use]
    pub fn with_interceptor(self, interceptor: impl Intercept + 'static) -> Self {
        Self { client: self.client.with_interceptor(interceptor), ..self }
    }

    async fn read(&self, name: &str) -> Result<Option<SecretString>, PortError> {
        let input = json!({ "SecretId": name });
        match self.client.call::<SecretValue>("GetSecretValue", input).await {
            Ok(found) => Ok(found.text),
            Err(CallError::Refused(code)) if code == "ResourceNotFoundException" => Ok(None),
            Err(error) => {
                let detail = error.to_string();
                Err(PortError::Unavailable { what: "Secrets Manager", detail })
            }
        }
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn secret(&self, name: &str) -> Result<Option<SecretString>, PortError> {
        let mut cache = self.cache.lock().await;
        if let Some(cached) = cache.get(name)
            && cached.asked_at.elapsed() < CACHED_FOR
        {
            return Ok(cached.secret.clone());
        }
        let is_known = cache.get(name).is_some_and(Cached::outlasts_a_failure);
        let within = if is_known { READ_AGAIN_WITHIN } else { Duration::MAX };
        let read = timeout(within, self.read(name)).await.unwrap_or_else(|_| {
            let detail = "it has not answered in time".to_owned();
            Err(PortError::Unavailable { what: "Secrets Manager", detail })
        });
        match read {
            Ok(secret) => {
                let now = Instant::now();
                let cached = Cached { secret: secret.clone(), read_at: now, asked_at: now };
                cache.insert(name.to_owned(), cached);
                Ok(secret)
            }
            Err(error) => match cache.get_mut(name).filter(|cached| cached.outlasts_a_failure()) {
                Some(cached) => {
                    tracing::warn!(
                        secret_name = name,
                        %error,
                        "a secret cannot be read again; its last content is used"
                    );
                    cached.asked_at = Instant::now();
                    Ok(cached.secret.clone())
                }
                None => Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
    use aws_smithy_runtime_api::client::http::{
        HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
    use aws_smithy_types::body::SdkBody;
    use secrecy::ExposeSecret;

    use super::*;

    /// A Secrets Manager with one response for all requests, which it counts.
    #[derive(Clone, Debug, Default)]
    struct Service(Arc<Mutex<(u16, &'static str, usize)>>);

    impl Service {
        fn respond(&self, status: u16, body: &'static str) {
            let mut state = self.0.lock().expect("no panic");
            (state.0, state.1) = (status, body);
        }

        /// Answers no request any more.
        fn hang(&self) {
            self.respond(0, "");
        }

        fn requests(&self) -> usize {
            self.0.lock().expect("no panic").2
        }
    }

    impl HttpClient for Service {
        fn http_connector(
            &self,
            _: &HttpConnectorSettings,
            _: &RuntimeComponents,
        ) -> SharedHttpConnector {
            SharedHttpConnector::new(self.clone())
        }
    }

    impl HttpConnector for Service {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            let mut state = self.0.lock().expect("no panic");
            state.2 += 1;
            if state.0 == 0 {
                return HttpConnectorFuture::new(std::future::pending());
            }
            let status = state.0.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(state.1))))
        }
    }

    fn secrets(service: &Service) -> SecretsManager {
        let sdk = SdkConfig::builder()
            .region(Region::from_static("ap-northeast-2"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .http_client(service.clone())
            .endpoint_url("http://secretsmanager.in-process")
            .build();
        SecretsManager::new(sdk)
    }

    async fn read(secrets: &SecretsManager) -> Option<String> {
        let secret = secrets.secret("alimi/alimtalk-main").await.expect("an answer");
        secret.map(|secret| secret.expose_secret().to_owned())
    }

    const NONE: &str = r#"{"__type":"ResourceNotFoundException","Message":"there is none"}"#;

    #[tokio::test(start_paused = true)]
    async fn a_rotated_secret_is_read_again_after_a_minute_and_not_earlier() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(200, r#"{"SecretString":"old"}"#);
        assert_eq!(read(&secrets).await.as_deref(), Some("old"));
        service.respond(200, r#"{"SecretString":"new"}"#);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(read(&secrets).await.as_deref(), Some("old"));
        assert_eq!(service.requests(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(read(&secrets).await.as_deref(), Some("new"));
        assert_eq!(service.requests(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_absent_secret_is_read_again_after_a_minute_and_not_earlier() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(400, NONE);
        for _ in 0..100 {
            assert_eq!(read(&secrets).await, None);
        }
        assert_eq!(service.requests(), 1);
        service.respond(200, r#"{"SecretString":"created since"}"#);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(read(&secrets).await.as_deref(), Some("created since"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_reported_by_its_code_and_not_cached() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(400, r#"{"__type":"AccessDeniedException","Message":"arn and names"}"#);
        let error = secrets.secret("alimi/alimtalk-main").await.expect_err("no secret").to_string();
        assert_eq!(error, "Secrets Manager is not available: AccessDeniedException");
        service.respond(200, r#"{"SecretString":"permitted since"}"#);
        assert_eq!(read(&secrets).await.as_deref(), Some("permitted since"));
    }

    const UNAVAILABLE: &str = r#"{"__type":"InternalServiceError","Message":"try again"}"#;
    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_cannot_be_read_again_is_used_for_twelve_hours() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(200, r#"{"SecretString":"last"}"#);
        assert_eq!(read(&secrets).await.as_deref(), Some("last"));
        service.respond(400, UNAVAILABLE);
        for _ in 0..12 * 60 - 2 {
            tokio::time::advance(MINUTE).await;
            assert_eq!(read(&secrets).await.as_deref(), Some("last"));
        }
        tokio::time::advance(2 * MINUTE).await;
        let error = secrets.secret("alimi/alimtalk-main").await.expect_err("too old").to_string();
        assert_eq!(error, "Secrets Manager is not available: InternalServiceError");
        service.respond(200, r#"{"SecretString":"new"}"#);
        assert_eq!(read(&secrets).await.as_deref(), Some("new"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_secrets_manager_that_fails_is_asked_again_once_a_minute() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(200, r#"{"SecretString":"last"}"#);
        read(&secrets).await;
        service.respond(400, UNAVAILABLE);
        tokio::time::advance(MINUTE).await;
        for _ in 0..100 {
            assert_eq!(read(&secrets).await.as_deref(), Some("last"));
        }
        assert_eq!(service.requests(), 2);
        service.respond(200, r#"{"SecretString":"new"}"#);
        tokio::time::advance(MINUTE).await;
        assert_eq!(read(&secrets).await.as_deref(), Some("new"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_known_secret_is_used_after_a_second_when_secrets_manager_does_not_answer() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(200, r#"{"SecretString":"last"}"#);
        read(&secrets).await;
        service.hang();
        tokio::time::advance(MINUTE).await;
        let asked_at = Instant::now();
        assert_eq!(read(&secrets).await.as_deref(), Some("last"));
        assert!(asked_at.elapsed() < Duration::from_millis(1_500), "{:?}", asked_at.elapsed());
        assert_eq!(service.requests(), 2);
    }

    /// An operator may have stored the secret meanwhile.
    #[tokio::test(start_paused = true)]
    async fn an_absence_is_not_used_when_secrets_manager_fails() {
        let service = Service::default();
        let secrets = secrets(&service);
        service.respond(400, NONE);
        assert_eq!(read(&secrets).await, None);
        service.respond(400, UNAVAILABLE);
        tokio::time::advance(MINUTE).await;
        assert!(secrets.secret("alimi/alimtalk-main").await.is_err());
        // A secret that was deleted is not used either.
        service.respond(200, r#"{"SecretString":"deleted"}"#);
        assert_eq!(read(&secrets).await.as_deref(), Some("deleted"));
        service.respond(400, NONE);
        tokio::time::advance(MINUTE).await;
        assert_eq!(read(&secrets).await, None);
    }
}
