//! RFC 9457 problem details: what was wrong, in which field, and what to send instead.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::{Serialize, Serializer};

use super::problem_kind::ProblemKind;
use super::request_id::current_request_id;
use crate::domain::FieldError;

/// A problem, as HTTP callers get it. Shows nothing internal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// What was wrong and what to send instead, for people. The first entry concerns the whole
    /// request, or its first field at fault.
    errors: Vec<FieldError>,
    /// Whether `errors` has only the parts, and this what is wrong as a whole.
    summary: Option<FieldError>,
    /// The header `Retry-After`: in how many seconds the same request may succeed.
    retry_after_s: Option<u64>,
}

/// The members of a problem.
#[derive(Serialize)]
struct ProblemView<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    /// A path such as `to.phone` or `steps[1].template`; or a header, a parameter, or a part of the
    /// request.
    field: &'a str,
    errors: Vec<ErrorView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    field: &'a str,
    detail: &'a str,
}

impl Problem {
    #[must_use]
    pub fn new(kind: ProblemKind, error: FieldError) -> Self {
        Self { kind, errors: vec![error], summary: None, retry_after_s: None }
    }

    /// A problem with several parts. `summary` says what is wrong as a whole.
    #[must_use]
    pub fn of_parts(kind: ProblemKind, summary: FieldError, errors: Vec<FieldError>) -> Self {
        Self { kind, errors, summary: Some(summary), retry_after_s: None }
    }

    /// The same request may succeed after this many seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status().as_u16()
    }

    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.whole().map(|error| error.field.as_str())
    }

    /// The fields at fault, each with what is wrong.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// The same problem of an item of a list: `to.phone` of the item 3 is `[3].to.phone`.
    #[must_use]
    pub fn of_item(mut self, index: usize) -> Self {
        let item = format!("[{index}]");
        for error in &mut self.errors {
            // The body of an item is the item.
            let is_within = self.kind == ProblemKind::InvalidField && error.field != "body";
            let field = if is_within { format!("{item}.{}", error.field) } else { item.clone() };
            error.field = field;
        }
        self
    }

    fn whole(&self) -> Option<&FieldError> {
        self.summary.as_ref().or(self.errors.first())
    }

    fn view<'a>(&'a self, request_id: Option<&'a str>) -> ProblemView<'a> {
        let (field, detail) = match self.whole() {
            Some(error) => (error.field.as_str(), error.detail.as_str()),
            None => ("request", self.kind.title()),
        };
        let errors = self.errors.iter();
        ProblemView {
            kind: self.kind.reference(),
            title: self.kind.title(),
            status: self.status(),
            detail,
            field,
            errors: errors
                .map(|error| ErrorView { field: &error.field, detail: &error.detail })
                .collect(),
            request_id,
        }
    }
}

/// As a part of an answer, which has the request's id itself.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.view(None).serialize(serializer)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let request_id = current_request_id();
        let view = self.view(request_id.as_deref());
        let mut response = (self.kind.status(), axum::Json(view)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(retry_after_s) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response.extensions_mut().insert(self.kind);
        response
    }
}
