//! Calls of AWS APIs that speak JSON: `POST /`, with the operation's name in a header (protocols AWS
//! JSON 1.0 and 1.1).
//!
//! A service's SDK adds its endpoint rules and its operations' code to every binary that makes one
//! of its calls. Here a call is signed by `aws-sigv4`, and sent with the SDKs' HTTP client, retries
//! and time-outs, which the binaries contain anyway.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_runtime::retries::classifiers::{AwsErrorCodeClassifier, THROTTLING_ERRORS};
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Credentials, Intercept, ProvideCredentials, SharedInterceptor};
use aws_sdk_dynamodb::error::{ErrorMetadata, SdkError};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{OrchestratorError, SensitiveOutput};
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::region::domain;
use crate::ports::Clock;
use crate::time::SystemClock;

/// A service that has such an API.
#[derive(Clone, Copy, Debug)]
pub(super) struct JsonApi {
    /// The service's id in AWS's models. It is part of the name of the variable that has an
    /// emulator's address: `AWS_ENDPOINT_URL_SECRETS_MANAGER`.
    pub(super) id: &'static str,
    /// The service's name in host names and in signatures.
    pub(super) name: &'static str,
    /// The part of `X-Amz-Target` before the operation's name.
    pub(super) target: &'static str,
    /// `application/x-amz-json-1.0` or `application/x-amz-json-1.1`.
    pub(super) content_type: &'static str,
}

/// One call. `Debug` leaves out its input, which may be confidential.
#[derive(Clone)]
pub struct JsonCall {
    target: String,
    input: Value,
}

impl JsonCall {
    /// The service and the operation, such as `secretsmanager.GetSecretValue`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    #[must_use]
    pub fn input(&self) -> &Value {
        &self.input
    }
}

impl fmt::Debug for JsonCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonCall").field("target", &self.target).finish_non_exhaustive()
    }
}

/// The body of a successful response. `Debug` leaves it out, because it may be confidential.
struct Output(Bytes);

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

/// Why a call has no output. Texts of the service are left out: they may contain ARNs and names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// The call did not leave this process.
    #[error("not called: {0}")]
    NotCalled(&'static str),
    /// The service did nothing, and will never do anything else with the same call. The error's
    /// code.
    #[error("{0}")]
    Refused(String),
    /// The service did nothing, because it gets more calls than it takes. The error's code.
    #[error("{0}")]
    Throttled(String),
    /// The service failed, and may have carried out the call. The error's code.
    #[error("{0}")]
    Failed(String),
    /// The service was not reached, or its response was lost: it may have carried out the call.
    #[error("not reached")]
    Unanswered,
    /// The service carried out the call, and its response cannot be understood.
    #[error("an output of another form")]
    Unreadable,
}

/// A client of one such API.
#[derive(Clone, Debug)]
pub(super) struct JsonClient {
    api: JsonApi,
    sdk: SdkConfig,
    interceptor: Option<SharedInterceptor>,
}

impl JsonClient {
    /// A client with the HTTP client, credentials, region, endpoint, retries and time-outs of the
    /// SDKs' clients.
    pub(super) fn new(api: JsonApi, sdk: SdkConfig) -> Self {
        Self { api, sdk, interceptor: None }
    }

    /// Lets `interceptor` see each call, whose input is a [`JsonCall`].
    pub(super) fn with_interceptor(self, interceptor: impl Intercept + 'static) -> Self {
        Self { interceptor: Some(SharedInterceptor::new(interceptor)), ..self }
    }

    /// Makes a call. A failed try is repeated as the [`SdkConfig`] says.
    pub(super) async fn call<T>(&self, operation: &str, input: Value) -> Result<T, CallError>
    where
        T: for<'de> Deserialize<'de>,
    {
        let call = JsonCall { target: format!("{}.{operation}", self.api.target), input };
        let output = self.send(call).await?;
        serde_json::from_slice(&output.0).map_err(|_| CallError::Unreadable)
    }

