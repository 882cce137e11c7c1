//! The condition of a change: `If-Match` and `If-None-Match`, with revisions as entity tags.

use alimi::domain::FieldError;
use alimi::http::Problem;
use alimi::ports::Expected;
use alimi::use_cases::NotChanged;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// A revision as an entity tag.
fn etag(revision: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{revision}\"")).ok()
}

/// An answer with the entity tag of a revision.
pub(crate) fn tagged(revision: u64, answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    if let Some(etag) = etag(revision) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer
}

/// The condition that a request states.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Err(Problem::precondition_required()),
        (Some(_), Some(_)) => Err(bad("If-None-Match", "must be left out when If-Match is sent")),
        (None, Some("*")) => Ok(Expected::Absent),
        (None, Some(_)) => Err(bad("If-None-Match", "must be *, which creates a document")),
        (Some(tag), None) => tag
            .strip_prefix('"')
            .and_then(|tag| tag.strip_suffix('"'))
            .and_then(|revision| revision.parse().ok())
            .map(Expected::Revision)
            .ok_or_else(|| bad("If-Match", "must be the ETag that you read, such as \"7\"")),
    }
}

fn bad(field: &str, must: &str) -> Problem {
    Problem::malformed(FieldError::new(field, must))
}

/// Why a change was not made. After a conflict, the answer has the present revision.
pub(crate) fn not_changed(error: NotChanged, missing: impl FnOnce() -> Problem) -> Response {
    match error {
        NotChanged::Invalid(error) => Problem::invalid(error).into_response(),
        NotChanged::Conflict(current) => conflict(current),
        NotChanged::Missing => missing().into_response(),
        NotChanged::InUse(users) => {
            let detail =
                format!("is used by {users}; it can be deleted once nothing uses it any more");
            Problem::in_use("name", detail).into_response()
        }
        NotChanged::Full(error) => Problem {
            kind: "urn:alimi:problem:limit-reached".to_owned(),
            title: "The document holds as many as it may",
            ..Problem::in_use(&error.field, error.detail)
        }
        .into_response(),
        NotChanged::Port(error) => Problem::unavailable(&error).into_response(),
    }
}

fn conflict(current: Option<u64>) -> Response {
    match current {
        None => {
            let detail = "the document does not exist; send If-None-Match: * to create it";
            Problem::precondition_failed(detail).into_response()
        }
        Some(revision) => {
            let detail = format!(
                "the document's ETag is \"{revision}\" now; read the document again before you \
                 change it"
            );
            tagged(revision, Problem::precondition_failed(detail))
        }
    }
}
