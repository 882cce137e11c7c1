//! The routes of a producer's API keys.

use std::collections::BTreeSet;

use alimi::domain::Scope;
use alimi::http::{Body, Problem};
use alimi::ports::Kind;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use strum::VariantArray as _;

use crate::change::not_changed;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::query::Parameters;
use crate::view::{ApiKeyView, ListedKeyView, Page};

/// The largest body of a request for a key.
const BODY_BYTES_MAX: usize = 4 * 1024;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    /// All scopes if left out.
    #[serde(default)]
    scopes: Option<BTreeSet<Scope>>,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

/// Makes a key. This answer is the only one that shows it.
pub(crate) async fn make(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let producer = known_name(Kind::Producer, name)?;
    let KeyRequest { scopes, expires_at } = read(request).await?;
    let scopes = scopes.unwrap_or_else(|| Scope::VARIANTS.iter().copied().collect());
    let catalog = &console.configure_catalog;
    match catalog.make_api_key(&producer, scopes, expires_at, &caller).await {
        Ok(made) => {
            let not_stored = [(header::CACHE_CONTROL, "no-store")];
            Ok((StatusCode::CREATED, not_stored, Json(ApiKeyView::of(&made))).into_response())
        }
        Err(error) => Ok(not_changed(error, || no_such_document(Kind::Producer))),
    }
}

/// Without a body, a key has every scope and does not expire.
async fn read(request: Request) -> Result<KeyRequest, Problem> {
    let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES_MAX)
        .await
        .map_err(|_| Problem::too_large(BODY_BYTES_MAX))?;
    if bytes.is_empty() {
        return Ok(KeyRequest::default());
    }
    Body::parse(&bytes).map_err(Problem::malformed)?.deserialize().map_err(Problem::invalid)
}

pub(crate) async fn list(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let producer = known_name(Kind::Producer, name)?;
    let found = console.configure_catalog.api_keys(&producer).await?;
    let keys = found.ok_or_else(|| no_such_document(Kind::Producer))?;
    let items = keys.iter().map(ListedKeyView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

pub(crate) async fn delete(
    State(console): State<ConsoleFunction>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let Path((name, id)) = path.map_err(|_| no_such_key())?;
    let producer = known_name(Kind::Producer, Ok(Path(name)))?;
    match console.configure_catalog.delete_api_key(&producer, &id, &caller).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(no_such_key()),
        Err(error) => Ok(not_changed(error, || no_such_document(Kind::Producer))),
    }
}

fn no_such_key() -> Problem {
    let detail = "the producer has no API key with this id; GET /v1/producers/{name}/keys lists the \
                  ids";
    Problem::not_found("id", detail)
}