    /// Makes a call of any operation. Only the caller depends on the output's type, so this code is
    /// compiled once.
    async fn send(&self, call: JsonCall) -> Result<Output, CallError> {
        let region = self.sdk.region().ok_or(CallError::NotCalled("no region"))?.as_ref();
        let provider = self.sdk.credentials_provider();
        let provider = provider.ok_or(CallError::NotCalled("no credentials"))?;
        let credentials = provider.provide_credentials().await;
        let credentials = credentials.map_err(|_| CallError::NotCalled("no credentials"))?;
        let http_client = self.sdk.http_client();
        let http_client = http_client.ok_or(CallError::NotCalled("no HTTP client"))?;
        let endpoint = self.endpoint(region);
        let now_ms = u64::try_from(SystemClock.now_ms()).unwrap_or_default();
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms);
        // AWS accepts the signature for five minutes, much longer than all tries take together.
        let signed = self
            .sign(&call, &endpoint, region, credentials, now)
            .map_err(|_| CallError::NotCalled("no signature"))?;
        // Without this mark, the HTTP client would write each response into the log at the level
        // `trace`.
        let mut sensitive = Layer::new("sensitive");
        sensitive.store_put(SensitiveOutput);
        let operation = Operation::builder()
            .service_name(self.api.id)
            .operation_name(call.target.clone())
            .http_client(http_client)
            .endpoint_url(&endpoint)
            .no_auth()
            .standard_retry(self.sdk.retry_config().unwrap_or(&RetryConfig::standard()))
            .timeout_config(
                self.sdk.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled),
            )
            .retry_classifier(HttpStatusCodeClassifier::default())
            .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
            .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
            .with_connection_poisoning()
            .runtime_plugin(StaticRuntimePlugin::new().with_config(sensitive.freeze()))
            .serializer(move |_: JsonCall| {
                signed.try_clone().ok_or_else(|| BoxError::from("the body is in memory"))
            })
            .deserializer(read_response);
        let operation = match &self.interceptor {
            Some(interceptor) => operation.interceptor(interceptor.clone()),
            None => operation,
        };
        operation.build().invoke(call).await.map_err(|error| failure(&error))
    }

    /// The service's address: an emulator's, or else AWS's.
    fn endpoint(&self, region: &str) -> String {
        let key = ServiceConfigKey::builder()
            .service_id(self.api.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let of_service = || self.sdk.service_config()?.load_config(key.ok()?);
        let emulator = self.sdk.endpoint_url().map(str::to_owned).or_else(of_service);
        match emulator {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("https://{}.{region}.{}", self.api.name, domain(region)),
        }
    }

    /// The request with its signature, without its host.
    fn sign(
        &self,
        call: &JsonCall,
        endpoint: &str,
        region: &str,
        credentials: Credentials,
        at: SystemTime,
    ) -> Result<HttpRequest, BoxError> {
        let body = serde_json::to_vec(&call.input)?;
        let headers =
            [("content-type", self.api.content_type), ("x-amz-target", call.target.as_str())];
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(self.api.name)
            .time(at)
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signable = SignableRequest::new(
            "POST",
            format!("{endpoint}/"),
            headers.into_iter(),
            SignableBody::Bytes(&body),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri("/")?;
        for (name, value) in headers.into_iter().chain(instructions.headers()) {
            request.headers_mut().insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

/// Reads a response. Its body is complete.
fn read_response(response: &HttpResponse) -> Result<Output, OrchestratorError<ErrorMetadata>> {
    if response.status().is_success() {
        return Ok(Output(Bytes::copy_from_slice(response.body().bytes().unwrap_or_default())));
    }
    let mut error = ErrorMetadata::builder();
    if let Some(code) = error_code(response) {
        error = error.code(code);
    }
    Err(OrchestratorError::operation(error.build()))
}

/// The code of an error, without the namespace before it and the address behind it.
fn error_code(response: &HttpResponse) -> Option<String> {
    #[derive(Default, Deserialize)]
    struct ErrorBody {
        code: Option<String>,
        #[serde(rename = "__type")]
        kind: Option<String>,
    }

    let body = response.body().bytes().unwrap_or_default();
    let ErrorBody { code, kind } = serde_json::from_slice(body).unwrap_or_default();
    let header = response.headers().get("x-amzn-errortype").map(str::to_owned);
    let code = header.or(code).or(kind)?;
    let code = code.split_once(':').map_or(code.as_str(), |(code, _)| code);
    Some(code.split_once('#').map_or(code, |(_, code)| code).to_owned())
}

fn failure(error: &SdkError<ErrorMetadata, HttpResponse>) -> CallError {
    let (Some(answered), Some(response)) = (error.as_service_error(), error.raw_response()) else {
        return if matches!(error, SdkError::ConstructionFailure(_)) {
            CallError::NotCalled("no request")
        } else {
            CallError::Unanswered
        };
    };
    let status = response.status().as_u16();
    let code = answered.code().map_or_else(|| format!("status {status}"), str::to_owned);
    if status == 429 || THROTTLING_ERRORS.contains(&code.as_str()) {
        CallError::Throttled(code)
    } else if status >= 500 {
        CallError::Failed(code)
    } else {
        CallError::Refused(code)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_sdk_dynamodb::config::{
        HttpClient, Region, RuntimeComponents, SharedCredentialsProvider,
    };
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_types::service_config::LoadServiceConfig;
    use serde_json::json;

    use super::*;
    use crate::aws::{TRIES, retries};

    const API: JsonApi = JsonApi {
        id: "Secrets Manager",
        name: "secretsmanager",
        target: "secretsmanager",
        content_type: "application/x-amz-json-1.1",
    };

    /// What the service does with each try of a call.
    #[derive(Clone, Copy, Debug)]
    enum Behaviour {
        Answers(u16, &'static str),
        /// Answers with a header `x-amzn-errortype`.
        AnswersWithHeader(u16, &'static str),
        Breaks,
        Hangs,
    }

    /// A service that records the addresses of the requests.
    #[derive(Clone, Debug)]
    struct Service(Arc<Mutex<Vec<String>>>, Behaviour);

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
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let Self(addresses, behaviour) = self;
            addresses.lock().expect("no panic").push(request.uri().to_owned());
            let response = |status: u16, body| {
                HttpResponse::new(status.try_into().expect("a status"), SdkBody::from(body))
            };
            HttpConnectorFuture::ready(Ok(match *behaviour {
                Behaviour::Answers(status, body) => response(status, body),
                Behaviour::AnswersWithHeader(status, code) => {
                    let mut response = response(status, "<html>");
                    response.headers_mut().insert("x-amzn-errortype", code);
                    response
                }
                Behaviour::Breaks => {
                    let broken = ConnectorError::io("connection reset".into());
                    return HttpConnectorFuture::ready(Err(broken));
                }
                Behaviour::Hangs => return HttpConnectorFuture::new(std::future::pending()),
            }))
        }
    }

    fn client(service: &Service, region: &str) -> JsonClient {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(Duration::from_secs(2))
            .operation_timeout(Duration::from_secs(7));
        let sdk = SdkConfig::builder()
            .region(Region::new(region.to_owned()))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .retry_config(retries())
            .timeout_config(timeouts.build())
            .http_client(service.clone());
        JsonClient::new(API, sdk.build())
    }

    /// Makes a call. Returns its result, and the addresses of its tries.
    async fn call(behaviour: Behaviour) -> (Result<Value, CallError>, Vec<String>) {
        let service = Service(Arc::default(), behaviour);
        let result = client(&service, "ap-northeast-2").call("GetSecretValue", json!({})).await;
        let addresses = service.0.lock().expect("no panic").clone();
        (result, addresses)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_posts_to_the_service_of_its_region() {
        let (output, addresses) = call(Behaviour::Answers(200, r#"{"a":1}"#)).await;
        assert_eq!(output, Ok(json!({ "a": 1 })));
        assert_eq!(addresses, ["https://secretsmanager.ap-northeast-2.amazonaws.com/"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_repeated_and_has_the_code_alone() {
        let body = r#"{"__type":"com.amazonaws#AccessDeniedException:http://a","Message":"arn"}"#;
        let (result, addresses) = call(Behaviour::Answers(400, body)).await;
        assert_eq!(result, Err(CallError::Refused("AccessDeniedException".to_owned())));
        assert_eq!(addresses.len(), 1);
        let (result, _) = call(Behaviour::AnswersWithHeader(400, "ValidationException:")).await;
        assert_eq!(result, Err(CallError::Refused("ValidationException".to_owned())));
        let (result, _) = call(Behaviour::Answers(403, "<html>")).await;
        assert_eq!(result, Err(CallError::Refused("status 403".to_owned())));
    }

    /// A throttled call did nothing. After a failure or a lost response nobody knows.
    #[tokio::test(start_paused = true)]
    async fn a_throttled_failed_or_unanswered_call_is_repeated_and_told_apart() {
        let throttled = Behaviour::Answers(400, r#"{"__type":"ThrottlingException"}"#);
        let failed = Behaviour::Answers(500, r#"{"__type":"InternalServiceError"}"#);
        for (behaviour, error) in [
            (throttled, CallError::Throttled("ThrottlingException".to_owned())),
            (failed, CallError::Failed("InternalServiceError".to_owned())),
            (Behaviour::Breaks, CallError::Unanswered),
        ] {
            let (result, addresses) = call(behaviour).await;
            assert_eq!(result, Err(error), "{behaviour:?}");
            assert_eq!(addresses.len(), TRIES as usize, "{behaviour:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_never_answered_ends_with_its_time_out() {
        let began_at = tokio::time::Instant::now();
        let (result, addresses) = call(Behaviour::Hangs).await;
        assert_eq!(result, Err(CallError::Unanswered));
        assert!(addresses.len() > 1, "{addresses:?}");
        assert_eq!(began_at.elapsed().as_secs(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn an_output_of_another_form_is_not_taken_for_a_refusal() {
        let (result, addresses) = call(Behaviour::Answers(200, "<html>")).await;
        assert_eq!(result, Err(CallError::Unreadable));
        assert_eq!(addresses.len(), 1);
    }

    #[derive(Debug)]
    struct Emulators;

    impl LoadServiceConfig for Emulators {
        fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
            Some(format!("http://{}/{}", key.env(), key.service_id()))
        }
    }

    #[test]
    fn the_endpoint_is_an_emulators_or_the_regions() {
        let service = Service(Arc::default(), Behaviour::Breaks);
        let client = client(&service, "");
        let at = |region: &str| client.endpoint(region);
        assert_eq!(at("cn-north-1"), "https://secretsmanager.cn-north-1.amazonaws.com.cn");
        let of_sdk = |sdk| JsonClient::new(API, sdk).endpoint("ap-northeast-2");
        let of_service = SdkConfig::builder().service_config(Emulators);
        assert_eq!(of_sdk(of_service.build()), "http://AWS_ENDPOINT_URL/Secrets Manager");
        let of_all = SdkConfig::builder().service_config(Emulators).endpoint_url("http://all/");
        assert_eq!(of_sdk(of_all.build()), "http://all");
    }

    /// The expected signature was computed by a short program of its own, after AWS's description.
    #[test]
    fn the_signature_is_the_one_of_aws_s_description() {
        let service = Service(Arc::default(), Behaviour::Breaks);
        let client = client(&service, "");
        let input = json!({ "SecretId": "alimi/alimtalk-main" });
        let call = JsonCall { target: "secretsmanager.GetSecretValue".to_owned(), input };
        let credentials = Credentials::new("id", "secret", Some("token".to_owned()), None, "test");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_772_413_323);
        let endpoint = client.endpoint("ap-northeast-2");
        let request = client.sign(&call, &endpoint, "ap-northeast-2", credentials, at);
        let request = request.expect("a signature");
        let header = |name: &str| request.headers().get(name).expect("the header");
        assert_eq!(
            header("authorization"),
            "AWS4-HMAC-SHA256 \
             Credential=id/20260302/ap-northeast-2/secretsmanager/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, \
             Signature=f63ab58366c9b5cb5e55d7aea51bb72d80d9c7509b4d456daf14bf776dbf54a0"
        );
        assert_eq!(header("x-amz-date"), "20260302T010203Z");
        assert_eq!(header("x-amz-security-token"), "token");
        assert_eq!(header("x-amz-target"), "secretsmanager.GetSecretValue");
        assert_eq!(header("content-type"), "application/x-amz-json-1.1");
    }

    #[test]
    fn debug_leaves_out_input_and_output() {
        let call = JsonCall { target: "a.B".to_owned(), input: json!({ "Body": "01012345678" }) };
        assert_eq!(format!("{call:?}"), r#"JsonCall { target: "a.B", .. }"#);
        assert_eq!(format!("{:?}", Output(Bytes::from("secret"))), "Output { .. }");
    }
}
