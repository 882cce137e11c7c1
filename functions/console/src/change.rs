//! What a change relies on: `If-Match` and `If-None-Match`, with revisions as entity tags.

use alimi::delivery::{FieldError, NotChanged};
use alimi::http::Problem;
use alimi::ports::scheduling::Expected;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// A revision as an entity tag.
pub(crate) fn etag(revision: u64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{revision}\"")).ok()
}

/// An answer with the revision that it shows.
pub(crate) fn tagged(revision: u64, answer: impl IntoResponse) -> Response {
    let mut answer = answer.into_response();
    if let Some(etag) = etag(revision) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer
}

/// What a request says that its change relies on.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Expected, Problem> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (None, None) => Err(Problem::precondition_required()),
        (Some(_), Some(_)) => Err(bad("If-None-Match", "must be left out where If-Match is said")),
        (None, Some("*")) => Ok(Expected::Absent),
        (None, Some(_)) => Err(bad("If-None-Match", "must be *, for what is new")),
        (Some(tag), None) => tag
            .strip_prefix('"')
            .and_then(|tag| tag.strip_suffix('"'))
            .and_then(|revision| revision.parse().ok())
            .map(Expected::Revision)
            .ok_or_else(|| bad("If-Match", "must be the ETag that was read, such as \"7\"")),
    }
}

fn bad(field: &str, must: &str) -> Problem {
    Problem::malformed(FieldError::new(field, must))
}

/// Why a change was not made, with the revision to look at instead.
pub(crate) fn refused(error: NotChanged, nothing: impl FnOnce() -> Problem) -> Response {
    match error {
        NotChanged::Invalid(error) => Problem::invalid(error).into_response(),
        NotChanged::Lost(current) => lost(current),
        NotChanged::Missing => nothing().into_response(),
        NotChanged::InUse(users) => {
            let detail = format!("{users} would be left without it");
            Problem::in_use("name", detail).into_response()
        }
        NotChanged::Port(error) => Problem::unavailable(&error).into_response(),
    }
}

/// Somebody else was quicker.
fn lost(current: Option<u64>) -> Response {
    match current {
        None => {
            let detail = "there is none: say If-None-Match: * to create it";
            Problem::precondition_failed(detail).into_response()
        }
        Some(revision) => {
            let detail = format!("its ETag is \"{revision}\" now: read it, and decide on that");
            tagged(revision, Problem::precondition_failed(detail))
        }
    }
}
