//! One message to one recipient over one channel, and all that is known of it.

use serde::{Deserialize, Serialize};

use super::hours::{Origin, WindowClass};
use super::id::{NotificationId, Reference, SequenceId};
use super::phone::PhoneNumber;

/// Where a notification stands. See [`super::transition()`] for every move between these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for the previous step of its sequence to be delivered.
    Blocked,
    /// Waits for a time.
    Deferred,
    /// May leave now.
    Queued,
    /// Claimed by a sender: the request may be on its way.
    Sending,
    /// The provider took it; its receipt is awaited.
    Accepted,
    /// Nobody knows whether the request landed. Never sent again by itself.
    Unknown,
    /// Taken, but no receipt came by its deadline. A late one still counts.
    Unconfirmed,
    /// Refused by the provider, or undelivered by receipt.
    Failed,
    /// Withdrawn before it was sent.
    Cancelled,
    /// Its `expires_at` passed before it was sent.
    Expired,
    /// The provider says that it arrived.
    Delivered,
}

impl Status {
    /// Every status, for tests and tables.
    pub const ALL: [Self; 11] = [
        Self::Blocked,
        Self::Deferred,
        Self::Queued,
        Self::Sending,
        Self::Accepted,
        Self::Unknown,
        Self::Unconfirmed,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::Delivered,
    ];

    /// Nothing more happens by itself, and the record may be forgotten after its retention.
    /// `unknown` and `unconfirmed` are not terminal: a late receipt still settles them, and they
    /// are kept until it does or a person decides.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Failed | Self::Cancelled | Self::Expired | Self::Delivered => true,
            Self::Blocked
            | Self::Deferred
            | Self::Queued
            | Self::Sending
            | Self::Accepted
            | Self::Unknown
            | Self::Unconfirmed => false,
        }
    }

    /// Needs a person to look at it.
    #[must_use]
    pub fn is_exception(self) -> bool {
        match self {
            Self::Unknown | Self::Unconfirmed | Self::Failed | Self::Expired => true,
            Self::Blocked
            | Self::Deferred
            | Self::Queued
            | Self::Sending
            | Self::Accepted
            | Self::Cancelled
            | Self::Delivered => false,
        }
    }

    /// As it is written in JSON and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Deferred => "deferred",
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Unconfirmed => "unconfirmed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Delivered => "delivered",
        }
    }
}

/// The order in which a lane is drained: lower numbers first, ties by age.
///
/// 0 is real-time; a scheduled message takes 1 + the minute of its day; explicit priorities may
/// lie between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Priority(pub u16);

impl Priority {
    /// Takes the next free slot whatever else is queued.
    pub const REAL_TIME: Self = Self(0);

    /// The priority of a message scheduled for a minute of the day (0 to 1439) in its schedule's
    /// zone. What is left over from yesterday keeps its number.
    #[must_use]
    pub fn scheduled(minute_of_day: u16) -> Self {
        Self(1 + minute_of_day)
    }

    /// What made a message of this priority that was asked for at one time, not to leave before
    /// another (Unix milliseconds). Only the first priority is for what has just happened, and
    /// whoever asks for another one, or for a later time, has planned it.
    #[must_use]
    pub fn origin(self, asked_at_ms: i64, not_before_ms: Option<i64>) -> Origin {
        let is_for_later = not_before_ms.is_some_and(|at_ms| at_ms > asked_at_ms);
        if self == Self::REAL_TIME && !is_for_later { Origin::RealTime } else { Origin::Scheduled }
    }
}

/// Who receives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The producer's own id of the person.
    pub id: String,
    /// Where to send, for channels that send to phones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<PhoneNumber>,
    /// IANA time zone of the person, when it is not the channel's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// The rendered message. What a provider calls its parts is the adapter's concern.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The provider's own code of the approved template, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_code: Option<String>,
    /// The text, variables filled in.
    pub body: String,
    /// Buttons under the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// What the provider sends instead when the message cannot be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Bodies are in no log line.
        f.debug_struct("Message")
            .field("template_code", &self.template_code)
            .finish_non_exhaustive()
    }
}

/// A button under a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Button {
    /// The label.
    pub name: String,
    /// The provider's type code, such as `WL` (web link) or `AL` (app link).
    #[serde(rename = "type")]
    pub kind: String,
    /// Link on a phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_mobile: Option<String>,
    /// Link on a computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_pc: Option<String>,
    /// App link on iOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme_ios: Option<String>,
    /// App link on Android.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme_android: Option<String>,
}

impl std::fmt::Debug for Button {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Labels and links are filled with variables.
        f.debug_struct("Button").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The text message that goes out when the first choice cannot be delivered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fallback {
    /// A short text message.
    Sms {
        /// The text.
        body: String,
    },
    /// A long text message.
    Lms {
        /// The heading, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        subject: Option<String>,
        /// The text.
        body: String,
    },
}

impl std::fmt::Debug for Fallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sms { .. } => "Sms",
            Self::Lms { .. } => "Lms",
        })
    }
}

/// A notification's place in its sequence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequencePlace {
    /// The sequence.
    pub sequence: SequenceId,
    /// This step, counted from 0.
    pub step: u8,
    /// How many steps there are.
    pub steps: u8,
}

impl SequencePlace {
    /// The most steps that a sequence has: all of them fit into one transaction.
    pub const STEPS_MAX: usize = 25;

    /// The step that waits for this one, if any.
    #[must_use]
    pub fn next(&self) -> Option<NotificationId> {
        self.rest().next()
    }

