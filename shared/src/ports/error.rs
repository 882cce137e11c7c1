//! The error of every port.

/// A call to an external service failed. The variants differ by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// A later try may succeed.
    #[error("{what} is not available: {detail}")]
    Unavailable {
        /// The service or table.
        what: &'static str,
        /// For the log; never for an HTTP caller.
        detail: String,
    },
    /// The service takes fewer requests than it was sent, and the same request may succeed a moment
    /// later. The last try did nothing. The client may have made earlier tries, whose responses were
    /// lost.
    #[error("{what} takes no more requests for a moment: {detail}")]
    Throttled {
        /// The service or table.
        what: &'static str,
        /// For the log; never for an HTTP caller.
        detail: String,
    },
    /// The stored or configured content is unusable: trying again does not help.
    #[error("{what} cannot be used: {detail}")]
    Unusable {
        /// The service or table.
        what: &'static str,
        /// For the log; never for an HTTP caller.
        detail: String,
    },
}
