//! The routes of a channel's receipt secrets.

use alimi::http::Problem;
use alimi::ports::Kind;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::change::not_changed;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::query::Parameters;
use crate::view::ReceiptSecretView;

/// Makes a secret. This answer is the only one that shows it.
pub(crate) async fn make(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let channel = known_name(Kind::Channel, name)?;
    match console.configure_catalog.make_receipt_secret(&channel, &caller).await {
        Ok(made) => {
            let shown = Json(ReceiptSecretView::of(&channel, &made));
            let not_stored = [(header::CACHE_CONTROL, "no-store")];
            Ok((StatusCode::CREATED, not_stored, shown).into_response())
        }
        Err(error) => Ok(not_changed(error, || no_such_document(Kind::Channel))),
    }
}

pub(crate) async fn delete(
    State(console): State<ConsoleFunction>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let Path((name, id)) = path.map_err(|_| no_such_secret())?;
    let channel = known_name(Kind::Channel, Ok(Path(name)))?;
    match console.configure_catalog.delete_receipt_secret(&channel, &id, &caller).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(no_such_secret()),
        Err(error) => Ok(not_changed(error, || no_such_document(Kind::Channel))),
    }
}

fn no_such_secret() -> Problem {
    let detail = "the channel has no receipt secret with this id; GET /v1/channels/{name} lists \
                  the ids in receipt_secrets";
    Problem::not_found("id", detail)
}
