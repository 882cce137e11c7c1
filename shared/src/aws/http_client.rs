//! HTTP to providers, by reqwest.

use std::collections::HashMap;
use std::sync::{Mutex, Once, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;
use tower::layer::layer_fn;
use tower::{BoxError, Service};

use crate::ports::{Clock, Http, HttpRequest, HttpResponse, NoResponse, Way, WayListener};
use crate::time::SystemClock;

/// The largest answer that is read: providers answer with a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How long a connection is kept that carries nothing.
const IDLE_MAX: Duration = Duration::from_secs(50);

/// How many such connections are kept: other lanes that this process may drain next need theirs, and a
/// function on Lambda may have 1,024 files open.
const IDLE_CONNECTIONS_MAX: usize = 100;

/// For how long after an answer connections are taken to be there: as long as a lane is handed over
/// within this process. Lambda may have frozen it meanwhile.
const FRESH_FOR_MS: i64 = 3_000;

tokio::task_local! {
    /// Who hears of the connection that the present request opens.
    static WAY: WayListener;
}

/// Tells of the connections that requests open. A request opens one only when none is free at its
/// first step; when another one's becomes free meanwhile, it takes that, and the new one is kept for
/// later: then it is told to be on its way later than it was.
#[derive(Clone)]
struct Told<S>(S);

impl<S, R> Service<R> for Told<S>
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
        // Nobody, for a request that is no message.
        let Ok(way) = WAY.try_with(WayListener::clone) else { return connecting.boxed() };
        way(Way::Connecting);
        async move {
            let connection = connecting.await?;
            if !way(Way::Connected) {
                return Err("it may not be used any more".into());
            }
            Ok(connection)
        }
        .boxed()
    }
}

/// Keeps connections open between requests.
#[derive(Debug)]
pub struct ReqwestHttp {
    /// One client for each connection time-out, which reqwest knows of a client only.
    clients: Mutex<HashMap<Duration, reqwest::Client>>,
    /// When each server answered a client last, in Unix milliseconds: other clocks stand still in a
    /// process that is frozen.
    answered: Mutex<HashMap<(String, Duration), i64>>,
}

impl ReqwestHttp {
    /// Without a connection yet. Settles the process's cryptography, for other clients as well.
    #[must_use]
    pub fn new() -> Self {
        static CRYPTO: Once = Once::new();
        CRYPTO.call_once(|| {
            // Fails only when somebody installed a provider before: then that one serves.
            let _installed = rustls::crypto::ring::default_provider().install_default();
        });
        Self { clients: Mutex::default(), answered: Mutex::default() }
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

    fn has_answered(&self, url: &str, connect_timeout: Duration) {
        let Some(server) = server(url) else { return };
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.insert((server, connect_timeout), SystemClock.now_ms());
    }

    fn new_client(connect_timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .connector_layer(layer_fn(Told))
            .pool_idle_timeout(IDLE_MAX)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .tcp_nodelay(true)
            // A redirect would post the message to an address that nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            // Sending again is never the client's decision.
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
impl Http for ReqwestHttp {
    fn freshen(&self, base_url: &str, connect_timeout: Duration) {
        let Some(server) = server(base_url) else { return };
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |at_ms: i64| (0..FRESH_FOR_MS).contains(&(SystemClock.now_ms() - at_ms));
        // Where none has ever answered, there is no connection either.
        if answered.get(&(server, connect_timeout)).is_none_or(|at_ms| is_fresh(*at_ms)) {
            return;
        }
        // A client's connections go with it, and those to other servers: they are opened anew.
        answered.retain(|(_, known), _| *known != connect_timeout);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.remove(&connect_timeout);
    }

    async fn post(&self, request: HttpRequest) -> Result<HttpResponse, NoResponse> {
        let mut authorization = HeaderValue::from_str(request.authorization.expose_secret())
            .map_err(|_| NoResponse::NotSent("the credentials are no header value".to_owned()))?;
        authorization.set_sensitive(true);
        let client = self
            .client(request.connect_timeout)
            .map_err(|error| NoResponse::NotSent(format!("no HTTP client: {error}")))?;
        let sending = client
            .post(&request.url)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .timeout(request.total_timeout)
            .body(request.body)
            .send();
        let sent = match request.way {
            Some(way) => WAY.scope(way, sending).await,
            None => sending.await,
        };
        let mut response = sent.map_err(|error| no_response(&error))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| {
                Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
            })
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| no_response(&error))? {
            body.extend_from_slice(&chunk);
            if body.len() > ANSWER_BYTES_MAX {
                return Err(NoResponse::MaybeSent("the answer is too long".to_owned()));
            }
        }
        self.has_answered(&request.url, request.connect_timeout);
        Ok(HttpResponse { status, headers, body: body.into() })
    }
}

/// What of an address connections are kept by.
fn server(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    Some(url.origin().ascii_serialization())
}

/// Only a connection that was never made is certain not to have carried the request.
fn no_response(error: &reqwest::Error) -> NoResponse {
    // Without the address, which may be internal, and without any header.
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

    use secrecy::SecretString;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
    const BODY: &[u8] = b"{}";

    fn request(port: u16) -> HttpRequest {
        HttpRequest {
            url: format!("http://127.0.0.1:{port}/v3/message"),
            authorization: SecretString::from("Bearer t"),
            body: "{}".into(),
            connect_timeout: Duration::from_millis(300),
            total_timeout: Duration::from_millis(600),
            way: None,
        }
    }

    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        (listener, port)
    }

