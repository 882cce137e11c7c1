//! RFC 9457 problem details: what went wrong, in which field, and what to do about it.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::delivery::{FieldError, NotAccepted};
use crate::ports::PortError;

/// A problem, as HTTP callers get it. Holds nothing internal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Names the kind of problem, stable over time.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// This occurrence in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The field of the request at fault, as a path: `to.phone`, `steps[1].template`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:alimi:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: None,
            field: None,
        }
    }

    /// The field's value is not what it must be.
    #[must_use]
    pub fn invalid(error: FieldError) -> Self {
        Self {
            field: Some(error.field),
            detail: Some(error.detail),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid-field",
                "A field is not what it must be",
            )
        }
    }

    /// The request cannot be read at all.
    #[must_use]
    pub fn malformed(error: FieldError) -> Self {
        Self {
            field: Some(error.field),
            detail: Some(error.detail),
            ..Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read")
        }
    }

    /// The body is over the limit.
    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        Self::too_much(format!("must be at most {bytes_max} bytes"))
    }

    /// The body is over some limit: which, and what to do instead.
    #[must_use]
    pub fn too_much(detail: impl Into<String>) -> Self {
        Self {
            field: Some("body".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
        }
    }

    /// There is nothing at this address.
    #[must_use]
    pub fn not_found(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing")
        }
    }

    /// The method is not one of this address's.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self {
            field: Some("method".to_owned()),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The method is not allowed here",
            )
        }
    }

    /// Nobody authenticated the caller.
    #[must_use]
    pub fn forbidden() -> Self {
        Self {
            field: Some("Authorization".to_owned()),
            detail: Some("sign the request with AWS credentials (SigV4)".to_owned()),
            ..Self::new(StatusCode::FORBIDDEN, "forbidden", "The caller is not known")
        }
    }

    /// The key stands for another request.
    #[must_use]
    pub fn key_reused() -> Self {
        Self {
            field: Some("Idempotency-Key".to_owned()),
            detail: Some(
                "was used before for a request with another body; use a new key for a new request"
                    .to_owned(),
            ),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key-reused",
                "The idempotency key is taken",
            )
        }
    }

    /// The notification has gone too far for this.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self {
            field: Some("id".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::CONFLICT, "conflict", "It is too late for this")
        }
    }

    /// A change has to say what it relies on.
    #[must_use]
    pub fn precondition_required() -> Self {
        Self {
            field: Some("If-Match".to_owned()),
            detail: Some(
                "say If-Match with the ETag that you have read to change it, or If-None-Match: * \
                 to create it"
                    .to_owned(),
            ),
            ..Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "A change has to say what it relies on",
            )
        }
    }

    /// What the change relies on does not hold any more.
    #[must_use]
    pub fn precondition_failed(detail: impl Into<String>) -> Self {
        Self {
            field: Some("If-Match".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "It was changed meanwhile",
            )
        }
    }

    /// Somebody was quicker, and the request relies on nothing that is the caller's to decide.
    #[must_use]
    pub fn outrun(detail: impl Into<String>) -> Self {
        Self { field: None, ..Self::precondition_failed(detail) }
    }

    /// Something else relies on it.
    #[must_use]
    pub fn in_use(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::CONFLICT, "in-use", "It is in use")
        }
    }

    /// The body is in a format that this address does not take.
    #[must_use]
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self {
            field: Some("Content-Type".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The format is not taken here",
            )
        }
    }

    /// It may work another time. The cause is logged and not told.
    #[must_use]
    pub fn unavailable(error: &PortError) -> Self {
        tracing::error!(%error, "a request failed");
        Self {
            detail: Some(
                "try again; what creates something is safe to repeat with the same Idempotency-Key, \
                 and a change with the same If-Match"
                    .to_owned(),
            ),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not available at the moment",
            )
        }
    }
}

impl From<NotAccepted> for Problem {
    fn from(error: NotAccepted) -> Self {
        match error {
            NotAccepted::Invalid(error) => Self::invalid(error),
            NotAccepted::KeyReused => Self::key_reused(),
            NotAccepted::Port(error) => Self::unavailable(&error),
        }
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        Self::unavailable(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}
