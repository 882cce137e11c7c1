//! Requests to the functions' routers.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt;

/// An answer of `console`, or of another function over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// The `ETag` header.
    pub etag: Option<String>,
    /// The body; null when it is empty or no JSON.
    pub body: Value,
}

/// Sends one request to the routes of `console`.
pub async fn operate(
    console: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Answer {
    let (status, mut headers, body) = exchange(console, method, path, headers, body).await;
    // Every answer has another one, and otherwise equal answers are equal.
    headers.remove("x-request-id");
    let etag = headers.get(header::ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    Answer { status: status.as_u16(), headers, etag, body }
}

impl Answer {
    /// A header of the answer; empty if it has none of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Sends one request to a router.
pub(super) async fn call(
    router: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (StatusCode, Value) {
    let (status, _, body) = exchange(router, method, path, headers, body).await;
    (status, body)
}

async fn exchange(
    router: Router,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (StatusCode, HeaderMap, Value) {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let Ok(request) = request.body(Body::from(body)) else {
        return (StatusCode::IM_A_TEAPOT, HeaderMap::new(), Value::Null);
    };
    let Ok(response) = router.oneshot(request).await;
    let status = response.status();
    let headers = response.headers().clone();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
    (status, headers, serde_json::from_slice(&body).unwrap_or(Value::Null))
}
