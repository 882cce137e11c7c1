//! The ids of requests. Every answer carries one, and so do the log lines of refused requests. Of a
//! deployed stack it is API Gateway's id, which its access log has too.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::http::{Extensions, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use lambda_http::request::RequestContext;

use super::problem_kind::ProblemKind;

/// The header of every answer.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    /// The request that this task handles.
    static CURRENT: String;
}

/// Whether the log has a line for each refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusals {
    Logged,
    /// Everybody may call the route, so a flood must not fill the log.
    NotLogged,
}

/// The id of the request that this task handles; `None` outside of a request.
#[must_use]
pub(super) fn current_request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The routes of a function, with the request's id in every answer.
pub fn with_request_ids(routes: Router, refusals: Refusals) -> Router {
    routes.layer(from_fn(move |request: Request, next: Next| answer(request, next, refusals)))
}

async fn answer(request: Request, next: Next, refusals: Refusals) -> Response {
    let id = api_gateway_id(request.extensions()).unwrap_or_else(local_id);
    let mut response = CURRENT.scope(id.clone(), next.run(request)).await;
    if refusals == Refusals::Logged
        && let Some(kind) = response.extensions().get::<ProblemKind>()
    {
        // Neither the field nor the detail: both may have a client's words.
        let status = response.status().as_u16();
        tracing::info!(request_id = id, status, problem = kind.as_str(), "a request was refused");
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, id);
    }
    response
}

fn api_gateway_id(extensions: &Extensions) -> Option<String> {
    let RequestContext::ApiGatewayV2(context) = extensions.get::<RequestContext>()? else {
        return None;
    };
    context.request_id.clone().filter(|id| !id.is_empty())
}

/// An id where no API Gateway gives one: in the local stack and in tests.
fn local_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("local-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
