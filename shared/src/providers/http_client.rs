//! HTTP to providers, by reqwest.

use std::collections::HashMap;
use std::sync::{Mutex, Once, PoisonError};
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

/// The largest response body that is read. Providers' responses have a few hundred bytes.
const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// How long a connection is kept that carries nothing.
const IDLE_MAX: Duration = Duration::from_secs(50);

/// How many idle connections are kept. A function on Lambda may have 1,024 files open, and other
/// lanes that this process drains later need some of them.
const IDLE_CONNECTIONS_MAX: usize = 100;

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
        static CRYPTO: Once = Once::new();
        CRYPTO.call_once(|| {
            // Fails only when a cryptography provider is installed already: then that one serves.
            let _installed = rustls::crypto::ring::default_provider().install_default();
        });
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
    let mut detail = String::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = source {
        detail = cause.to_string();
        source = cause.source();
    }
    if error.is_connect() {
        NoResponse::NotSent(detail)
    } else if error.is_timeout() {
        NoResponse::MaybeSent("timed out".to_owned())
    } else {
        NoResponse::MaybeSent(detail)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    const BODY: &[u8] = b"{}";

    fn call(port: u16) -> ProviderCall {
        let request = Request::post(format!("http://127.0.0.1:{port}/v3/message"))
            .header(http::header::AUTHORIZATION, "Bearer t")
            .body(Bytes::from_static(b"{}"))
            .expect("a request");
        ProviderCall {
            request,
            connect_timeout: Duration::from_millis(300),
            total_timeout: Duration::from_millis(600),
            on_connection: None,
        }
    }

    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (listener, port)
    }

    /// Answers every request of every connection, and counts the connections.
    async fn answering() -> (u16, Arc<AtomicUsize>) {
        let (listener, port) = listener().await;
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut read = [0; 4096];
                    while socket.read(&mut read).await.is_ok_and(|size| size > 0) {
                        let _head = socket.write_all(HEAD).await;
                        let _body = socket.write_all(BODY).await;
                    }
                });
            }
        });
        (port, connections)
    }

    #[tokio::test]
    async fn a_refused_connection_means_not_sent() {
        let (closed, port) = listener().await;
        drop(closed);
        let response = ReqwestHttp::new().send(call(port)).await;
        assert!(matches!(response, Err(NoResponse::NotSent(_))), "{response:?}");
    }

    /// The listener's queue is full and nobody accepts, so the connection is never made.
    #[tokio::test]
    async fn a_connect_timeout_means_not_sent() {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let connect = tokio::net::TcpStream::connect(address);
            waiting.push(tokio::time::timeout(Duration::from_millis(100), connect).await);
        }
        let response = ReqwestHttp::new().send(call(address.port())).await;
        assert!(matches!(response, Err(NoResponse::NotSent(_))), "{response:?}");
    }

    #[tokio::test]
    async fn a_connection_closed_without_a_response_means_maybe_sent() {
        let (listener, port) = listener().await;
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let mut read = [0; 4096];
                let _size = socket.read(&mut read).await;
            }
        });
        let response = ReqwestHttp::new().send(call(port)).await;
        assert!(matches!(response, Err(NoResponse::MaybeSent(_))), "{response:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(accepted.load(Ordering::Relaxed), 1, "the client sent the request again");
    }

    #[tokio::test]
    async fn a_response_timeout_means_maybe_sent() {
        let (listener, port) = listener().await;
        let silent = tokio::spawn(async move { listener.accept().await });
        let response = ReqwestHttp::new().send(call(port)).await;
        assert!(matches!(response, Err(NoResponse::MaybeSent(_))), "{response:?}");
        silent.abort();
    }

    /// The same call with an observer, and the events that the observer gets.
    fn observed(port: u16) -> (ProviderCall, Arc<Mutex<Vec<ConnectionEvent>>>) {
        let events = Arc::new(Mutex::new(Vec::new()));
        let recorded = Arc::clone(&events);
        let observer: ConnectionObserver = Arc::new(move |event| {
            recorded.lock().expect("a lock").push(event);
            true
        });
        (ProviderCall { on_connection: Some(observer), ..call(port) }, events)
    }

    #[tokio::test]
    async fn only_a_request_that_opens_a_connection_reports_events() {
        const OPENED: [ConnectionEvent; 2] =
            [ConnectionEvent::Connecting, ConnectionEvent::Connected];
        let (port, connections) = answering().await;
        let http = ReqwestHttp::new();
        let (first, events) = observed(port);
        http.send(first).await.expect("a response");
        assert_eq!(*events.lock().expect("a lock"), OPENED);
        let (second, events) = observed(port);
        http.send(second).await.expect("a response");
        assert_eq!(*events.lock().expect("a lock"), []);
        // Two at once: one takes the free connection, the other opens another.
        let [(one, first), (other, second)] = [observed(port), observed(port)];
        let (one, other) = tokio::join!(http.send(one), http.send(other));
        assert!(one.is_ok() && other.is_ok());
        let mut events = [first, second].map(|events| events.lock().expect("a lock").clone());
        events.sort_unstable_by_key(Vec::len);
        assert_eq!(events, [vec![], OPENED.to_vec()]);
        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_connection_that_its_observer_refuses() {
        let (listener, port) = listener().await;
        let read = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut read = Vec::new();
            socket.read_to_end(&mut read).await.expect("its end");
            read
        });
        let connected = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connected);
        let observer: ConnectionObserver = Arc::new(move |event| {
            count.fetch_add(usize::from(event == ConnectionEvent::Connected), Ordering::Relaxed);
            event == ConnectionEvent::Connecting
        });
        let call = ProviderCall { on_connection: Some(observer), ..call(port) };
        let response = ReqwestHttp::new().send(call).await;
        assert!(matches!(response, Err(NoResponse::NotSent(_))), "{response:?}");
        assert_eq!(connected.load(Ordering::Relaxed), 1);
        assert_eq!(read.await.expect("a reader"), b"");
    }

    #[tokio::test]
    async fn a_connection_that_fails_never_reports_connected() {
        let (closed, port) = listener().await;
        drop(closed);
        let (call, events) = observed(port);
        let response = ReqwestHttp::new().send(call).await;
        assert!(matches!(response, Err(NoResponse::NotSent(_))), "{response:?}");
        assert_eq!(*events.lock().expect("a lock"), [ConnectionEvent::Connecting]);
    }

    #[tokio::test]
    async fn connections_are_kept_until_the_last_response_is_old() {
        let (port, connections) = answering().await;
        let base = format!("http://127.0.0.1:{port}");
        let http = ReqwestHttp::new();
        let connect_timeout = call(port).connect_timeout;
        for _ in 0..2 {
            http.drop_stale_connections(&base, connect_timeout);
            let response = http.send(call(port)).await.expect("a response");
            assert_eq!(response.status().as_u16(), 200);
            assert_eq!(response.body(), BODY);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        let long_ago_ms = SystemClock.now_ms() - FRESH_FOR_MS - 1;
        let age = || {
            let mut last = http.last_responses_ms.lock().expect("a lock");
            last.values_mut().for_each(|at_ms| *at_ms = long_ago_ms);
        };
        // Only `drop_stale_connections` looks at the age.
        age();
        http.send(call(port)).await.expect("a response");
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        age();
        http.drop_stale_connections(&base, connect_timeout);
        http.send(call(port)).await.expect("a response");
        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }
}
