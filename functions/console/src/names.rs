//! The kinds and the names of documents in paths.

use alimi::domain::name::{MUST_BE_A_NAME, is_name};
use alimi::domain::shown::shown;
use alimi::domain::{FieldError, HoursConfig};
use alimi::http::Problem;
use alimi::ports::Kind;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;

/// The name in a path, not checked yet.
pub(crate) type Name = Result<Path<String>, PathRejection>;

/// A kind as a segment of a path.
pub(crate) fn segment(kind: Kind) -> &'static str {
    match kind {
        Kind::Channel => "channels",
        Kind::Template => "templates",
        Kind::Schedule => "schedules",
        Kind::Audience => "audiences",
        Kind::Hours => "hours",
        Kind::Producer => "producers",
    }
}

/// The name of an existing document. No document has an invalid name.
pub(crate) fn known_name(kind: Kind, name: Name) -> Result<String, Problem> {
    let sent = name.as_ref().map_or_else(|_| String::new(), |path| path.0.clone());
    new_name(kind, name).map_err(|_| no_such_document(kind, &sent))
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

/// The problem of a document that does not exist, with what to do about it.
pub(crate) fn no_such_document(kind: Kind, name: &str) -> Problem {
    let segment = segment(kind);
    let detail = match kind {
        Kind::Hours if name == Kind::STACK_HOURS => {
            let HoursConfig { scheduled, advertising } = HoursConfig::default();
            format!(
                "no hours are stored, so the defaults apply: {scheduled} for scheduled messages, \
                 and {advertising} for advertising. Send PUT /v1/hours/stack with If-None-Match: * \
                 to change them"
            )
        }
        Kind::Hours => "must be stack: a stack has one such document".to_owned(),
        Kind::Channel | Kind::Template | Kind::Schedule | Kind::Audience | Kind::Producer => {
            format!(
                "there is no {} {:?}; GET /v1/{segment} lists those that are stored, and PUT \
                 /v1/{segment}/{{name}} with If-None-Match: * creates one",
                kind.as_str(),
                shown(name)
            )
        }
    };
    Problem::not_found("name", detail)
}
