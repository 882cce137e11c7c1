//! HTTP between a provider's client and its simulator, without sockets.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alimi::ports::{NoResponse, ProviderCall, ProviderHttp};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::Response;
use tower::ServiceExt;

/// As over a network, the simulator handles a request to its end, whether or not the client still
/// waits for the answer.
pub struct Network {
    simulator: Router,
    /// Why no connection can be opened.
    fault: Mutex<Option<NoResponse>>,
}

impl Network {
    pub fn new(simulator: Router) -> Self {
        Self { simulator, fault: Mutex::new(None) }
    }

    /// From now on no connection can be opened.
    pub fn go_down(&self) {
        self.set_fault(Some(NoResponse::NotSent("connection refused".to_owned())));
    }

    /// From now on the process has no file free for a connection.
    pub fn run_out_of_sockets(&self) {
        self.set_fault(Some(NoResponse::NoSocket("too many open files".to_owned())));
    }

    /// From now on connections can be opened again.
    pub fn come_back(&self) {
        self.set_fault(None);
    }

    fn set_fault(&self, fault: Option<NoResponse>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn fault(&self) -> Option<NoResponse> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl ProviderHttp for Network {
    fn drop_stale_connections(&self, _base_url: &str, _connect_timeout: Duration) {}

    async fn send(&self, call: ProviderCall) -> Result<Response<Bytes>, NoResponse> {
        let ProviderCall { request, connect_timeout: _, total_timeout, on_connection: _ } = call;
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        let simulator = self.simulator.clone();
        let handled = tokio::spawn(async move {
            let Ok(response) = simulator.oneshot(request.map(Body::from)).await;
            let (head, body) = response.into_parts();
            match axum::body::to_bytes(body, usize::MAX).await {
                Ok(body) => Ok(Response::from_parts(head, body)),
                Err(error) => Err(NoResponse::MaybeSent(error.to_string())),
            }
        });
        match tokio::time::timeout(total_timeout, handled).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panicked)) => panic!("the simulator failed: {panicked}"),
            Err(_) => Err(NoResponse::MaybeSent("timed out".to_owned())),
        }
    }
}
