//! The bodies of requests. A route reads its body here, or refuses one: whoever sends what nobody
//! reads expects something that does not happen.

use axum::extract::Request;
use bytes::Bytes;

use super::body::Body;
use super::headers::media_type;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::domain::FieldError;

/// Reads a JSON body of at most this many bytes.
///
/// # Errors
/// The problem names the header, the field of the body, or the field `body`.
pub async fn read_json(request: Request, bytes_max: usize) -> Result<Body, Problem> {
    media_type(request.headers(), &["application/json"])?;
    let bytes =
        read_bytes(request, bytes_max).await.ok_or_else(|| Problem::too_large(bytes_max))?;
    Body::parse(&bytes).map_err(Problem::malformed)
}

/// Reads a body of at most this many bytes; `None` when there are more.
pub async fn read_bytes(request: Request, bytes_max: usize) -> Option<Bytes> {
    axum::body::to_bytes(request.into_body(), bytes_max).await.ok()
}

/// Checks a request of a route that takes neither parameters nor a body.
///
/// # Errors
/// The problem names the parameter, or the field `body`.
pub async fn expect_bare(request: Request) -> Result<(), Problem> {
    Parameters::of(&request, &[])?;
    expect_no_body(request).await
}

/// Checks a request of a route that takes no body.
///
/// # Errors
/// The problem names the field `body`.
pub async fn expect_no_body(request: Request) -> Result<(), Problem> {
    if read_bytes(request, 0).await.is_some() {
        return Ok(());
    }
    let must = "must be left out: this route takes no body";
    Err(Problem::malformed(FieldError::new("body", must)))
}
