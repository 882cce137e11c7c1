//! The condition of a change: `If-Match` and `If-None-Match`, with revisions as entity tags.

use alimi::domain::FieldError;
use alimi::http::{Problem, ProblemKind, single_header};
use alimi::ports::Expected;
use alimi::use_cases::NotChanged;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};

const IF_MATCH: &str = "If-Match";
const IF_NONE_MATCH: &str = "If-None-Match";

const MUST_BE_A_TAG: &str = "must be one ETag that you read, with its quotes, such as \"7\"";

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
    match (single_header(headers, IF_MATCH)?, single_header(headers, IF_NONE_MATCH)?) {
        (None, None) => Err(Problem::precondition_required()),
        (Some(_), Some(_)) => Err(bad(IF_NONE_MATCH, "must be left out when If-Match is sent")),
        (None, Some("*")) => Ok(Expected::Absent),
        (None, Some(_)) => Err(bad(IF_NONE_MATCH, "must be *, which creates a document")),
        (Some(tag), None) => {
            revision(tag).map(Expected::Revision).ok_or_else(|| bad(IF_MATCH, MUST_BE_A_TAG))
        }
    }
}

/// The revision of a notification that a decision is about.
pub(crate) fn expected_revision(headers: &HeaderMap) -> Result<u64, Problem> {
    let Some(tag) = single_header(headers, IF_MATCH)? else {
        let detail = "is missing; send the ETag of the notification as you have read it with GET \
                      /v1/ops/notifications/{id}";
        let error = FieldError::new(IF_MATCH, detail);
        return Err(Problem::new(ProblemKind::PreconditionRequired, error));
    };
    revision(tag).ok_or_else(|| bad(IF_MATCH, MUST_BE_A_TAG))
}

/// The condition of a deletion, which needs a document.
pub(crate) fn expected_to_delete(headers: &HeaderMap) -> Result<Expected, Problem> {
    match expected(headers)? {
        Expected::Absent => {
            let must = "must be left out: a deletion needs If-Match with the ETag that you read";
            Err(bad(IF_NONE_MATCH, must))
        }
        other @ (Expected::Revision(_) | Expected::Any) => Ok(other),
    }
}

/// The revision of an entity tag that an answer had. Other spellings of the number are no such tag.
fn revision(tag: &str) -> Option<u64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    digits.parse().ok().filter(|revision: &u64| revision.to_string() == digits)
}

fn bad(field: &str, must: &str) -> Problem {
    Problem::malformed(FieldError::new(field, must))
}

/// Why a change was not made. After a conflict, the answer has the present revision.
pub(crate) fn not_changed(
    error: NotChanged,
    expected: Expected,
    missing: impl FnOnce() -> Problem,
) -> Response {
    match error {
        NotChanged::Invalid(error) => Problem::invalid(error).into_response(),
        NotChanged::Conflict(current) => conflict(expected, current),
        NotChanged::Missing => missing().into_response(),
        NotChanged::InUse(users) => {
            let detail =
                format!("is used by {users}; it can be deleted once nothing uses it any more");
            Problem::in_use("name", detail).into_response()
        }
        NotChanged::Full(error) => Problem::limit_reached(error).into_response(),
        NotChanged::Port(error) => Problem::unavailable(&error).into_response(),
    }
}

/// The condition does not hold: the document has the revision `current`, or does not exist.
fn conflict(expected: Expected, current: Option<u64>) -> Response {
    let Some(current) = current else {
        let detail = "there is no such document; send If-None-Match: * to create it";
        return Problem::precondition_failed(IF_MATCH, detail).into_response();
    };
    let problem = match expected {
        Expected::Absent => {
            let detail = format!(
                "is *, and a document of this name exists, with the ETag \"{current}\"; to change \
                 it, read it and send If-Match with its ETag, or choose another name"
            );
            Problem::precondition_failed(IF_NONE_MATCH, detail)
        }
        Expected::Revision(_) | Expected::Any => {
            let detail = format!(
                "does not fit: the document's ETag is \"{current}\" now; read the document again \
                 before you change it"
            );
            Problem::precondition_failed(IF_MATCH, detail)
        }
    };
    tagged(current, problem)
}
