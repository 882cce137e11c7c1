//! Requests that no route takes.

use http::{Method, Uri};

use super::problem::Problem;
use super::problem_kind::ProblemKind;
use crate::domain::FieldError;
use crate::domain::shown::shown;

pub async fn no_such_route(method: Method, uri: Uri) -> Problem {
    let route = format!("{} {}", shown(method.as_str()), shown(uri.path()));
    let detail = format!(
        "there is no route {route}; docs/api.md lists all routes: POST /v1/notifications and \
         POST /v1/sequences send messages, and /v1/channels and its like have the configuration"
    );
    Problem::not_found("path", detail)
}

/// The answer's header `Allow` has the route's methods.
pub async fn method_not_allowed(method: Method) -> Problem {
    let detail = format!(
        "is {}, which this route does not take; must be one of those in this answer's header Allow",
        shown(method.as_str())
    );
    Problem::new(ProblemKind::MethodNotAllowed, FieldError::new("method", detail))
}
