//! The deployed HTTP API, as producers and operators call it.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use alimi::domain::NotificationId;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use crate::Result;

/// Longer than API Gateway waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(35);

/// A client for the API's own name, which leads to loopback.
///
/// # Errors
/// When the address is none, or there is no client.
pub fn client(url: &str) -> Result<Client> {
    let url = reqwest::Url::parse(url)?;
    let host = url.host_str().ok_or("the API has no host")?;
    // Its port is that of the URL.
    let loopback = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let client = Client::builder().resolve(host, loopback).no_proxy();
    Ok(client.timeout(ANSWER_WITHIN).build()?)
}

/// The API.
pub struct Api {
    client: Client,
    url: String,
    region: &'static str,
}

/// What it answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The revision of a document.
    pub etag: Option<String>,
    /// The body; `null` if it is empty.
    pub body: Value,
}

impl Answer {
    /// The body, if the status is this one.
    ///
    /// # Errors
    /// Says what came instead.
    pub fn expect(self, status: u16) -> Result<Value> {
        let Self { status: found, body, .. } = self;
        if found == status {
            return Ok(body);
        }
        Err(Unexpected { found, expected: status, body }.into())
    }
}

/// An answer with another status than the one that was expected.
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

/// Whether the same request may well succeed later: the API failed, or was not reached.
pub fn may_pass(error: &(dyn Error + 'static)) -> bool {
    if let Some(unexpected) = error.downcast_ref::<Unexpected>() {
        return unexpected.found >= 500 && unexpected.expected < 500;
    }
    error.downcast_ref::<reqwest::Error>().is_some_and(|error| {
        error.is_connect() || error.is_timeout() || error.is_request() || error.is_body()
    })
}

impl Api {
    /// The API at the address that the stack's outputs have.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(url: &str, region: &'static str) -> Result<Self> {
        Ok(Self { client: client(url)?, url: url.to_owned(), region })
    }

    /// A request as a signed one. The emulator asks for a signature's form and reads the caller from
    /// it; it verifies none, and enforces no policy.
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

    /// Reads something.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        answer(self.signed(Method::GET, path)).await
    }

    /// Reads something without saying who asks.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn get_unsigned(&self, path: &str) -> Result<Answer> {
        answer(self.unsigned(Method::GET, path)).await
    }

    /// Creates something, under a key.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn create(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        let request = self.signed(Method::POST, path).header("Idempotency-Key", key);
        answer(request.header("Content-Type", "application/json").body(body.to_string())).await
    }

    /// Sends a CSV file.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn upload(&self, path: &str, csv: &str) -> Result<Answer> {
        let request = self.signed(Method::POST, path).header("Content-Type", "text/csv");
        answer(request.body(csv.to_owned())).await
    }

    /// Stores a document: a new one, or over the revision that is named.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn put(&self, path: &str, over: Option<&str>, body: &Value) -> Result<Answer> {
        let request = self.signed(Method::PUT, path).header("Content-Type", "application/json");
        let request = match over {
            Some(etag) => request.header("If-Match", etag),
            None => request.header("If-None-Match", "*"),
        };
        answer(request.body(body.to_string())).await
    }

    /// Deletes this revision of a document.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn delete(&self, path: &str, etag: &str) -> Result<Answer> {
        answer(self.signed(Method::DELETE, path).header("If-Match", etag)).await
    }

    /// Pushes something to an address below the API's.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn push(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.unsigned(Method::POST, path).header("Content-Type", "application/json");
        answer(request.body(body.to_string())).await
    }

    /// A notification's status.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn status(&self, id: &NotificationId) -> Result<String> {
        let body = self.get(&format!("/v1/notifications/{id}")).await?.expect(200)?;
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
