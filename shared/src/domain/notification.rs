//! One message to one recipient over one channel, with everything that is known about it.

use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::hours::{Origin, WindowClass};
use super::id::{NotificationId, Reference};
use super::message::Message;
use super::phone::PhoneNumber;
use super::priority::Priority;
use super::reason::Reason;
use super::receipt::ReceiptRecord;
use super::sequence_step::SequenceStep;
use super::status::Status;

/// Whom a message goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The producer's own id of the person.
    pub id: String,
    /// Required by channels that send to phones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// The person's IANA time zone. Without one the channel's zone applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    /// Counts the writes. A save is conditional on the revision that was read.
    pub revision: u64,
    /// Digest of the whole request that created the notification.
    pub request_digest: String,
    pub channel: String,
    pub template: String,
    pub recipient: Recipient,
    pub message: Message,
    pub priority: Priority,
    /// The sending hours that applied when they were last determined.
    #[serde(default, skip_serializing_if = "WindowClass::is_exempt")]
    pub window_class: WindowClass,
    /// Which step of which sequence it is, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_step: Option<SequenceStep>,
    pub status: Status,
    /// Why it has its status. Some statuses explain themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Counts the claims, and so names the present one.
    pub claim: u32,
    /// Number of the latest attempt; 0 before the first.
    pub attempt: u8,
    /// The latest attempt certainly never reached the provider, so the next claim uses its number
    /// again. Without this, the two hexadecimal digits of the reference key would run out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attempt_unsent: bool,
    /// Attempts that count against the channel's retry policy.
    pub failures: u8,
    /// The latest attempts, oldest first; at most [`Self::ATTEMPTS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The latest receipts, oldest first; at most [`Self::RECEIPTS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ReceiptRecord>,
    /// When it was accepted from its producer.
    pub created_at_ms: i64,
    /// Since when it may leave. While it is deferred: when it will be allowed to. Messages of one
    /// priority leave in the order of this time.
    pub ready_at_ms: i64,
    /// It must not leave before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// It must not leave at this time or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// How long to wait for the receipt, in milliseconds. Without a value the channel's time
    /// applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_within_ms: Option<i64>,
    /// While it is `sending` or `accepted`: the time by which an answer or receipt must come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// Since when it has its present status.
    pub status_since_ms: i64,
}

impl Notification {
    /// How many attempts are kept. Older ones are dropped to keep items small.
    pub const ATTEMPTS_KEPT: usize = 5;
    /// How many receipts are kept.
    pub const RECEIPTS_KEPT: usize = 4;

    /// The key under which the provider knows the present attempt.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference { id: self.id.clone(), attempt: self.attempt }
    }

    #[must_use]
    pub fn origin(&self) -> Origin {
        self.priority.origin(self.created_at_ms, self.not_before_ms)
    }

    #[must_use]
    pub fn is_expired_at(&self, at_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= at_ms)
    }

    /// The record of an attempt, unless it was dropped.
    #[must_use]
    pub fn attempt_record(&self, number: u8) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }
}
