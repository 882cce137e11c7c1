//! HTTP to providers, by reqwest.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::iter;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;
use tower::layer::layer_fn;
use tower::{BoxError, Service};

use crate::ports::{
    Clock, ConnectionEvent, ConnectionObserver, NoResponse, ProviderCall, ProviderHttp,
};
use crate::time::SystemClock;
use crate::tls;

/// The largest response body that is read. Providers' responses have a few hundred bytes.
const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// How long a connection is kept that carries nothing.
const IDLE_MAX: Duration = Duration::from_secs(50);

/// How many idle connections to a server are kept. A function on Lambda may have 1,024 files open.
/// They have to suffice for 900 requests of one lane, the idle connections of the lane before, those
/// to AWS (`aws/clients.rs`), and a few files of the runtime.
const IDLE_CONNECTIONS_MAX: usize = 50;

/// The errors of a system call that may not open another file: `EMFILE` of this process, and
/// `ENFILE` of the machine.
const NO_FREE_FILE: [i32; 2] = [24, 23];

/// For how long after a response the connections count as open: as long as it takes to hand a lane
/// over within this process. Lambda may have frozen the process in a longer interval.
const FRESH_FOR_MS: i64 = 3_000;

tokio::task_local! {
    /// The observer of the request that this task sends.
    static OBSERVER: ConnectionObserver;
}

/// Reports the connections that requests open to their observers.
///
/// A request opens a connection only when none is free as it begins. If another request frees a
/// connection meanwhile, the request takes that one, and the new connection is kept for later. Its
/// observer then hears of `Connected` later than the request was written.
#[derive(Clone)]
struct ObservedConnector<S>(S);

impl<S, R> Service<R> for ObservedConnector<S>
where
    S: Service<R, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, server: R) -> Self::Future {
        let connecting = self.0.call(server);
        // Requests that carry no message have no observer.
        let Ok(observer) = OBSERVER.try_with(ConnectionObserver::clone) else {
            return connecting.boxed();
        };
        observer(ConnectionEvent::Connecting);
        async move {
            let connection = connecting.await?;
            if !observer(ConnectionEvent::Connected) {
                return Err("the sender may not use it any more".into());
            }
            Ok(connection)
        }
        .boxed()
    }
}

/// Keeps connections open between requests.
#[derive(Debug)]
pub struct ReqwestHttp {
    /// One client for each connect timeout, because reqwest takes that timeout per client only.
    clients: Mutex<HashMap<Duration, reqwest::Client>>,
    /// When each server last responded to a client, in Unix milliseconds. The monotonic clock would
    /// not do: it may stand still while the process is frozen.
    last_responses_ms: Mutex<HashMap<(String, Duration), i64>>,
}

impl ReqwestHttp {
    /// Starts without a connection. Also installs rustls's cryptography for the whole process: its
    /// other clients need it too.
    #[must_use]
    pub fn new() -> Self {
        tls::use_ring();
        Self { clients: Mutex::default(), last_responses_ms: Mutex::default() }
    }

    fn client(&self, connect_timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect_timeout) {
            return Ok(client.clone());
        }
        let client = Self::new_client(connect_timeout)?;
        clients.insert(connect_timeout, client.clone());
        Ok(client)
    }

    fn record_response(&self, server: Option<String>, connect_timeout: Duration) {
        let Some(server) = server else { return };
        let mut last = self.last_responses_ms.lock().unwrap_or_else(PoisonError::into_inner);
        last.insert((server, connect_timeout), SystemClock.now_ms());
    }

    fn new_client(connect_timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .connector_layer(layer_fn(ObservedConnector))
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .tcp_nodelay(true)
            // A redirect would post the message to an address that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            // The client must never send a message again: only `transition` decides that.
            .retry(reqwest::retry::never())
            .build()
    }
}

impl Default for ReqwestHttp {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ProviderHttp for ReqwestHttp {
    fn drop_stale_connections(&self, base_url: &str, connect_timeout: Duration) {
        let Some(server) = server(base_url) else { return };
        let mut last = self.last_responses_ms.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at_ms: i64| (0..FRESH_FOR_MS).contains(&(SystemClock.now_ms() - at_ms));
        // A server that has never responded has no open connection either.
        if last.get(&(server, connect_timeout)).is_none_or(|at_ms| is_fresh(*at_ms)) {
            return;
        }
        // Dropping the client closes its connections to other servers too; they are opened again.
        last.retain(|(_, known), _| *known != connect_timeout);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&connect_timeout);
    }

    async fn send(&self, call: ProviderCall) -> Result<Response<Bytes>, NoResponse> {
        let ProviderCall { request, connect_timeout, total_timeout, on_connection } = call;
        let server = server(&request.uri().to_string());
        let client = self
            .client(connect_timeout)
            .map_err(|error| NoResponse::NotSent(format!("no HTTP client: {error}")))?;
        let mut request = reqwest::Request::try_from(request).map_err(|_| {
            let detail =
                "the provider's address is no URL; correct the channel's provider.endpoint";
            NoResponse::NotSent(detail.to_owned())
        })?;
        *request.timeout_mut() = Some(total_timeout);
        let sending = client.execute(request);
        let sent = match on_connection {
            Some(observer) => OBSERVER.scope(observer, sending).await,
            None => sending.await,
        };
        let mut received = sent.map_err(|error| no_response(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = received.chunk().await.map_err(|error| no_response(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > RESPONSE_BYTES_MAX {
                return Err(NoResponse::MaybeSent("the answer is too long".to_owned()));
            }
        }
        self.record_response(server, connect_timeout);
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = received.status();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        Ok(response)
    }
}

/// The part of an address that connections are kept by: scheme, host and port.
fn server(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(url.origin().ascii_serialization())
}

/// Only if no connection was made is it certain that the request was not sent.
fn no_response(error: &reqwest::Error) -> NoResponse {
    // The innermost cause has neither the address, which may be internal, nor a header.
    let detail = causes(error).last().map_or_else(String::new, ToString::to_string);
    if error.is_connect() && lacks_a_file(error) {
        NoResponse::NoSocket(detail)
    } else if error.is_connect() {
        NoResponse::NotSent(detail)
    } else if error.is_timeout() {
        NoResponse::MaybeSent("timed out".to_owned())
    } else {
        NoResponse::MaybeSent(detail)
    }
}

/// The causes of an error, the innermost one last.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(error.source(), |&cause| match cause.downcast_ref::<io::Error>() {
        // Its `source` would leave out the error that it wraps.
        Some(error) => error.get_ref().map(|wrapped| wrapped as &(dyn Error + 'static)),
        None => cause.source(),
    })
}

/// Whether an error comes from a lack of free files. A name's resolution needs a file too.
fn lacks_a_file(error: &(dyn Error + 'static)) -> bool {
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error())
        .any(|code| NO_FREE_FILE.contains(&code))
}
