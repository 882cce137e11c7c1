//! HTTP to providers, by reqwest.

use std::collections::HashMap;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret;

use crate::ports::{Http, HttpRequest, HttpResponse, NoResponse};

/// The largest answer that is read: providers answer with a few hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Keeps connections open between requests.
#[derive(Debug)]
pub struct ReqwestHttp {
    /// One client for each connection time-out, which reqwest knows of a client only.
    clients: Mutex<HashMap<Duration, reqwest::Client>>,
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
        Self { clients: Mutex::default() }
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

    fn new_client(connect_timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
        reqwest::Client::builder()
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(Duration::from_secs(50))
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
    async fn warm(&self, base_url: &str, connect_timeout: Duration) {
        if let Ok(client) = self.client(connect_timeout) {
            let _unused = client.head(base_url).timeout(2 * connect_timeout).send().await;
        }
    }

    async fn post(&self, request: HttpRequest) -> Result<HttpResponse, NoResponse> {
        let mut authorization = HeaderValue::from_str(request.authorization.expose_secret())
            .map_err(|_| NoResponse::NotSent("the credentials are no header value".to_owned()))?;
        authorization.set_sensitive(true);
        let client = self
            .client(request.connect_timeout)
            .map_err(|error| NoResponse::NotSent(format!("no HTTP client: {error}")))?;
        let sent = client
            .post(&request.url)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .timeout(request.total_timeout)
            .body(request.body)
            .send()
            .await;
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
        Ok(HttpResponse { status, headers, body: body.into() })
    }
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
