//! The queue of receipts that the webhook could not record at once.

use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde::{Deserialize, Serialize};

use super::error::PortError;
use crate::domain::{IncomingReceipt, SecretDigest};

/// A message of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum QueuedReceipts {
    /// Receipts that the channel's provider certainly sent.
    Verified { channel: String, receipts: Vec<IncomingReceipt> },
    /// A request whose sender is checked when it is taken from the queue, because the channel could
    /// not be read when it arrived.
    Unverified { caller: WebhookCaller, request: ReceiptRequest },
}

/// By what the webhook recognises a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookCaller {
    /// The channel in the path.
    pub channel: String,
    /// SHA-256 of the secret in the path. The secret itself goes nowhere.
    pub secret_sha256: SecretDigest,
    /// The address that the request came from, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<IpAddr>,
}

/// A provider's request to the webhook, as far as an adapter may read it: without its path, which
/// holds the secret. Adapters get the same request whether it waited in the queue or not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRequest {
    method: String,
    headers: Vec<(String, String)>,
    #[serde(with = "as_base64")]
    body: Bytes,
}

/// Headers that no adapter needs: credentials, and what proxies and clients add.
const LEFT_OUT: [&str; 17] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "forwarded",
    "host",
    "proxy-authorization",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "user-agent",
    "via",
    "x-amz-security-token",
];

fn is_left_out(header: &str) -> bool {
    LEFT_OUT.contains(&header)
        || header.starts_with("x-forwarded-")
        || header.starts_with("x-amzn-")
}

impl ReceiptRequest {
    #[must_use]
    pub fn new(method: &Method, headers: &HeaderMap, body: Bytes) -> Self {
        let headers = headers.iter().filter(|(name, _)| !is_left_out(name.as_str()));
        Self {
            method: method.to_string(),
            headers: headers
                .filter_map(|(name, value)| {
                    Some((name.to_string(), value.to_str().ok()?.to_owned()))
                })
                .collect(),
            body,
        }
    }

    /// The request for an adapter.
    #[must_use]
    pub fn to_http(&self) -> http::Request<Bytes> {
        let mut request = http::Request::new(self.body.clone());
        *request.method_mut() = self.method.parse().unwrap_or(Method::POST);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) =
                (name.parse::<HeaderName>(), value.parse::<HeaderValue>())
            {
                request.headers_mut().append(name, value);
            }
        }
        request
    }
}

/// Shows no phone number and no signature.
impl fmt::Debug for ReceiptRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReceiptRequest({} bytes)", self.body.len())
    }
}

mod as_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(body: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(body))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        // The decoder's error would quote the text.
        let body = STANDARD.decode(text).map_err(|_| D::Error::custom("is not base64"))?;
        Ok(body.into())
    }
}

#[async_trait]
pub trait ReceiptQueue: Send + Sync {
    /// Keeps receipts until the webhook has recorded them. Keeping some twice is harmless.
    async fn keep(&self, queued: &QueuedReceipts) -> Result<(), PortError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)], body: impl Into<Bytes>) -> ReceiptRequest {
        let headers = headers.iter().map(|(name, value)| {
            (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"))
        });
        ReceiptRequest::new(&Method::POST, &headers.collect(), body.into())
    }

    fn unverified(request: ReceiptRequest) -> QueuedReceipts {
        let secret_sha256 = SecretDigest::of("the-secret");
        let source = "203.0.113.7".parse().ok();
        let caller = WebhookCaller { channel: "main".into(), secret_sha256, source };
        QueuedReceipts::Unverified { caller, request }
    }

    #[test]
    fn a_request_is_the_same_for_its_adapter_after_it_waited() {
        let body: Vec<u8> = (0..=255).collect();
        let signed = [("x-signature", "s"), ("content-type", "application/json")];
        let queued = unverified(request(&signed, body.clone()));
        let text = serde_json::to_string(&queued).expect("JSON");
        assert!(!text.contains("the-secret"), "{text}");
        let read: QueuedReceipts = serde_json::from_str(&text).expect("a message");
        assert_eq!(read, queued);
        let QueuedReceipts::Unverified { request, .. } = read else { panic!("{text}") };
        let request = request.to_http();
        assert_eq!(request.method(), Method::POST);
        assert_eq!(request.headers()["x-signature"], "s");
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.body(), &body);
        assert_eq!(request.uri().path(), "/");
    }

    #[test]
    fn credentials_and_what_proxies_add_are_left_out() {
        let all = [
            ("authorization", "a"),
            ("cookie", "a"),
            ("forwarded", "for=a"),
            ("x-forwarded-for", "a"),
            ("x-amzn-trace-id", "a"),
            ("x-amz-security-token", "a"),
            ("host", "a"),
            ("user-agent", "a"),
            ("x-solapi-secret", "kept"),
        ];
        let kept = request(&all, "").to_http();
        assert_eq!(kept.headers().len(), 1);
        assert_eq!(kept.headers()["x-solapi-secret"], "kept");
    }

    #[test]
    fn verified_receipts_are_read_back() {
        let reference = "0123456789abcdef0123456789abcd01";
        let text = format!(
            "{{\"kind\":\"verified\",\"channel\":\"main\",\"receipts\":[{{\"reference\":\
             \"{reference}\",\"receipt\":{{\"verdict\":\"primary_undelivered\",\"code\":\"7308\",\
             \"medium\":\"KAT\"}}}},{{\"receipt\":{{\"verdict\":\"delivered\",\"code\":\"1\"}}}}]}}"
        );
        let read: QueuedReceipts = serde_json::from_str(&text).expect("a message");
        assert_eq!(serde_json::to_string(&read).expect("JSON"), text);
        let QueuedReceipts::Verified { receipts, .. } = read else { panic!("{text}") };
        let first = receipts[0].reference.as_ref().map(ToString::to_string);
        assert_eq!(first.as_deref(), Some(reference));
    }

    /// SQS takes messages of 256 KB, the webhook bodies of 64 KB, and API Gateway 10 KB of headers.
    #[test]
    fn the_largest_request_fits_into_a_message() {
        let long = "\"".repeat(10_240);
        let largest = unverified(request(&[("x-signature", &long)], vec![0xff; 64 * 1024]));
        let text = serde_json::to_string(&largest).expect("JSON");
        assert!(text.len() < 256 * 1024, "{}", text.len());
    }

    #[test]
    fn no_log_shows_what_a_request_holds() {
        let shown = format!("{:?}", unverified(request(&[("x-signature", "s3cret")], "0101234")));
        assert!(!shown.contains("s3cret") && !shown.contains("0101234"), "{shown}");
        assert!(!shown.contains(&String::from(SecretDigest::of("the-secret"))), "{shown}");
    }
}