    /// All later steps, nearest first.
    pub fn rest(&self) -> impl Iterator<Item = NotificationId> + use<'_> {
        (self.step + 1..self.steps).map(|step| self.sequence.step_id(step))
    }
}

/// What a provider's answer meant for an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took the message.
    Accepted,
    /// The provider refused this message for good.
    Rejected,
    /// The provider refused for exceeding its limit: nothing was taken.
    Throttled,
    /// The account cannot send at all (address not allowed, credentials refused, suspended):
    /// nothing was taken, and nothing is wrong with the message.
    ChannelDown,
    /// The request was never written.
    Unreachable,
    /// The request was written and no usable answer came: it may have landed.
    Uncertain,
}

impl Outcome {
    /// Every outcome, for tests and tables.
    pub const ALL: [Self; 6] = [
        Self::Accepted,
        Self::Rejected,
        Self::Throttled,
        Self::ChannelDown,
        Self::Unreachable,
        Self::Uncertain,
    ];
}

/// One attempt to send a notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counted from 1; part of the reference key.
    pub number: u8,
    /// The claim that made it.
    pub claim: u32,
    /// The fencing number of the lease under which it was claimed.
    pub fence: u64,
    /// When it was claimed.
    pub claimed_at_ms: i64,
    /// When the request was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_sent_at_ms: Option<i64>,
    /// When the answer was there, or its time-out passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_received_at_ms: Option<i64>,
    /// What the answer meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The provider's own key of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_message_id: Option<String>,
}

/// A provider's word on delivery, as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRecord {
    /// The attempt that it speaks of.
    pub attempt: u8,
    /// When we had it.
    pub received_at_ms: i64,
    /// The provider's code.
    pub code: String,
    /// The medium that was used, in the provider's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
}

/// Why a notification stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The provider refused the request, with this code.
    Rejected(String),
    /// The provider's receipt says undelivered, with this code.
    Undelivered(String),
    /// The provider was not reached in as many attempts as the channel allows.
    Unreachable,
    /// Sent as often as reference keys can tell apart.
    AttemptsExhausted,
    /// The request was written and no usable answer came.
    ResponseLost,
    /// The sender that had claimed it was gone before it recorded an answer.
    SenderLost,
    /// No receipt came by the deadline.
    NoReceipt,
    /// Receipts came, but none that settled the matter; the last code.
    Inconclusive(String),
    /// A producer or operator withdrew it.
    Requested,
    /// An earlier step of its sequence stopped.
    PredecessorStopped,
    /// `expires_at` passed.
    Expired,
}

impl Reason {
    /// The reason without its code, as JSON and logs name it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::Undelivered(_) => "undelivered",
            Self::Unreachable => "unreachable",
            Self::AttemptsExhausted => "attempts_exhausted",
            Self::ResponseLost => "response_lost",
            Self::SenderLost => "sender_lost",
            Self::NoReceipt => "no_receipt",
            Self::Inconclusive(_) => "inconclusive",
            Self::Requested => "requested",
            Self::PredecessorStopped => "predecessor_stopped",
            Self::Expired => "expired",
        }
    }

    /// The provider's code behind it, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Rejected(code) | Self::Undelivered(code) | Self::Inconclusive(code) => Some(code),
            Self::Unreachable
            | Self::AttemptsExhausted
            | Self::ResponseLost
            | Self::SenderLost
            | Self::NoReceipt
            | Self::Requested
            | Self::PredecessorStopped
            | Self::Expired => None,
        }
    }
}

/// One message to one recipient over one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its key.
    pub id: NotificationId,
    /// Counts the writes; every save names the revision that it read.
    pub revision: u64,
    /// Digest of the whole request that made it.
    pub request_digest: String,
    /// The channel that it leaves over.
    pub channel: String,
    /// The template that it was rendered from.
    pub template: String,
    /// Who receives it.
    pub recipient: Recipient,
    /// What they receive.
    pub message: Message,
    /// Its place in the lane's order.
    pub priority: Priority,
    /// When it may leave, as far as was known when it was last looked at.
    #[serde(default, skip_serializing_if = "WindowClass::is_exempt")]
    pub window_class: WindowClass,
    /// Its place in a sequence, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<SequencePlace>,
    /// Where it stands.
    pub status: Status,
    /// Why, where that needs saying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Counts the claims: names the present one.
    pub claim: u32,
    /// Number of the latest attempt; 0 before the first.
    pub attempt: u8,
    /// The latest attempt certainly never reached the provider, so the next claim takes its number
    /// again: two hexadecimal digits of the reference key last for ever then.
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
    /// Since when it may leave, or when it may while deferred. Its age within a priority.
    pub ready_at_ms: i64,
    /// Not to leave before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// Not to leave at or after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// How long to wait for the receipt, in milliseconds, where it is not the channel's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_within_ms: Option<i64>,
    /// While `sending` or `accepted`: when waiting for word ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// When it took its present status.
    pub status_since_ms: i64,
}

impl Notification {
    /// Attempts kept with their times. Older ones are dropped to keep items small.
    pub const ATTEMPTS_KEPT: usize = 5;
    /// Receipts kept.
    pub const RECEIPTS_KEPT: usize = 4;

    /// The key under which the provider knows the present attempt.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference { id: self.id.clone(), attempt: self.attempt }
    }

    /// What made it.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.priority.origin(self.created_at_ms, self.not_before_ms)
    }

    /// Whether `expires_at` has come.
    #[must_use]
    pub fn is_expired_at(&self, at_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= at_ms)
    }

    /// The record of an attempt, while it is kept.
    #[must_use]
    pub fn attempt_record(&self, number: u8) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }
}
