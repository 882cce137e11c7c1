//! One message to one recipient over one channel, with everything that is known about it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::attempt::Attempt;
use super::content::Media;
use super::decision::{Decider, Decision, DecisionKind, SENDER_LIVES_MAX_MS};
use super::group::Group;
use super::hours::{Origin, WindowClass};
use super::id::{NotificationId, Reference};
use super::priority::Priority;
use super::reason::Reason;
use super::receipt::ReceiptRecord;
use super::sequence_step::SequenceStep;
use super::status::Status;
use super::unknown_attributes::UnknownAttributes;

/// Whom a message goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientRef {
    /// The producer's own id of the person.
    pub id: String,
    /// The person's IANA time zone. Without one the channel's zone applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

/// The message's texts are not stored. They are rendered from the template's pinned revision and
/// the variables.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    /// The version of the stored shape. A row of a higher version than [`Self::SCHEMA`] is never
    /// saved by this code.
    #[serde(default)]
    pub schema: u16,
    /// Counts the writes. A save is conditional on the revision that was read.
    pub revision: u64,
    /// Digest of the whole request that created the notification.
    pub request_digest: String,
    /// The producer that it belongs to.
    pub owner: String,
    pub channel: String,
    pub template: String,
    /// The revision of the template that its texts are rendered from.
    pub template_revision: u64,
    /// The values of the variables that the template's texts use.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    pub media: Media,
    pub recipient: RecipientRef,
    pub to: Address,
    pub priority: Priority,
    /// The sending hours that applied when they were last determined.
    #[serde(default, skip_serializing_if = "WindowClass::is_exempt")]
    pub window_class: WindowClass,
    /// Which step of which sequence it is, if it belongs to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_step: Option<SequenceStep>,
    /// What it is listed by, apart from its channel and its recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
    /// A word of the producer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// An object of the producer's, given back as it came. At most [`Self::DATA_BYTES_MAX`] as
    /// JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Map<String, serde_json::Value>>,
    pub status: Status,
    /// Why it has its status. Some statuses explain themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// A receipt came after `delivered` that says the opposite. A person has to look at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_contradicted: bool,
    /// A person has settled it as given up: nobody has to look at it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_settled: bool,
    /// Counts the claims, and so names the present one.
    pub claim: u32,
    /// Number of the latest attempt; 0 before the first. After the table was restored to an earlier
    /// time, the highest number that the latest attempt may have.
    pub attempt: u8,
    /// The latest attempt certainly never reached the provider, so the next claim uses its number
    /// again. Without this, the two hexadecimal digits of the reference key would run out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attempt_unsent: bool,
    /// Up to this attempt, only a delivery counts: the message was sent again after it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent_after: u8,
    /// How often policies of its channel have sent it again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub automatic_resends: u8,
    /// Attempts that count against the channel's retry policy.
    pub failures: u8,
    /// The latest attempts, oldest first; at most [`Self::ATTEMPTS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// The latest receipts, oldest first; at most [`Self::RECEIPTS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub receipts: Vec<ReceiptRecord>,
    /// The latest decisions of persons and policies, oldest first; at most [`Self::DECISIONS_KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decisions: Vec<Decision>,
    /// When it was accepted from its producer.
    pub created_at_ms: i64,
    /// Since when it may leave. While it is deferred: when it will be allowed to. Messages of one
    /// priority leave in the order of this time.
    pub ready_at_ms: i64,
    /// It must not leave before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before_ms: Option<i64>,
    /// It must not leave at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at_ms: Option<i64>,
    /// How long to wait for the receipt, in milliseconds. Without a value the channel's time
    /// applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_within_ms: Option<i64>,
    /// While it is `sending` or `accepted`: the time by which an answer or receipt must come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// Since when it has its present status.
    pub status_since_ms: i64,
    /// What a newer version of the code stored with it.
    #[serde(skip)]
    pub unknown: UnknownAttributes,
}

/// Leaves out the variables and the data: no log line may contain them.
impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notification")
            .field("id", &self.id)
            .field("revision", &self.revision)
            .field("channel", &self.channel)
            .field("template", &self.template)
            .field("to", &self.to)
            .field("status", &self.status)
            .field("reason", &self.reason)
            .field("claim", &self.claim)
            .field("attempt", &self.attempt)
            .field("attempts", &self.attempts)
            .field("receipts", &self.receipts)
            .field("ready_at_ms", &self.ready_at_ms)
            .field("deadline_ms", &self.deadline_ms)
            .field("status_since_ms", &self.status_since_ms)
            .finish_non_exhaustive()
    }
}

impl Notification {
    /// The present version of the stored shape.
    pub const SCHEMA: u16 = 1;
    /// The most bytes of [`Self::data`] as JSON.
    pub const DATA_BYTES_MAX: usize = 1024;
    /// How many attempts are kept. Older ones are dropped to keep items small.
    pub const ATTEMPTS_KEPT: usize = 5;
    /// How many receipts are kept.
    pub const RECEIPTS_KEPT: usize = 4;
    /// How many decisions are kept.
    pub const DECISIONS_KEPT: usize = 5;

