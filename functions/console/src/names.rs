//! The names of documents in paths.

use alimi::domain::name::{MUST_BE_A_NAME, is_name};
use alimi::domain::{FieldError, HoursConfig};
use alimi::http::Problem;
use alimi::ports::Kind;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

/// The name in a path, not checked yet.
pub(crate) type Name = Result<Path<String>, PathRejection>;

/// The name of an existing document. No document has an invalid name.
pub(crate) fn known_name(kind: Kind, name: Name) -> Result<String, Problem> {
    new_name(kind, name).map_err(|_| no_such_document(kind))
}

/// The name of a document that may be created.
pub(crate) fn new_name(kind: Kind, name: Name) -> Result<String, Problem> {
    let name = name.map_or_else(|_| String::new(), |path| path.0);
    let must = match kind {
        Kind::Hours if name != Kind::STACK_HOURS => "must be stack: a stack has one such document",
        Kind::Channel | Kind::Template | Kind::Schedule | Kind::Audience | Kind::Producer
            if !is_name(&name) =>
        {
            MUST_BE_A_NAME
        }
        Kind::Channel
        | Kind::Template
        | Kind::Schedule
        | Kind::Audience
        | Kind::Hours
        | Kind::Producer => return Ok(name),
    };
    Err(Problem::invalid(FieldError::new("name", must)))
}

pub(crate) fn no_such_document(kind: Kind) -> Problem {
    let detail = match kind {
        Kind::Hours => {
            let HoursConfig { scheduled, advertising } = HoursConfig::default();
            format!(
                "no hours are stored, so the defaults apply: {scheduled} for scheduled messages, \
                 and {advertising} for advertising. Send PUT /v1/hours/stack with If-None-Match: * \
                 to change them"
            )
        }
        Kind::Channel | Kind::Template | Kind::Schedule | Kind::Audience | Kind::Producer => {
            format!("there is no {} with this name", kind.as_str())
        }
    };
    Problem::not_found("name", detail)
}
