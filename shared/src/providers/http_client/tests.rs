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
    answering_with([HEAD, BODY].concat()).await
}

async fn answering_with(response: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let (listener, port) = listener().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
            let response = response.clone();
            tokio::spawn(async move {
                let mut read = [0; 4096];
                while socket.read(&mut read).await.is_ok_and(|size| size > 0) {
                    let _written = socket.write_all(&response).await;
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
    const OPENED: [ConnectionEvent; 2] = [ConnectionEvent::Connecting, ConnectionEvent::Connected];
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

/// Another host would get the account's credentials, and the message.
#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"] {
        let (elsewhere, connections) = answering().await;
        let redirect = format!(
            "HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:{elsewhere}/\r\n\
             content-length: 0\r\n\r\n"
        );
        let (port, requests) = answering_with(redirect.into_bytes()).await;
        let response = ReqwestHttp::new().send(call(port)).await.expect("the redirect itself");
        assert!(response.status().is_redirection(), "{status}");
        assert_eq!(requests.load(Ordering::Relaxed), 1, "{status}");
        assert_eq!(connections.load(Ordering::Relaxed), 0, "{status} was followed");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("tcp open error")]
struct Outer(#[source] io::Error);

#[test]
fn a_lack_of_files_is_recognised_however_deep_it_is() {
    for code in NO_FREE_FILE {
        let from_system = || io::Error::from_raw_os_error(code);
        assert!(lacks_a_file(&Outer(from_system())), "{code}");
        assert!(lacks_a_file(&Outer(io::Error::other(from_system()))), "{code}");
        assert!(lacks_a_file(&Outer(io::Error::other(Outer(from_system())))), "{code}");
    }
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
    assert!(!lacks_a_file(&Outer(refused)));
    // 111 is `ECONNREFUSED`.
    assert!(!lacks_a_file(&Outer(io::Error::from_raw_os_error(111))));
}
