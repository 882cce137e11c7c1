//! One request, and the answer that it must get.

use alimi_local::testing::world::World;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request};
use serde_json::Value;
use tower::ServiceExt;

/// Which function serves a request.
#[derive(Clone, Copy)]
pub enum Function {
    Enqueue,
    Console,
}

#[derive(Clone)]
pub struct Case {
    /// What is wrong, for the test's output.
    pub name: String,
    pub function: Function,
    pub method: &'static str,
    pub path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    pub status: u16,
    /// The field at fault. With a `*` at its end, it begins so.
    pub field: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn text(&self) -> String {
        format!("{} {}", self.status, self.body)
    }
}

impl Case {
    pub fn of(function: Function, method: &'static str, path: &str) -> Self {
        Self {
            name: format!("{method} {path}"),
            function,
            method,
            path: path.to_owned(),
            headers: vec![],
            body: vec![],
            status: 0,
            field: String::new(),
        }
    }

    pub fn header(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make the value in place")]
    pub fn json(self, body: impl ToString) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// Adds a query or its next parameters.
    pub fn query(mut self, query: &str) -> Self {
        let separator = if self.path.contains('?') { '&' } else { '?' };
        self.path = format!("{}{separator}{query}", self.path);
        self
    }

    /// The answer that the request must get; `fault` says what is wrong with the request.
    pub fn gets(self, status: u16, field: &str, fault: &str) -> Self {
        let name = format!("{}: {fault}", self.name);
        Self { name, status, field: field.to_owned(), ..self }
    }

    pub async fn send(&self, world: &World) -> Answer {
        let router = match self.function {
            Function::Enqueue => world.stack.enqueue.clone(),
            Function::Console => world.stack.console.clone(),
        };
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            let value = HeaderValue::from_bytes(value).expect("a header");
            request = request.header(*name, value);
        }
        let request = request.body(Body::from(self.body.clone())).expect("a request");
        let Ok(response) = router.oneshot(request).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }
}
