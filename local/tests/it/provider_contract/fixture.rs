//! What the suite has to know of a provider.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::{Address, Channel, ChannelType, Content, PhoneNumber, Reference, Verdict};
use alimi_local::simulator::Simulator;
use axum::Router;
use axum::body::Bytes;
use axum::http::Request;
use serde_json::Value;

/// A provider's fixture is a constant.
pub type Fixture = &'static dyn ContractFixture;

pub trait ContractFixture: Sync {
    /// A channel that may send everything that the provider sends, to this address.
    fn channel(&self, endpoint: &str) -> Channel;

    /// Channels whose settings permit only these channel types.
    fn narrower_channels(&self) -> Vec<(Channel, Vec<ChannelType>)>;

    /// The channel's secret, as the simulator takes it.
    fn secret(&self) -> String;

    /// A secret whose credentials the simulator refuses.
    fn wrong_secret(&self) -> String;

    /// The credentials of both secrets, in every form in which they are sent, and the beginning of
    /// every access token.
    fn secret_words(&self) -> Vec<String>;

    /// The routes of the provider's simulator.
    fn router(&self, simulator: Arc<Simulator>) -> Router;

    /// At least one message of each channel type that the provider sends, and of each fallback.
    fn samples(&self) -> Vec<Sample>;

    /// At least one limit of each channel type that the provider sends.
    fn text_limits(&self) -> Vec<TextLimit>;

    /// How long an access token lives; `None` when the provider has none.
    fn token_life(&self) -> Option<Duration>;

    /// Whether the provider tells when an address no longer exists.
    fn recognises_gone_addresses(&self) -> bool;

    /// Whether the provider sends to phone numbers outside Korea.
    fn sends_abroad(&self) -> bool;

    /// The provider's receipts; `None` when it sends none.
    fn receipts(&self) -> Option<&'static dyn ReceiptFixture>;
}

/// The receipts of a provider.
pub trait ReceiptFixture: Sync {
    /// The request by which the provider posts a receipt that its simulator wrote.
    fn posted(&self, body: &Value) -> Request<Bytes>;

    /// A receipt with this verdict; `None` when the provider has no such receipt.
    fn receipt(&self, reference: &Reference, verdict: Verdict) -> Option<Request<Bytes>>;

    /// Receipts about messages of another system that uses the same account.
    fn foreign(&self) -> Vec<Request<Bytes>>;

    /// Requests that hold no receipts of the provider, each with the field at fault.
    fn malformed(&self) -> Vec<(&'static str, Request<Bytes>)>;

    /// One request with a receipt about each attempt; `None` when the provider posts each receipt
    /// by itself.
    fn batch(&self, references: &[Reference]) -> Option<Request<Bytes>>;

    /// A receipt that lacks its signature; `None` when the provider signs no receipts, so that only
    /// the secret in the webhook's path authenticates them.
    fn unsigned(&self, reference: &Reference) -> Option<Request<Bytes>>;
}

/// A message that the provider sends.
pub struct Sample {
    pub to: Address,
    /// The address, as the provider's wire has it.
    pub to_on_wire: String,
    pub content: Content,
}

impl Sample {
    /// A message to a Korean phone number.
    pub fn to_phone(content: Value, on_wire: &str) -> Self {
        Self {
            to: Address::Phone(phone("+821012345678")),
            to_on_wire: on_wire.to_owned(),
            content: serde_json::from_value(content).expect("content"),
        }
    }

    /// The text that the first choice shows.
    pub fn text(&self) -> &str {
        match &self.content {
            Content::Alimtalk(alimtalk) => &alimtalk.body,
            Content::Sms(sms) => &sms.body,
            Content::Lms(lms) => &lms.body,
        }
    }
}

/// A limit of a text's length.
pub struct TextLimit {
    /// The content with the longest text.
    pub longest: Content,
    /// The same content with one unit more.
    pub longer: Content,
    /// The field that is reported when a template has the longer text.
    pub field_in_template: &'static str,
    /// The field that is reported when a message has the longer text.
    pub field_in_message: &'static str,
}

pub fn phone(text: &str) -> PhoneNumber {
    PhoneNumber::try_from(text.to_owned()).expect("a phone number")
}
