//! API Gateway inside this process: the HTTP APIs of template.yaml, with their routes and what lets
//! a caller through.
//!
//! It answers refusals as API Gateway does, and keeps the authorizer's answers for as long as the
//! template says.

mod routes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alimi::http::{iam_caller, iam_identity};
use alimi::use_cases::Authorizer;
use alimi_authorizer::Answer;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lambda_http::request::RequestContext;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::aws::embedded::EmbeddedError;
use crate::aws::permissions::matches;
use crate::stack::Stack;

pub use self::routes::{Authorization, Route, authorizer_answers_hold, routes};

/// The logical id of the API whose routes take API keys.
pub const KEY_API: &str = "KeyApi";

/// More answers of the authorizer than this are not kept.
const KEPT_MAX: usize = 1_000;

/// An IAM role or user that signs a request.
#[derive(Clone, Debug)]
pub struct Signer {
    pub arn: String,
    /// What its policies permit, as `METHOD/path` behind the stage of `execute-api:Invoke`. `*`
    /// stands for any text.
    pub permissions: Vec<String>,
}

#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    routes: Vec<Route>,
    enqueue: Router,
    console: Router,
    webhook: Router,
    authorizer: Authorizer,
    answers_hold: Duration,
    /// The authorizer's answers, by the header.
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    answer: Answer,
    until: Instant,
}

/// An answer of API Gateway itself.
#[derive(Clone, Copy)]
struct Refusal(StatusCode, &'static str);

const NOT_FOUND: Refusal = Refusal(StatusCode::NOT_FOUND, "Not Found");
const UNAUTHORIZED: Refusal = Refusal(StatusCode::UNAUTHORIZED, "Unauthorized");
const FORBIDDEN: Refusal = Refusal(StatusCode::FORBIDDEN, "Forbidden");
const FAILED: Refusal = Refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, message) = self;
        let body = Body::from(json!({ "message": message }).to_string());
        (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

impl Gateway {
    /// The APIs of the template in front of a stack.
    ///
    /// # Errors
    /// [`EmbeddedError::Template`] when the template is not as this module expects.
    pub fn new(stack: &Stack) -> Result<Self, EmbeddedError> {
        Ok(Self(Arc::new(Inner {
            routes: routes()?,
            enqueue: stack.enqueue_called_by(iam_caller),
            console: stack.console_called_by(iam_identity),
            webhook: stack.webhook.clone(),
            authorizer: stack.authorizer.clone(),
            answers_hold: authorizer_answers_hold()?,
            kept: Mutex::default(),
        })))
    }

    /// The API for keys, for clients that send HTTP requests.
    pub fn key_api(&self) -> Router {
        self.api(KEY_API, None)
    }

    /// An API, for clients whose requests all have the same signer.
    pub fn api(&self, api: &'static str, signer: Option<Signer>) -> Router {
        let gateway = self.clone();
        Router::new().fallback_service(tower::service_fn(move |request: Request| {
            let (gateway, signer) = (gateway.clone(), signer.clone());
            async move { Ok(gateway.call(api, signer.as_ref(), request).await) }
        }))
    }

    /// Answers a request to an API. `signer` is who has signed it, if the signature is right.
    pub async fn call(&self, api: &str, signer: Option<&Signer>, mut request: Request) -> Response {
        let inner = &*self.0;
        let (method, path) = (request.method().as_str(), request.uri().path());
        let fitting = inner.routes.iter().filter(|route| route.api == api);
        let fitting = fitting.filter_map(|route| Some((route.fit(method, path)?, route)));
        let Some((_, route)) = fitting.max_by(|one, other| one.0.cmp(&other.0)) else {
            return NOT_FOUND.into_response();
        };
        let decision = match route.authorization {
            Authorization::Open => Ok(Value::Null),
            Authorization::Signature => signed(signer, &format!("{method}{path}")),
            Authorization::Key => inner.with_key(request.headers()).await,
        };
        let caller = match decision {
            Ok(caller) => caller,
            Err(refused) => return refused.into_response(),
        };
        let context = json!({
            "authorizer": caller,
            "domainName": format!("{}.execute-api.local", api.to_lowercase()),
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1" },
            "requestId": "local",
            "routeKey": format!("{} {}", route.method, route.path),
            "stage": "$default",
        });
        let Ok(context) = serde_json::from_value::<RequestContext>(context) else {
            return FAILED.into_response();
        };
        request.extensions_mut().insert(context);
        let function = match route.function.as_str() {
            "EnqueueFunction" => &inner.enqueue,
            "ConsoleFunction" => &inner.console,
            "WebhookFunction" => &inner.webhook,
            _ => return FAILED.into_response(),
        };
        let Ok(answer) = function.clone().oneshot(request).await;
        answer
    }
}

impl Inner {
    /// What the authorizer says about the key of a request.
    async fn with_key(&self, headers: &HeaderMap) -> Result<Value, Refusal> {
        let header = headers.get(header::AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
        let Some(header) = header else {
            return Err(UNAUTHORIZED);
        };
        let answer = match self.kept_answer(header) {
            Some(answer) => answer,
            None => self.ask(header).await?,
        };
        if !answer.is_authorized {
            return Err(FORBIDDEN);
        }
        Ok(json!({ "lambda": answer.context }))
    }

    async fn ask(&self, header: &str) -> Result<Answer, Refusal> {
        let event = json!({
            "version": "2.0", "type": "REQUEST", "identitySource": [header],
        });
        let event = to_raw_value(&event).map_err(|_| FAILED)?;
        let answered = alimi_authorizer::handle(&self.authorizer, &event).await;
        let answer = answered.map_err(|_| FAILED)?;
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let until = Instant::now() + self.answers_hold;
        kept.insert(header.to_owned(), Kept { answer: answer.clone(), until });
        Ok(answer)
    }

    fn kept_answer(&self, header: &str) -> Option<Answer> {
        let kept = self.kept();
        let found = kept.get(header).filter(|kept| Instant::now() < kept.until)?;
        Some(found.answer.clone())
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What IAM says about a signed request.
fn signed(signer: Option<&Signer>, invoked: &str) -> Result<Value, Refusal> {
    let permits = |signer: &&Signer| signer.permissions.iter().any(|own| matches(own, invoked));
    match signer.filter(permits) {
        Some(signer) => Ok(json!({
            "iam": { "callerId": "AROALOCAL:session", "userId": "AROALOCAL:session", "userArn": signer.arn },
        })),
        None => Err(FORBIDDEN),
    }
}