    /// The record of a decision about the notification as it is now.
    #[must_use]
    pub fn decided(&self, kind: DecisionKind, decider: &Decider, at_ms: i64) -> Decision {
        Decision {
            kind,
            by: decider.by.clone(),
            reason: decider.reason.clone(),
            at_ms,
            revision: self.revision,
            job: decider.job.clone(),
            status: self.status,
            status_reason: self.reason.clone(),
        }
    }

    /// From when on the sender of the latest claim is certainly gone, in Unix milliseconds.
    #[must_use]
    pub fn sender_gone_at_ms(&self) -> i64 {
        let latest = self.attempts.iter().find(|attempt| attempt.claim == self.claim);
        // Without a record of the claim, the table was restored: nobody claimed it after that.
        let claimed_at_ms = latest.map_or(self.status_since_ms, |latest| latest.claimed_at_ms);
        claimed_at_ms.saturating_add(SENDER_LIVES_MAX_MS)
    }

    /// The key under which the provider knows the present attempt.
    #[must_use]
    pub fn reference(&self) -> Reference {
        Reference { id: self.id.clone(), attempt: self.attempt }
    }

    #[must_use]
    pub fn origin(&self) -> Origin {
        if self.sequence_step.as_ref().is_some_and(|step| step.is_planned) {
            return Origin::Scheduled;
        }
        self.priority.origin(self.created_at_ms, self.not_before_ms)
    }

    #[must_use]
    pub fn is_expired_at(&self, at_ms: i64) -> bool {
        self.expires_at_ms.is_some_and(|expires_at_ms| expires_at_ms <= at_ms)
    }

    /// The number of the attempt that the next claim makes. `None` when every number is used up.
    #[must_use]
    pub fn next_attempt(&self) -> Option<u8> {
        if self.attempt_unsent { Some(self.attempt) } else { self.attempt.checked_add(1) }
    }

    /// Whether no attempt can have reached the provider.
    #[must_use]
    pub fn has_never_left(&self) -> bool {
        self.attempt == u8::from(self.attempt_unsent)
    }

    /// When it will have waited for too long, while its channel's circuit has been open since
    /// `open_since_ms`. Its waiting counts from when it became ready, or from the outage's beginning
    /// if that is later.
    #[must_use]
    pub fn gives_up_at_ms(&self, open_since_ms: i64, give_up_after_ms: i64) -> i64 {
        self.ready_at_ms.max(open_since_ms).saturating_add(give_up_after_ms)
    }

    /// Whether a person has to look at it.
    #[must_use]
    pub fn is_exception(&self) -> bool {
        (self.status.is_exception() && !self.is_settled) || self.is_contradicted
    }

    /// The highest number of an attempt that is on record. It is lower than [`Self::attempt`] only
    /// after the table was restored to an earlier time: later attempts may have been made.
    #[must_use]
    pub fn latest_recorded_attempt(&self) -> u8 {
        let attempts = self.attempts.iter().map(|attempt| attempt.number);
        let receipts = self.receipts.iter().map(|receipt| receipt.attempt);
        attempts.chain(receipts).max().unwrap_or(0)
    }

    /// The record of an attempt, unless it was dropped.
    #[must_use]
    pub fn attempt_record(&self, number: u8) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.number == number)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[cfg(test)]
impl Notification {
    /// A queued real-time message to one phone, as it is first stored.
    pub(crate) fn sample(id: NotificationId, created_at_ms: i64) -> Self {
        use super::content::ChannelType;
        use super::phone::PhoneNumber;

        let phone = PhoneNumber::try_from("+821090010000".to_owned()).expect("a phone number");
        Self {
            id,
            schema: Self::SCHEMA,
            revision: 0,
            request_digest: "d".into(),
            owner: "shop".into(),
            channel: "alimtalk-main".into(),
            template: "t".into(),
            template_revision: 1,
            variables: BTreeMap::new(),
            media: Media { first: ChannelType::Alimtalk, fallback: None },
            recipient: RecipientRef { id: "u".into(), timezone: None },
            to: Address::Phone(phone),
            priority: Priority::REAL_TIME,
            window_class: WindowClass::EXEMPT,
            sequence_step: None,
            group: None,
            tag: None,
            data: None,
            status: Status::Queued,
            reason: None,
            is_contradicted: false,
            is_settled: false,
            claim: 0,
            attempt: 0,
            attempt_unsent: false,
            resent_after: 0,
            automatic_resends: 0,
            failures: 0,
            attempts: vec![],
            receipts: vec![],
            decisions: vec![],
            created_at_ms,
            ready_at_ms: created_at_ms,
            not_before_ms: None,
            expires_at_ms: None,
            confirm_within_ms: None,
            deadline_ms: None,
            status_since_ms: created_at_ms,
            unknown: UnknownAttributes::default(),
        }
    }
}
