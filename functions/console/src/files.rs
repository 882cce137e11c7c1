//! The route of files that are uploaded straight to S3.

use alimi::domain::audience::file::AudienceFormat;
use alimi::http::{AuditSubject, Parameters, Problem, read_json};
use alimi::ports::Kind;
use alimi::use_cases::NoPlace;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;

use crate::documents::DOCUMENT_BYTES_MAX;
use crate::function::ConsoleFunction;
use crate::names::{Name, known_name, no_such_document};
use crate::view::FilePlaceView;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    format: AudienceFormat,
    /// The file's length.
    bytes: u64,
}

pub(crate) async fn upload_url(
    State(console): State<ConsoleFunction>,
    name: Name,
    request: Request,
) -> Result<Response, Problem> {
    console.caller(&request)?;
    Parameters::of(&request, &[])?;
    let audience = known_name(Kind::Audience, name)?;
    let body = read_json(request, DOCUMENT_BYTES_MAX).await?;
    let Wanted { format, bytes } = body.deserialize().map_err(Problem::invalid)?;
    let place = match console.take_files.place(&audience, format, bytes).await {
        Ok(place) => place,
        Err(NoPlace::NoAudience) => return Err(no_such_document(Kind::Audience, &audience)),
        Err(NoPlace::Invalid(error)) => return Err(Problem::invalid(error)),
        Err(NoPlace::Port(error)) => return Err(Problem::unavailable(&error)),
    };
    let subject = AuditSubject(vec![("key", place.key.clone())]);
    let not_stored = [(header::CACHE_CONTROL, "no-store")];
    Ok((not_stored, Extension(subject), Json(FilePlaceView::of(&place))).into_response())
}
