//! Each problem that the functions answer with, in words.

use super::problem::Problem;
use super::problem_kind::ProblemKind;
use super::request_id::current_request_id;
use crate::domain::{FieldError, Scope, Status};
use crate::ports::PortError;
use crate::use_cases::{NoProducer, NoTurn, NotEnqueued, UsedUp};

impl Problem {
    #[must_use]
    pub fn invalid(error: FieldError) -> Self {
        Self::new(ProblemKind::InvalidField, error)
    }

    /// The request cannot be read, whatever its fields say.
    #[must_use]
    pub fn malformed(error: FieldError) -> Self {
        Self::new(ProblemKind::Malformed, error)
    }

    #[must_use]
    pub fn too_large(bytes_max: usize) -> Self {
        Self::too_much(format!("has more than {bytes_max} bytes; must have at most {bytes_max}"))
    }

    /// The body is over a limit that `detail` names.
    #[must_use]
    pub fn too_much(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::TooLarge, FieldError::new("body", detail))
    }

    #[must_use]
    pub fn not_found(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, FieldError::new(field, detail))
    }

    /// API Gateway did not authenticate the caller.
    #[must_use]
    pub fn forbidden() -> Self {
        let detail = "sign the request with AWS credentials (SigV4), or send an API key to the address \
                      for API keys";
        Self::new(ProblemKind::Forbidden, FieldError::new("Authorization", detail))
    }

    /// The caller is authenticated, but belongs to no producer.
    #[must_use]
    pub fn no_producer(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NoProducer, FieldError::new("Authorization", detail))
    }

    /// The caller's API key does not permit the route.
    #[must_use]
    pub fn insufficient_scope(needed: Scope) -> Self {
        let detail = format!(
            "has an API key without the scope {}, which this route needs; send a key that has it",
            needed.as_str()
        );
        Self::new(ProblemKind::InsufficientScope, FieldError::new("Authorization", detail))
    }

    /// The producer makes more requests than its grants allow.
    #[must_use]
    pub fn too_many_requests(retry_after_s: u64) -> Self {
        let detail = format!(
            "your service makes more requests in a second than it may; repeat the same request with \
             the same Idempotency-Key after {retry_after_s} s"
        );
        let error = FieldError::new("request", detail);
        Self::new(ProblemKind::TooManyRequests, error).retry_after(retry_after_s)
    }

    /// The producer has used up its quota of notifications.
    #[must_use]
    pub fn over_quota(used_up: UsedUp) -> Self {
        let UsedUp { retry_after_s, detail } = used_up;
        let error = FieldError::new("request", detail);
        Self::new(ProblemKind::OverQuota, error).retry_after(retry_after_s)
    }

    #[must_use]
    pub fn key_reused() -> Self {
        let detail =
            "was used before for a request with another body; use a new key for a new request";
        Self::new(ProblemKind::KeyReused, FieldError::new("Idempotency-Key", detail))
    }

    /// The notification's status does not allow the operation.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Conflict, FieldError::new("id", detail))
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
        let detail = "is missing; send If-Match with the ETag that you read to change the \
                      document, or If-None-Match: * to create it";
        Self::new(ProblemKind::PreconditionRequired, FieldError::new("If-Match", detail))
    }

    /// The change's condition, in the header `field`, does not hold.
    #[must_use]
    pub fn precondition_failed(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::PreconditionFailed, FieldError::new(field, detail))
    }

    /// Other documents or messages still need the document.
    #[must_use]
    pub fn in_use(field: &str, detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InUse, FieldError::new(field, detail))
    }

    /// Messages may leave meanwhile. With `retry_after_s`, nothing but time is needed.
    #[must_use]
    pub fn not_stopped(detail: impl Into<String>, retry_after_s: Option<u64>) -> Self {
        let problem = Self::new(ProblemKind::NotStopped, FieldError::new("request", detail));
        match retry_after_s {
            Some(seconds) => problem.retry_after(seconds),
            None => problem,
        }
    }

    /// The document's field holds as many entries as it may.
    #[must_use]
    pub fn limit_reached(error: FieldError) -> Self {
        Self::new(ProblemKind::LimitReached, error)
    }

    #[must_use]
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::UnsupportedMediaType, FieldError::new("Content-Type", detail))
    }

    #[must_use]
    pub fn unsupported_coding(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::UnsupportedMediaType, FieldError::new("Content-Encoding", detail))
    }

    /// Too many notifications of one channel are being stored.
    #[must_use]
    pub fn busy(retry_after_s: u64) -> Self {
        let detail = format!(
            "runs and other requests store many notifications of this channel; repeat the same \
             request with the same Idempotency-Key after {retry_after_s} s"
        );
        let error = FieldError::new("request", detail);
        Self::new(ProblemKind::Busy, error).retry_after(retry_after_s)
    }

    /// A later try may succeed. Logs the cause and does not show it.
    #[must_use]
    pub fn unavailable(error: &PortError) -> Self {
        let request_id = current_request_id();
        tracing::error!(%error, request_id, "a request was answered with 503");
        Self::new(ProblemKind::Unavailable, FieldError::new("request", TRY_AGAIN))
    }
}

/// What to do when a later try may succeed.
const TRY_AGAIN: &str = "cannot be served now; try again: a creation is safe to repeat \
    with the same Idempotency-Key, and a change with the same If-Match";

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
