//! The routes of a channel's receipt secrets.

use alimi::domain::shown::shown;
use alimi::http::{AuditSubject, Problem, expect_bare};
use alimi::ports::{Expected, Kind};
use alimi::use_cases::NotChanged;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use crate::change::not_changed;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::view::ReceiptSecretView;

/// Makes a secret. This answer is the only one that shows it.
pub(crate) async fn make(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_bare(request).await?;
    let channel = known_name(Kind::Channel, name)?;
    match console.configure_catalog.make_receipt_secret(&channel, &caller).await {
        Ok(made) => {
            let shown = Json(ReceiptSecretView::of(&channel, &made));
            let not_stored = [(header::CACHE_CONTROL, "no-store")];
            let subject = AuditSubject(vec![("id", made.id.clone())]);
            Ok((StatusCode::CREATED, not_stored, Extension(subject), shown).into_response())
        }
        Err(error) => Ok(unchanged(error, &channel)),
    }
}

pub(crate) async fn delete(
    State(console): State<ConsoleFunction>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_bare(request).await?;
    let Path((name, id)) = path.map_err(|_| no_such_secret("", ""))?;
    let channel = known_name(Kind::Channel, Ok(Path(name)))?;
    match console.configure_catalog.delete_receipt_secret(&channel, &id, &caller).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(no_such_secret(&channel, &id)),
        Err(error) => Ok(unchanged(error, &channel)),
    }
}

/// The channel is as it was. These routes take no condition.
fn unchanged(error: NotChanged, channel: &str) -> Response {
    not_changed(error, Expected::Any, || no_such_document(Kind::Channel, channel))
}

fn no_such_secret(channel: &str, id: &str) -> Problem {
    let detail = format!(
        "the channel {:?} has no receipt secret {:?}; GET /v1/channels/{{name}} lists the ids in \
         receipt_secrets",
        shown(channel),
        shown(id)
    );
    Problem::not_found("id", detail)
}
