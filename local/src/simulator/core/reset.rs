//! Closed connections.

use std::io::{Error, ErrorKind};

use axum::body::{Body, Bytes};
use axum::response::Response;

/// A response that closes the connection instead of answering: its body fails before the server has
/// written the response's head.
pub fn connection_reset() -> Response {
    let failed = async { Err::<Bytes, Error>(Error::from(ErrorKind::ConnectionReset)) };
    Response::new(Body::from_stream(futures::stream::once(failed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_reset_has_no_body_that_could_be_read() {
        let read = axum::body::to_bytes(connection_reset().into_body(), usize::MAX).await;
        assert!(read.is_err());
    }
}
