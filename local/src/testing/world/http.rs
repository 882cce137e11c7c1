//! HTTP to the simulated provider without sockets.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alimi::ports::{ConnectionEvent, ConnectionObserver, NoResponse, ProviderCall, ProviderHttp};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use tokio::time::Instant;
use tower::ServiceExt;

/// HTTP requests that go straight into a router. As over a network, a request that has been sent is
/// handled to its end, whether or not its sender still waits for the answer.
pub struct RouterHttp {
    router: Router,
    failures: Mutex<VecDeque<NoResponse>>,
    /// The failure of every request, if set. A request that may have been sent fails after its
    /// time-out.
    failing: Mutex<Option<NoResponse>>,
    answered_at: Mutex<Option<Instant>>,
    /// The time to open a connection.
    connect_time: Duration,
    /// The time from writing a request to its arrival.
    transit_time: Mutex<Duration>,
    /// The number of open connections without a request.
    free: AtomicUsize,
    written: AtomicU64,
}

impl RouterHttp {
    /// With a `connect_time` of zero, connections are always open.
    pub(super) fn new(router: Router, connect_time: Duration) -> Self {
        Self {
            router,
            failures: Mutex::default(),
            failing: Mutex::default(),
            answered_at: Mutex::default(),
            connect_time,
            transit_time: Mutex::default(),
            free: AtomicUsize::new(0),
            written: AtomicU64::new(0),
        }
    }

    /// The number of requests that were written to the provider.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Takes a free connection, or opens one. Returns whether the sender may use it.
    async fn connection(&self, observer: Option<&ConnectionObserver>) -> bool {
        let take = |free: usize| free.checked_sub(1);
        let taken = self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        if self.connect_time.is_zero() || taken.is_ok() {
            return true;
        }
        let may_continue = |event| observer.is_none_or(|observer| observer(event));
        may_continue(ConnectionEvent::Connecting) && {
            tokio::time::sleep(self.connect_time).await;
            may_continue(ConnectionEvent::Connected)
        }
    }

    fn give_back_connection(&self) {
        self.free.fetch_add(1, Ordering::Relaxed);
    }

    fn record_answer(&self) {
        *self.answered_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// From now on, every request fails in this way before it reaches the provider; `None` ends
    /// that.
    pub fn fail_from_now(&self, failure: Option<NoResponse>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Sets the time from writing a request to its arrival.
    pub fn set_transit_time(&self, transit_time: Duration) {
        *self.transit_time.lock().unwrap_or_else(PoisonError::into_inner) = transit_time;
    }

    /// The next request fails in this way before it reaches the provider.
    pub fn fail_next(&self, failure: NoResponse) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push_back(failure);
    }
}

#[async_trait]
impl ProviderHttp for RouterHttp {
    /// Closes all connections after three seconds without an answer, as the real client does.
    fn drop_stale_connections(&self, _base_url: &str, _connect_timeout: Duration) {
        let answered_at = *self.answered_at.lock().unwrap_or_else(PoisonError::into_inner);
        if answered_at.is_some_and(|at| at.elapsed() >= Duration::from_secs(3)) {
            self.free.store(0, Ordering::Relaxed);
        }
    }

    async fn send(&self, call: ProviderCall) -> Result<Response<Bytes>, NoResponse> {
        let ProviderCall { request, connect_timeout: _, total_timeout, on_connection } = call;
        let failure = self.failures.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(failure) = failure {
            return Err(failure);
        }
        let failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match failing {
            None => {}
            Some(failure @ (NoResponse::NotSent(_) | NoResponse::NoSocket(_))) => {
                return Err(failure);
            }
            Some(failure @ NoResponse::MaybeSent(_)) => {
                tokio::time::sleep(total_timeout).await;
                return Err(failure);
            }
        }
        if !self.connection(on_connection.as_ref()).await {
            return Err(NoResponse::NotSent("the sender refused the new connection".to_owned()));
        }
        let transit_time = *self.transit_time.lock().unwrap_or_else(PoisonError::into_inner);
        self.written.fetch_add(1, Ordering::Relaxed);
        let router = self.router.clone();
        let handled = tokio::spawn(async move {
            if !transit_time.is_zero() {
                tokio::time::sleep(transit_time).await;
            }
            router.oneshot(request.map(Body::from)).await
        });
        // Over HTTP/1.1 a client closes the connection of a request that it gives up, so after a
        // time-out the connection is not given back.
        let response = tokio::time::timeout(total_timeout, handled)
            .await
            .map_err(|_| NoResponse::MaybeSent("timed out".to_owned()))?
            .map_err(|error| NoResponse::MaybeSent(error.to_string()))?;
        let Ok(response) = response;
        let (head, body) = response.into_parts();
        // The body of a closed connection cannot be read.
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(|error| NoResponse::MaybeSent(error.to_string()))?;
        self.give_back_connection();
        self.record_answer();
        Ok(Response::from_parts(head, body))
    }
}
