//! Tells API Gateway whose API key a request has, and what the key permits. API Gateway invokes this
//! function before a route of the API for keys, in the payload format 2.0 with simple responses.

use alimi::domain::Scope;
use alimi::use_cases::{Authorized, Authorizer};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The part of the event that is read.
#[derive(Deserialize)]
struct AuthorizerEvent {
    /// The values of the identity sources. There is one source: the header `Authorization`.
    #[serde(rename = "identitySource", default)]
    identity_source: Vec<SecretString>,
}

/// The answer. API Gateway keeps it for the header's value, and uses it for every route, so it must
/// not depend on anything else of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    #[serde(rename = "isAuthorized")]
    pub is_authorized: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<Context>,
}

/// What the routes get to know of the caller: see `alimi::http::KeyCaller`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Context {
    /// The name of the key's producer.
    pub producer: String,
    /// The key's id.
    pub key: String,
    /// What the key permits, separated by spaces: API Gateway passes on texts, and no lists.
    pub scopes: String,
}

/// Why an invocation failed. It never quotes the event, which holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizerError {
    #[error("the event is no request of API Gateway in the payload format 2.0")]
    Unreadable,
    /// API Gateway answers 500, and keeps nothing.
    #[error("the API keys cannot be read now")]
    Unavailable,
}

/// Handles one request of API Gateway.
pub async fn handle(authorizer: &Authorizer, event: &RawValue) -> Result<Answer, AuthorizerError> {
    let event: AuthorizerEvent =
        serde_json::from_str(event.get()).map_err(|_| AuthorizerError::Unreadable)?;
    let [authorization] = &event.identity_source[..] else {
        return Ok(Answer { is_authorized: false, context: None });
    };
    match authorizer.authorize(authorization).await {
        Ok(caller) => {
            Ok(Answer { is_authorized: caller.is_some(), context: caller.map(Context::of) })
        }
        Err(error) => {
            tracing::error!(%error, "nobody can say whose API key a request has");
            Err(AuthorizerError::Unavailable)
        }
    }
}

impl Context {
    fn of(caller: Authorized) -> Self {
        let scopes: Vec<&str> = caller.scopes.into_iter().map(Scope::as_str).collect();
        Self { producer: caller.producer, key: caller.key, scopes: scopes.join(" ") }
    }
}
