//! HTTP to providers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

/// What happens to the connection of a request that found no open connection free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// The client is opening a connection, and the request waits.
    Connecting,
    /// The connection is open. From now on only the network's delay varies.
    Connected,
}

/// Is called on each [`ConnectionEvent`] of a request, and answers whether the request may use the
/// connection. Not called for a request that finds an open connection free.
pub type ConnectionObserver = Arc<dyn Fn(ConnectionEvent) -> bool + Send + Sync>;

/// One request to a provider.
#[derive(Clone)]
pub struct ProviderCall {
    pub request: Request<Bytes>,
    pub connect_timeout: Duration,
    /// From the start of the call to the end of the response, the connection included.
    pub total_timeout: Duration,
    pub on_connection: Option<ConnectionObserver>,
}

/// Without headers, body and host: they hold credentials, personal data and internal addresses.
impl fmt::Debug for ProviderCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderCall")
            .field("method", self.request.method())
            .field("path", &self.request.uri().path())
            .field("connect_timeout", &self.connect_timeout)
            .field("total_timeout", &self.total_timeout)
            .finish_non_exhaustive()
    }
}

/// No usable response came. The variants differ by whether the provider may have the request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoResponse {
    /// Nothing of the request was written to a connection.
    #[error("no connection: {0}")]
    NotSent(String),
    /// As [`NoResponse::NotSent`], because this process may not open another file. It says nothing
    /// about the provider.
    #[error("no free socket: {0}")]
    NoSocket(String),
    /// The request was written, wholly or in part.
    #[error("no answer: {0}")]
    MaybeSent(String),
}

#[async_trait]
pub trait ProviderHttp: Send + Sync {
    /// Closes connections that the server may have closed while this process was frozen. A request
    /// that is written to such a connection is in doubt: nobody can tell whether it arrived.
    fn drop_stale_connections(&self, base_url: &str, connect_timeout: Duration);

    async fn send(&self, call: ProviderCall) -> Result<Response<Bytes>, NoResponse>;
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn the_debug_output_has_no_credentials_no_body_and_no_host() {
        let request = Request::post("https://internal.example/v3/message")
            .header(AUTHORIZATION, "Bearer secret-token")
            .body(Bytes::from_static(b"01012345678"))
            .expect("a request");
        let timeout = Duration::from_secs(3);
        let call = ProviderCall {
            request,
            connect_timeout: timeout,
            total_timeout: timeout,
            on_connection: None,
        };
        let shown = format!("{call:?}");
        assert!(shown.contains("/v3/message"), "{shown}");
        for hidden in ["secret-token", "01012345678", "internal.example"] {
            assert!(!shown.contains(hidden), "{hidden} is in {shown}");
        }
    }
}
