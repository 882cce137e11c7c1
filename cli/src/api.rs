//! Requests to the HTTP API.

use std::time::{Duration, UNIX_EPOCH};

use alimi::ports::Clock as _;
use alimi::time::SystemClock;
use aws_credential_types::Credentials;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::credentials;
use crate::failure::Failure;
use crate::refusal::Refusal;
use crate::signing::{SERVICE, Signer};
use crate::target::{Caller, Target};
use crate::variables::Variables;

/// API Gateway answers within 30 s.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How often a request that may be repeated is sent at most.
const TRIES: u32 = 3;
/// The pause before a second try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(400);
/// A longer pause is left to the person.
const PAUSE_MAX_S: u64 = 5;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A part of a path or of a query, encoded as signatures need it.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// A path with parameters. Those without a value are left out.
pub(crate) fn with_query(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let query: Vec<String> =
        given.map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

pub(crate) struct Api {
    client: reqwest::Client,
    pub(crate) target: Target,
    /// What requests are signed with.
    credentials: Option<Credentials>,
}

/// A request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// From the address of the API on, with the query. Encoded.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// An answer with a status of success.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: vec![], body: None }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }
}

impl Answer {
    /// The body as JSON. An empty body is `null`.
    pub(crate) fn json(&self) -> Result<Value, Failure> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body).map_err(|_| {
            Failure::NotUnderstood(format!(
                "the answer (HTTP {}) is not JSON; check that the URL is Alimi's API",
                self.status
            ))
        })
    }
}

impl Api {
    /// # Errors
    /// When the requests have to be signed, and there are no credentials.
    pub(crate) fn new(target: Target, variables: &Variables) -> Result<Self, Failure> {
        // Fails only when a cryptography provider is installed already: then that one serves.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let credentials = match &target.caller {
            Caller::Aws { profile, .. } => Some(credentials::find(profile.as_deref(), variables)?),
            Caller::Key(_) | Caller::Nobody => None,
        };
        let mut client = reqwest::Client::builder()
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            // A redirect would take the credentials to another address.
            .redirect(reqwest::redirect::Policy::none())
            .https_only(target.is_remote())
            .user_agent(concat!("alimi-cli/", env!("CARGO_PKG_VERSION")));
        if !target.is_remote() {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            Failure::usage(format!("HTTP cannot be used on this machine: {error}"))
        })?;
        Ok(Self { client, target, credentials })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.send(&Call::new(Method::GET, path)).await?.json()
    }

    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let call = Call::new(Method::POST, path);
        let call = match body {
            Some(body) => call.json(body),
            None => call,
        };
        self.send(&call).await?.json()
    }

    /// Sends a request. One that only reads is sent again if the API cannot be reached for the
    /// moment.
    ///
    /// # Errors
    /// [`Failure::Refused`] for every answer that is no success.
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        if call.method == Method::GET {
            self.send_repeatedly(call).await
        } else {
            self.send_once(call).await
        }
    }

    /// Sends a request that does no more when it comes twice. It is sent again if the API cannot be
    /// reached for the moment.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn send_repeatedly(&self, call: &Call) -> Result<Answer, Failure> {
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            let result = self.send_once(call).await;
            let Err(failure) = &result else { return result };
            match failure.try_again_after() {
                Some(seconds) if seconds <= PAUSE_MAX_S => {
                    tokio::time::sleep(pause.max(Duration::from_secs(seconds))).await;
                    pause *= 2;
                }
                _ => return result,
            }
        }
        self.send_once(call).await
    }

    async fn send_once(&self, call: &Call) -> Result<Answer, Failure> {
        let Target { url, caller, .. } = &self.target;
        let full = format!("{url}{}", call.path);
        let body = call.body.clone().unwrap_or_default();
        let mut request = self.client.request(call.method.clone(), &full);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        match (caller, &self.credentials) {
            (Caller::Key(key), _) => request = request.bearer_auth(key.expose_secret()),
            (Caller::Aws { region, .. }, Some(credentials)) => {
                let now = Duration::from_micros(u64::try_from(SystemClock.now_us()).unwrap_or(0));
                let signer = Signer { credentials, region, service: SERVICE, at: UNIX_EPOCH + now };
                let added = signer.sign(call.method.as_str(), &full, &call.headers, &body);
                for (name, value) in added.map_err(|error| Failure::usage(error.to_string()))? {
                    request = request.header(name, value);
                }
            }
            (Caller::Aws { .. } | Caller::Nobody, _) => {}
        }
        let path = call.path.split('?').next().unwrap_or_default();
        let name = format!("{} {path}", call.method);
        let answer = request.body(body).send().await.map_err(|error| no_answer(url, &error))?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.map_err(|error| no_answer(url, &error))?.to_vec();
        if status.is_success() {
            return Ok(Answer { status: status.as_u16(), headers, body });
        }
        let retry_after = headers.get("retry-after").and_then(|it| it.to_str().ok()?.parse().ok());
        let refusal = Refusal::new(name, status.as_u16(), retry_after, &body);
        Err(Failure::Refused(Box::new(refusal)))
    }
}

/// Why there is no answer. The URL of the error, whose query may name persons, is left out.
fn no_answer(url: &str, error: &reqwest::Error) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let what = if error.is_builder() {
        return Failure::usage("a header or the path of the request is malformed");
    } else if error.is_timeout() {
        "did not answer in time".to_owned()
    } else if std::ptr::addr_eq(cause, error) {
        "gave no answer".to_owned()
    } else {
        format!("gave no answer: {cause}")
    };
    Failure::Unreachable(format!("{url} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_encoded_and_has_only_the_parameters_that_are_given() {
        let parameters = [("cursor", Some("1#a/b=")), ("limit", None), ("tag", Some("봄 x"))];
        let path = with_query("/v1/notifications", &parameters);
        assert_eq!(path, "/v1/notifications?cursor=1%23a%2Fb%3D&tag=%EB%B4%84%20x");
        assert_eq!(with_query("/v1/hours", &[("after", None)]), "/v1/hours");
    }
}
