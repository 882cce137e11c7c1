//! RFC 9457 problem details: what was wrong, in which field, and what to send instead.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::domain::{FieldError, Scope, Status};
use crate::ports::PortError;
use crate::use_cases::{NoProducer, NoTurn, NotEnqueued, UsedUp};

/// A problem, as HTTP callers get it. Shows nothing internal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Identifies the kind of problem. Clients decide by it, so it never changes.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem, for people.
    pub title: &'static str,
    pub status: u16,
    /// What was wrong and what to send instead, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The field of the request at fault, as a path: `to.phone`, `steps[1].template`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The header `Retry-After`: in how many seconds the same request may succeed.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:alimi:problem:{kind}"),
            title,
            status: status.as_u16(),
            detail: None,
            field: None,
            retry_after_s: None,
        }
    }

    #[must_use]
    pub fn invalid(error: FieldError) -> Self {
        Self {
            field: Some(error.field),
            detail: Some(error.detail),
            ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field", "A field is invalid")
        }
    }

    /// The request cannot be read, whatever its fields say.
    #[must_use]
    pub fn malformed(error: FieldError) -> Self {
        Self {
            field: Some(error.field),
            detail: Some(error.detail),
            ..Self::new(StatusCode::BAD_REQUEST, "malformed", "The request cannot be read")
        }
    }

    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        Self::too_much(format!("must be at most {bytes_max} bytes"))
    }

    /// The body is over a limit that `detail` names.
    #[must_use]
    pub fn too_much(detail: impl Into<String>) -> Self {
        Self {
            field: Some("body".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large")
        }
    }

    #[must_use]
    pub fn not_found(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::NOT_FOUND, "not-found", "Not found")
        }
    }

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

    /// API Gateway did not authenticate the caller.
    #[must_use]
    pub fn forbidden() -> Self {
        Self {
            field: Some("Authorization".to_owned()),
            detail: Some(
                "sign the request with AWS credentials (SigV4), or send an API key to the address for \
                 API keys"
                    .to_owned(),
            ),
            ..Self::new(StatusCode::FORBIDDEN, "forbidden", "The caller is not authenticated")
        }
    }

    /// The caller is authenticated, but belongs to no producer.
    #[must_use]
    pub fn no_producer(detail: impl Into<String>) -> Self {
        Self {
            field: Some("Authorization".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::FORBIDDEN, "no-producer", "The caller belongs to no producer")
        }
    }

    /// The caller's API key does not permit the route.
    #[must_use]
    pub fn insufficient_scope(needed: Scope) -> Self {
        Self {
            field: Some("Authorization".to_owned()),
            detail: Some(format!(
                "the API key does not have the scope {}, which this route needs; send a key that has \
                 it",
                needed.as_str()
            )),
            ..Self::new(
                StatusCode::FORBIDDEN,
                "insufficient-scope",
                "The API key does not permit this route",
            )
        }
    }

    /// The producer makes more requests than its grants allow.
    #[must_use]
    pub fn too_many_requests(retry_after_s: u64) -> Self {
        Self {
            detail: Some(format!(
                "your service makes more requests in a second than it may; repeat the same request \
                 with the same Idempotency-Key after {retry_after_s} s"
            )),
            retry_after_s: Some(retry_after_s),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests in a second",
            )
        }
    }

    /// The producer has used up its quota of notifications.
    #[must_use]
    pub fn over_quota(used_up: UsedUp) -> Self {
        Self {
            detail: Some(used_up.detail),
            retry_after_s: Some(used_up.retry_after_s),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "over-quota",
                "The quota of notifications is used up",
            )
        }
    }

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
                "The idempotency key belongs to another request",
            )
        }
    }

    /// The notification's status does not allow the operation.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self {
            field: Some("id".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(
                StatusCode::CONFLICT,
                "conflict",
                "The notification's status does not allow this",
            )
        }
    }

    /// The notification has left, or may have left.
    #[must_use]
    pub fn too_late_to_cancel(status: Status) -> Self {
        Self::conflict(format!(
            "the notification is {}: it has left or may have left, and can no longer be cancelled",
            status.as_str()
        ))
    }

    #[must_use]
    pub fn precondition_required() -> Self {
        Self {
            field: Some("If-Match".to_owned()),
            detail: Some(
                "is missing; send If-Match with the ETag that you read to change the document, or \
                 If-None-Match: * to create it"
                    .to_owned(),
            ),
            ..Self::new(
                StatusCode::PRECONDITION_REQUIRED,
                "precondition-required",
                "A change needs a condition",
            )
        }
    }

    /// The change's condition does not hold.
    #[must_use]
    pub fn precondition_failed(detail: impl Into<String>) -> Self {
        Self {
            field: Some("If-Match".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "The change's condition does not hold",
            )
        }
    }

    /// Another client changed the document during a request that has no condition of its own.
    #[must_use]
    pub fn changed_meanwhile(detail: impl Into<String>) -> Self {
        Self { field: None, ..Self::precondition_failed(detail) }
    }

    /// Other documents or messages still need the document.
    #[must_use]
    pub fn in_use(field: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.to_owned()),
            detail: Some(detail.into()),
            ..Self::new(StatusCode::CONFLICT, "in-use", "The document is in use")
        }
    }

    #[must_use]
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self {
            field: Some("Content-Type".to_owned()),
            detail: Some(detail.into()),
            ..Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The format is not accepted here",
            )
        }
    }

    /// Too many notifications of one channel are being stored.
    #[must_use]
    pub fn busy(retry_after_s: u64) -> Self {
        Self {
            detail: Some(format!(
                "runs and other requests store many notifications of this channel; repeat the same \
                 request with the same Idempotency-Key after {retry_after_s} s"
            )),
            retry_after_s: Some(retry_after_s),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "Too many notifications of one channel at once",
            )
        }
    }

    /// A later try may succeed. Logs the cause and does not show it.
    #[must_use]
    pub fn unavailable(error: &PortError) -> Self {
        tracing::error!(%error, "a request was answered with 503");
        Self {
            detail: Some(
                "try again; a creation is safe to repeat with the same Idempotency-Key, and a \
                 change with the same If-Match"
                    .to_owned(),
            ),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable")
        }
    }
}

impl From<NotEnqueued> for Problem {
    fn from(error: NotEnqueued) -> Self {
        match error {
            NotEnqueued::Invalid(error) => Self::invalid(error),
            NotEnqueued::KeyReused => Self::key_reused(),
            NotEnqueued::Busy { retry_after_s } => Self::busy(retry_after_s),
            NotEnqueued::OverQuota(used_up) => Self::over_quota(used_up),
            NotEnqueued::Port(error) => Self::unavailable(&error),
        }
    }
}

impl From<NoTurn> for Problem {
    fn from(error: NoTurn) -> Self {
        match error {
            NoTurn::TooMany { retry_after_s } => Self::too_many_requests(retry_after_s),
            NoTurn::Port(error) => Self::unavailable(&error),
        }
    }
}

impl From<NoProducer> for Problem {
    fn from(error: NoProducer) -> Self {
        match error {
            NoProducer::NameTaken { .. } | NoProducer::Deleted { .. } => {
                Self::no_producer(error.to_string())
            }
            NoProducer::Port(error) => Self::unavailable(&error),
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
        let retry_after_s = self.retry_after_s;
        let mut response = (status, axum::Json(self)).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(retry_after_s) = retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
        }
        response
    }
}
