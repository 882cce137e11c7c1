//! A client of the deployed HTTP API.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use alimi::domain::NotificationId;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::result::Result;

/// Longer than the time-out of API Gateway.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// A client that resolves the API's host name to loopback.
///
/// # Errors
/// When the address is invalid, or the client cannot be made.
pub fn client(url: &str) -> Result<Client> {
    let url = reqwest::Url::parse(url)?;
    let host = url.host_str().ok_or("the API has no host")?;
    // The client takes the port from the URL.
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let client = Client::builder().resolve(host, loopback).no_proxy();
    Ok(client.timeout(ANSWER_WITHIN).build()?)
}

pub struct Api {
    client: Client,
    url: String,
    region: &'static str,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// The revision of a document.
    pub etag: Option<String>,
    /// The body. Text that is no JSON becomes a JSON string.
    pub body: Value,
}

impl Answer {
    /// The body of an answer with this status.
    ///
    /// # Errors
    /// The answer, when it has another status.
    pub fn expect(self, status: u16) -> Result<Value> {
        let Self { status: found, body, .. } = self;
        if found == status {
            return Ok(body);
        }
        Err(Unexpected { found, expected: status, body }.into())
    }
}

/// An answer with an unexpected status.
#[derive(Debug)]
pub struct Unexpected {
    found: u16,
    expected: u16,
    body: Value,
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, expected, body } = self;
        write!(f, "answered with {found}, not {expected}: {body}")
    }
}

impl Error for Unexpected {}

/// Whether the same request may succeed later: the API failed, or was not reached.
pub fn is_temporary(error: &(dyn Error + 'static)) -> bool {
    if let Some(unexpected) = error.downcast_ref::<Unexpected>() {
        return unexpected.found >= 500 && unexpected.expected < 500;
    }
    error.downcast_ref::<reqwest::Error>().is_some_and(|error| {
        error.is_connect() || error.is_timeout() || error.is_request() || error.is_body()
    })
}

impl Api {
    /// A client of the API at an address.
    ///
    /// # Errors
    /// When the address is invalid.
    pub fn new(url: &str, region: &'static str) -> Result<Self> {
        Ok(Self { client: client(url)?, url: url.to_owned(), region })
    }

    /// A request in the form of a signed one. The emulator requires this form and reads the caller
    /// from it. It verifies no signature and enforces no policy.
    fn signed(&self, method: Method, path: &str) -> RequestBuilder {
        let region = self.region;
        let credential = format!("test/20260101/{region}/execute-api/aws4_request");
        self.unsigned(method, path).header(
            "Authorization",
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"),
        )
    }

    fn unsigned(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Reads a path.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        answer(self.signed(Method::GET, path)).await
    }

    /// Reads a path without a signature.
    pub async fn get_unsigned(&self, path: &str) -> Result<Answer> {
        answer(self.unsigned(Method::GET, path)).await
    }

    /// Posts a body with an idempotency key.
    pub async fn create(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        let request = self.signed(Method::POST, path).header("Idempotency-Key", key);
        answer(request.header("Content-Type", "application/json").body(body.to_string())).await
    }

    /// Posts without a body.
    pub async fn post(&self, path: &str) -> Result<Answer> {
        answer(self.signed(Method::POST, path).body("")).await
    }

    /// Posts an operator's order.
    pub async fn order(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.signed(Method::POST, path).header("Content-Type", "application/json");
        answer(request.body(body.to_string())).await
    }

    /// Sends a CSV file.
    pub async fn upload(&self, path: &str, csv: &str) -> Result<Answer> {
        let request = self.signed(Method::POST, path).header("Content-Type", "text/csv");
        answer(request.body(csv.to_owned())).await
    }

    /// Stores a document. `over` is the revision to replace; without it, the document must be new.
    pub async fn put(&self, path: &str, over: Option<&str>, body: &Value) -> Result<Answer> {
        let request = self.signed(Method::PUT, path).header("Content-Type", "application/json");
        let request = match over {
            Some(etag) => request.header("If-Match", etag),
            None => request.header("If-None-Match", "*"),
        };
        answer(request.body(body.to_string())).await
    }

    /// Deletes a document at this revision.
    pub async fn delete(&self, path: &str, etag: &str) -> Result<Answer> {
        answer(self.signed(Method::DELETE, path).header("If-Match", etag)).await
    }

    /// Posts a body without a signature, as a provider does.
    pub async fn post_unsigned(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.unsigned(Method::POST, path).header("Content-Type", "application/json");
        answer(request.body(body.to_string())).await
    }

    /// The status of a notification, by the operators' route: the notifications of a run belong to
    /// another producer than this caller.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn status(&self, id: &NotificationId) -> Result<String> {
        let body = self.get(&format!("/v1/ops/notifications/{id}")).await?.expect(200)?;
        Ok(body["status"].as_str().unwrap_or_default().to_owned())
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer> {
    let answer = request.send().await?;
    let status = answer.status().as_u16();
    let etag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let text = answer.text().await?;
    let body = match serde_json::from_str(&text) {
        Ok(body) => body,
        Err(_) => Value::String(text),
    };
    Ok(Answer { status, etag, body })
}
