//! Requests to `enqueue`, as a producer sends them.

use alimi_local::stack::Stack;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::program::Failure;

/// Creates one notification and returns its id.
pub async fn create(
    stack: &Stack,
    key: &str,
    priority: u16,
    phone: &str,
) -> Result<String, Failure> {
    create_from(stack, key, "consultation-start", priority, phone).await
}

/// Creates one notification from a template and returns its id.
pub async fn create_from(
    stack: &Stack,
    key: &str,
    template: &str,
    priority: u16,
    phone: &str,
) -> Result<String, Failure> {
    let body = json!({
        "template": template,
        "to": { "id": "teacher-1", "phone": phone },
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "priority": priority,
    });
    let (status, answer) = post(stack, "/v1/notifications", key, &body).await?;
    match answer["id"].as_str() {
        Some(id) if status < 300 => Ok(id.to_owned()),
        _ => Err(format!("{status}: {answer}").into()),
    }
}

/// Sends a request and returns the status and the body of its answer.
pub async fn post(
    stack: &Stack,
    path: &str,
    key: &str,
    body: &Value,
) -> Result<(u16, Value), Failure> {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()))?;
    let Ok(response) = stack.enqueue.clone().oneshot(request).await;
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    Ok((status, serde_json::from_slice(&body)?))
}
