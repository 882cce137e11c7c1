//! Answers to requests that create something.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// 202 for something new, 200 for a repeated request.
pub(crate) fn creation_status(is_new: bool) -> StatusCode {
    if is_new { StatusCode::ACCEPTED } else { StatusCode::OK }
}

/// The answer to a request for one thing, which can be read at `location`.
pub(crate) fn created(is_new: bool, location: String, shown: impl Serialize) -> Response {
    let answer = (creation_status(is_new), Json(shown));
    if is_new {
        ([(header::LOCATION, location)], answer).into_response()
    } else {
        answer.into_response()
    }
}