    /// Answers every request of every connection; counts connections.
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
    async fn what_was_refused_at_the_door_was_not_sent() {
        let (closed, port) = listener().await;
        drop(closed);
        let answer = ReqwestHttp::new().post(request(port)).await;
        assert!(matches!(answer, Err(NoResponse::NotSent(_))), "{answer:?}");
    }

    /// Nobody accepts: the connection is never made. The queue of the listener is full.
    #[tokio::test]
    async fn what_found_no_connection_in_time_was_not_sent() {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let connect = tokio::net::TcpStream::connect(address);
            waiting.push(tokio::time::timeout(Duration::from_millis(100), connect).await);
        }
        let answer = ReqwestHttp::new().post(request(address.port())).await;
        assert!(matches!(answer, Err(NoResponse::NotSent(_))), "{answer:?}");
    }

    #[tokio::test]
    async fn what_was_hung_up_on_may_have_been_sent() {
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
        let answer = ReqwestHttp::new().post(request(port)).await;
        assert!(matches!(answer, Err(NoResponse::MaybeSent(_))), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(accepted.load(Ordering::Relaxed), 1, "it was sent again");
    }

    #[tokio::test]
    async fn what_is_not_answered_in_time_may_have_been_sent() {
        let (listener, port) = listener().await;
        let silent = tokio::spawn(async move { listener.accept().await });
        let answer = ReqwestHttp::new().post(request(port)).await;
        assert!(matches!(answer, Err(NoResponse::MaybeSent(_))), "{answer:?}");
        silent.abort();
    }

    /// The same request, and what was heard of its way.
    fn told(port: u16) -> (HttpRequest, Arc<Mutex<Vec<Way>>>) {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&heard);
        let way: WayListener = Arc::new(move |way| {
            notes.lock().expect("a lock").push(way);
            true
        });
        (HttpRequest { way: Some(way), ..request(port) }, heard)
    }

    #[tokio::test]
    async fn a_request_that_opens_a_connection_says_so_and_the_next_ones_do_not() {
        let (port, connections) = answering().await;
        let http = ReqwestHttp::new();
        let (first, heard) = told(port);
        http.post(first).await.expect("an answer");
        assert_eq!(*heard.lock().expect("a lock"), [Way::Connecting, Way::Connected]);
        let (second, heard) = told(port);
        http.post(second).await.expect("an answer");
        assert_eq!(*heard.lock().expect("a lock"), []);
        // Two at once: one takes the connection that is free, the other opens another.
        let [(one, first), (other, second)] = [told(port), told(port)];
        let (one, other) = tokio::join!(http.post(one), http.post(other));
        assert!(one.is_ok() && other.is_ok());
        let mut heard = [first, second].map(|heard| heard.lock().expect("a lock").clone());
        heard.sort_unstable_by_key(Vec::len);
        assert_eq!(heard, [vec![], vec![Way::Connecting, Way::Connected]]);
        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn nothing_is_written_to_a_connection_that_may_not_be_used_any_more() {
        let (listener, port) = listener().await;
        let read = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("a connection");
            let mut read = Vec::new();
            socket.read_to_end(&mut read).await.expect("its end");
            read
        });
        let connected = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connected);
        let way: WayListener = Arc::new(move |way| {
            count.fetch_add(usize::from(way == Way::Connected), Ordering::Relaxed);
            way == Way::Connecting
        });
        let asking = HttpRequest { way: Some(way), ..request(port) };
        let answer = ReqwestHttp::new().post(asking).await;
        assert!(matches!(answer, Err(NoResponse::NotSent(_))), "{answer:?}");
        assert_eq!(connected.load(Ordering::Relaxed), 1);
        assert_eq!(read.await.expect("a reader"), b"");
    }

    #[tokio::test]
    async fn a_connection_that_is_never_made_is_never_told_to_be_open() {
        let (closed, port) = listener().await;
        drop(closed);
        let (request, heard) = told(port);
        let answer = ReqwestHttp::new().post(request).await;
        assert!(matches!(answer, Err(NoResponse::NotSent(_))), "{answer:?}");
        assert_eq!(*heard.lock().expect("a lock"), [Way::Connecting]);
    }

    #[tokio::test]
    async fn connections_are_kept_unless_they_may_have_been_closed_unheard() {
        let (port, connections) = answering().await;
        let base = format!("http://127.0.0.1:{port}");
        let http = ReqwestHttp::new();
        let connect_timeout = request(port).connect_timeout;
        for _ in 0..2 {
            http.freshen(&base, connect_timeout);
            let answer = http.post(request(port)).await.expect("an answer");
            assert_eq!((answer.status, &answer.body[..]), (200, &b"{}"[..]));
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        // The last answer is long ago.
        let long_ago_ms = SystemClock.now_ms() - FRESH_FOR_MS - 1;
        http.answered.lock().expect("a lock").values_mut().for_each(|at| *at = long_ago_ms);
        http.post(request(port)).await.expect("an answer");
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        http.answered.lock().expect("a lock").values_mut().for_each(|at| *at = long_ago_ms);
        http.freshen(&base, connect_timeout);
        http.post(request(port)).await.expect("an answer");
        assert_eq!(connections.load(Ordering::Relaxed), 2);
    }
}
