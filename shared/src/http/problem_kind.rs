//! The kinds of problems. Each has a section in `docs/errors.md`, which a client finds by the
//! problem's `type`.

use http::StatusCode;

/// What is wrong, for programs. Clients decide by it, so a name never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum ProblemKind {
    /// The request cannot be read, whatever its fields say.
    Malformed,
    /// API Gateway did not authenticate the caller.
    Forbidden,
    /// The caller is authenticated, but belongs to no producer.
    NoProducer,
    NotFound,
    MethodNotAllowed,
    /// The status of a notification or of a dead letter does not allow the operation.
    Conflict,
    /// Other documents or messages still need the document.
    InUse,
    /// There are not as many as the caller has counted.
    OtherCount,
    /// Messages may leave meanwhile: channels have to be stopped first.
    NotStopped,
    /// The document holds as many entries as it may.
    LimitReached,
    /// The change's condition does not hold.
    PreconditionFailed,
    /// The body is over a limit.
    TooLarge,
    UnsupportedMediaType,
    InvalidField,
    /// An uploaded file has no valid member.
    InvalidFile,
    /// The idempotency key was used before for another body.
    KeyReused,
    PreconditionRequired,
    /// Too many notifications of one channel are being stored.
    Busy,
    /// A later try may succeed.
    Unavailable,
}

/// The document that explains the problems, as a path on the API's own host.
pub const ERRORS_PATH: &str = "/docs/errors.md";

impl ProblemKind {
    /// The kind as a client and a log line have it: `invalid-field`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The member `type`: a reference that resolves to the section of this kind.
    #[must_use]
    pub fn reference(self) -> String {
        format!("{ERRORS_PATH}#{}", self.as_str())
    }

    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Forbidden | Self::NoProducer => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict
            | Self::InUse
            | Self::OtherCount
            | Self::NotStopped
            | Self::LimitReached => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::InvalidField | Self::InvalidFile | Self::KeyReused => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The kind in words, for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::Forbidden => "The caller is not authenticated",
            Self::NoProducer => "The caller belongs to no producer",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The method is not allowed here",
            Self::Conflict => "The present status does not allow this",
            Self::InUse => "The document is in use",
            Self::OtherCount => "There are not as many as expected",
            Self::NotStopped => "Channels have to be stopped first",
            Self::LimitReached => "The document holds as many as it may",
            Self::PreconditionFailed => "The change's condition does not hold",
            Self::TooLarge => "The body is too large",
            Self::UnsupportedMediaType => "The format is not accepted here",
            Self::InvalidField => "A field is invalid",
            Self::InvalidFile => "The file has no valid member",
            Self::KeyReused => "The idempotency key belongs to another request",
            Self::PreconditionRequired => "A change needs a condition",
            Self::Busy => "Too many notifications of one channel at once",
            Self::Unavailable => "Temporarily unavailable",
        }
    }
}
