//! The routes of a producer's API keys.

use std::collections::BTreeSet;

use alimi::domain::shown::shown;
use alimi::domain::{Scope, written};
use alimi::http::Body;
use alimi::http::{AuditSubject, Page, Parameters, Problem, expect_bare, media_type, read_bytes};
use alimi::ports::{Expected, Kind};
use alimi::use_cases::NotChanged;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Deserialize;
use strum::VariantArray as _;

use crate::change::not_changed;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::view::{ApiKeyView, ListedKeyView};

/// The largest body of a request for a key.
const BODY_BYTES_MAX: usize = 4 * 1024;

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyRequest {
    /// All scopes if left out.
    #[serde(default)]
    scopes: Option<BTreeSet<Scope>>,
    #[serde(default, deserialize_with = "written::optional_time")]
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
            let subject = AuditSubject(vec![("id", made.stored.id.clone())]);
            let shown = Json(ApiKeyView::of(&made));
            Ok((StatusCode::CREATED, not_stored, Extension(subject), shown).into_response())
        }
        Err(error) => Ok(unchanged(error, &producer)),
    }
}

/// Without a body, a key has every scope and does not expire.
async fn read(request: Request) -> Result<KeyRequest, Problem> {
    let headers = request.headers().clone();
    let bytes = read_bytes(request, BODY_BYTES_MAX)
        .await
        .ok_or_else(|| Problem::too_large(BODY_BYTES_MAX))?;
    if bytes.is_empty() {
        return Ok(KeyRequest::default());
    }
    media_type(&headers, &["application/json"])?;
    Body::parse(&bytes).map_err(Problem::malformed)?.deserialize().map_err(Problem::invalid)
}

pub(crate) async fn list(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    expect_bare(request).await?;
    let producer = known_name(Kind::Producer, name)?;
    let found = console.configure_catalog.api_keys(&producer).await?;
    let keys = found.ok_or_else(|| no_such_document(Kind::Producer, &producer))?;
    let items = keys.iter().map(ListedKeyView::of).collect();
    Ok(Json(Page { items, next: None }).into_response())
}

pub(crate) async fn delete(
    State(console): State<ConsoleFunction>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = console.caller(&request)?;
    expect_bare(request).await?;
    let Path((name, id)) = path.map_err(|_| no_such_key("", ""))?;
    let producer = known_name(Kind::Producer, Ok(Path(name)))?;
    match console.configure_catalog.delete_api_key(&producer, &id, &caller).await {
        Ok(true) => Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(false) => Err(no_such_key(&producer, &id)),
        Err(error) => Ok(unchanged(error, &producer)),
    }
}

/// The producer is as it was. These routes take no condition.
fn unchanged(error: NotChanged, producer: &str) -> Response {
    not_changed(error, Expected::Any, || no_such_document(Kind::Producer, producer))
}

fn no_such_key(producer: &str, id: &str) -> Problem {
    let detail = format!(
        "the producer {:?} has no API key {:?}; GET /v1/producers/{{name}}/keys lists the ids",
        shown(producer),
        shown(id)
    );
    Problem::not_found("id", detail)
}
