//! What persons decide about a notification that has gone out, failed, or may have done either: it is
//! sent again, or its outcome is settled without the provider.

use serde::{Deserialize, Serialize};

use super::reason::Reason;
use super::status::Status;

/// The longest life of a sender after a claim, in milliseconds. A sender lives for 40 s at most; the
/// rest is for clocks that differ.
pub const SENDER_LIVES_MAX_MS: i64 = 45_000;

/// Who decides, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decider {
    /// An operator, or [`Producer::ALIMI`](super::Producer::ALIMI) for a policy of the channel.
    pub by: String,
    pub reason: String,
    /// The revision of the notification that the decision is about. The decision does not count for
    /// another one.
    pub revision: u64,
    /// The job that decides about many at once, if it is one.
    pub job: Option<String>,
}

/// What the decider has said about the risks of sending a notification again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResendTerms {
    /// The person may get the message twice.
    pub may_double: bool,
    /// It is sent again although it was delivered.
    pub forced: bool,
    /// No person decides, but a policy of the channel.
    pub by_policy: bool,
}

/// How a person settles a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Settlement {
    /// It reached its recipient.
    Delivered,
    /// It counts as not delivered, and nobody will send it again.
    GivenUp,
}

impl Settlement {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DecisionKind {
    Resent,
    /// A policy of its channel sent it again.
    ResentByPolicy,
    SettledDelivered,
    SettledGivenUp,
}

impl DecisionKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    #[must_use]
    pub fn settled(settlement: Settlement) -> Self {
        match settlement {
            Settlement::Delivered => Self::SettledDelivered,
            Settlement::GivenUp => Self::SettledGivenUp,
        }
    }
}

/// A decision as the notification's record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub kind: DecisionKind,
    pub by: String,
    pub reason: String,
    pub at_ms: i64,
    /// The revision of the notification before it.
    pub revision: u64,
    /// The job that decided about many at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The status before it.
    pub status: Status,
    /// The reason for that status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<Reason>,
}

/// Why a decision does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Undecided {
    /// The notification is not the one any more that the decider saw.
    #[error("the notification has changed since it was read")]
    Changed,
    #[error("the person may get the message twice, and the decider has not acknowledged that")]
    MayDouble,
    #[error("the notification was delivered, and the decider does not force it")]
    Delivered,
    /// The sender that claimed it may still put the claim back, or record an answer.
    #[error("the notification's sender may still be at work")]
    SenderMayLive { gone_at_ms: i64 },
    /// The step before it is under way, or has ended in another way than this one waits for.
    #[error("the step before it has not ended as this step asks")]
    StepBefore,
    #[error("every attempt number is used up")]
    AttemptsExhausted,
}
