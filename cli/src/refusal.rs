//! An answer by which the API, or API Gateway before it, refuses a request.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::printable::printable;

/// What each kind of problem means, and what to do about it.
const PROBLEMS: &str = include_str!("../../docs/errors.md");

#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// The method and the path, without the query.
    request: String,
    problem: Problem,
    /// Seconds, as the answer's header says them.
    pub(crate) retry_after: Option<u64>,
    body: Option<Value>,
}

/// A problem as the API answers it, or the message of API Gateway.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    field: Option<String>,
    detail: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
    request_id: Option<String>,
    /// API Gateway's own answers have nothing else.
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FieldError {
    field: String,
    detail: String,
}

impl Refusal {
    pub(crate) fn new(request: String, status: u16, retry_after: Option<u64>, body: &[u8]) -> Self {
        let body: Option<Value> = serde_json::from_slice(body).ok();
        let problem = body.clone().and_then(|body| serde_json::from_value(body).ok());
        Self { status, request, problem: problem.unwrap_or_default(), retry_after, body }
    }

    /// For programs: the problem as the API answered it.
    pub(crate) fn as_json(&self) -> Value {
        self.body.clone().unwrap_or_else(|| json!({ "status": self.status }))
    }

    /// The kind of problem, such as `invalid-field`.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.problem.kind.as_deref()?.split_once('#').map(|(_, kind)| kind)
    }

    /// What to do about it, if this program knows.
    fn what_to_do(&self) -> Option<String> {
        if let Some(kind) = self.kind() {
            return what_to_do(kind);
        }
        let text = match self.status {
            401 | 403 => {
                "check that the credentials have not expired, that the region is the API's, and that \
                 the key or the policy allows this method and path"
            }
            404 => "check the URL of the profile",
            429 => "send fewer requests at once, and try again",
            500.. => "try again",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// What docs/errors.md says to do about a kind of problem, in one line.
fn what_to_do(kind: &str) -> Option<String> {
    let (_, section) = PROBLEMS.split_once(&format!("\n## {kind}\n"))?;
    let section = section.split("\n## ").next()?;
    let (_, text) = section.split_once("**What to do:** ")?;
    let paragraph = text.split("\n\n").next()?;
    Some(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, request, problem, .. } = self;
        let title = problem.title.as_deref().or(problem.message.as_deref());
        let title = printable(title.unwrap_or("The request was refused"));
        let kind = self.kind().map(|kind| format!(", {}", printable(kind))).unwrap_or_default();
        write!(f, "{title} (HTTP {status}{kind}): {request}")?;
        if problem.errors.is_empty()
            && let Some(detail) = &problem.detail
        {
            let field = problem.field.as_deref().unwrap_or("request");
            write!(f, "\n  {}: {}", printable(field), printable(detail))?;
        }
        for error in &problem.errors {
            write!(f, "\n  {}: {}", printable(&error.field), printable(&error.detail))?;
        }
        if let Some(text) = self.what_to_do() {
            write!(f, "\nWhat to do: {text}")?;
        }
        if let Some(seconds) = self.retry_after {
            write!(f, "\nTry again after {seconds} s.")?;
        }
        if let Some(id) = &problem.request_id {
            write!(f, "\nRequest id: {}", printable(id))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, body: &Value) -> Refusal {
        Refusal::new("PUT /v1/x".to_owned(), status, None, body.to_string().as_bytes())
    }

    #[test]
    fn every_kind_of_problem_has_something_to_do() {
        let kinds = PROBLEMS.lines().filter_map(|line| line.strip_prefix("## "));
        let kinds: Vec<&str> = kinds.collect();
        assert!(kinds.len() > 10, "{kinds:?}");
        for kind in kinds {
            assert!(what_to_do(kind).is_some_and(|text| text.len() > 10), "{kind}");
        }
        assert_eq!(what_to_do("unheard-of"), None);
    }

    #[test]
    fn a_problem_is_told_with_its_fields_and_what_to_do() {
        let text = refusal(
            422,
            &json!({
                "type": "/docs/errors.md#invalid-field", "title": "A field is invalid", "status": 422,
                "field": "limit", "detail": "d1",
                "errors": [{ "field": "limit", "detail": "d1" }, { "field": "to", "detail": "d2" }],
                "request_id": "r-1",
            }),
        )
        .to_string();
        assert!(text.starts_with("A field is invalid (HTTP 422, invalid-field): PUT /v1/x\n"));
        for part in ["\n  limit: d1", "\n  to: d2", "\nWhat to do: correct what `errors` names."] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.ends_with("\nRequest id: r-1"), "{text}");
    }

    #[test]
    fn an_answer_of_api_gateway_itself_is_told_with_its_usual_causes() {
        let text = refusal(403, &json!({ "message": "Forbidden" })).to_string();
        assert!(text.starts_with("Forbidden (HTTP 403): "), "{text}");
        assert!(text.contains("credentials have not expired"), "{text}");
    }

    #[test]
    fn an_answer_that_is_no_json_is_not_quoted() {
        let refusal = Refusal::new("GET /".to_owned(), 502, Some(7), b"<html>\x1b[2J");
        let text = refusal.to_string();
        assert_eq!(
            text,
            "The request was refused (HTTP 502): GET /\nWhat to do: try again\nTry again after 7 s."
        );
        assert_eq!(refusal.as_json(), json!({ "status": 502 }));
    }
}
