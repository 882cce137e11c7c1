//! One attempt to send a notification, and what came of it.

use serde::{Deserialize, Serialize};

/// What a provider's answer, or the lack of one, means for an attempt.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took the message.
    Accepted,
    /// The provider refused this message for good.
    Rejected,
    /// The provider refused the request because its limit was exceeded. It took nothing.
    Throttled,
    /// The account cannot send at all: its address is not allowed, its credentials are refused, or
    /// it is suspended. The provider took nothing, and nothing is wrong with the message.
    ChannelDown,
    /// The address no longer exists: the person unsubscribed, or the device is gone. The provider
    /// took nothing.
    AddressGone,
    /// The provider answered that it took nothing, and that a later attempt may succeed. Such
    /// answers use up a message's retries.
    TryAgain,
    /// There was no connection, so the request was never written. Nothing is wrong with the message.
    Unreachable,
    /// This process could not make the request: its token had just been refused, or it had no free
    /// socket. It says nothing about the provider.
    Unsent,
    /// The request was written, and no usable answer came. The provider may have the message.
    Uncertain,
}

/// An attempt as the notification's record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1; part of the reference key.
    pub number: u8,
    /// The claim that made the attempt.
    pub claim: u32,
    /// The fencing number of the lease under which the sender claimed.
    pub fence: u64,
    pub claimed_at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_sent_at_ms: Option<i64>,
    /// When the answer came or the request timed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_received_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The provider's own key of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_message_id: Option<String>,
    /// How often the provider was asked what became of it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub inquiries: u8,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u8) -> bool {
    *count == 0
}

/// What a sender saw of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Just before the request was written.
    pub sent_at_ms: i64,
    /// When the answer came or the request timed out.
    pub received_at_ms: i64,
    pub outcome: Outcome,
    /// The provider's code, if it gave one.
    pub code: Option<String>,
    /// The provider's own key of the message, if it gave one.
    pub provider_message_id: Option<String>,
}
