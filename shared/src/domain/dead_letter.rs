//! Messages between functions that were given up, and what becomes of them.

mod cause;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

pub use self::cause::{Cause, Found};

/// A way on which something reaches a function without an HTTP request.
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
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Edge {
    /// The wake queue, to the sender.
    Wakes,
    /// The run queue, to the trigger.
    Runs,
    /// `EventBridge` Scheduler, to the trigger or to the run queue.
    Firings,
    /// The receipt queue, to the webhook.
    Receipts,
    /// The stream of a table's changes.
    Changes,
}

impl Edge {
    /// The edge as keys and the API have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What makes good for a lost message of this edge without its contents; `None` when the message
    /// has to be sent again.
    #[must_use]
    pub const fn repaired_by(self) -> Option<&'static str> {
        match self {
            // Lambda keeps the places of the changes, and not the changes.
            Self::Changes => Some(
                "the sweeper compares each schedule with EventBridge Scheduler once in ten minutes, \
                 and repairs what differs",
            ),
            Self::Wakes | Self::Runs | Self::Firings | Self::Receipts => None,
        }
    }
}

/// The key of a dead letter. It follows from the message alone, so a message that is read twice is one
/// dead letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterId {
    pub edge: Edge,
    /// When the message was sent first, in Unix milliseconds.
    pub sent_at_ms: i64,
    /// The queue's id of the message.
    pub message_id: String,
}

const MESSAGE_ID_CHARACTERS_MAX: usize = 100;

impl DeadLetterId {
    /// The dead letter's place among those of its edge: in the order of time.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{:013}-{}", self.sent_at_ms, self.message_id)
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.edge.as_str(), self.place())
    }
}

/// A text that is no id of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no id of a dead letter")]
pub struct NoDeadLetterId;

impl FromStr for DeadLetterId {
    type Err = NoDeadLetterId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let (Some(edge), Some(sent_at), Some(message_id)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(NoDeadLetterId);
        };
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let is_time = sent_at.len() == 13 && sent_at.bytes().all(|byte| byte.is_ascii_digit());
        let is_id = (1..=MESSAGE_ID_CHARACTERS_MAX).contains(&message_id.len())
            && message_id.bytes().all(is_part);
        if !is_time || !is_id {
            return Err(NoDeadLetterId);
        }
        Ok(Self {
            edge: edge.parse().map_err(|_| NoDeadLetterId)?,
            sent_at_ms: sent_at.parse().map_err(|_| NoDeadLetterId)?,
            message_id: message_id.to_owned(),
        })
    }
}

impl Serialize for DeadLetterId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeadLetterId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A message that was given up. Its contents are stored apart, because they may be personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    pub id: DeadLetterId,
    /// Rises with each change. See `DeadLetters::save_dead_letter`.
    pub revision: u32,
    pub state: DeadLetterState,
    pub cause: Cause,
    /// How often the message was tried, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// The last error, where it is known. For operators, not for logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What the message is about: names and times, nothing personal.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
    /// The message's group, in a FIFO queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether the message's contents were stored. Those that are too large are no message of Alimi.
    pub has_contents: bool,
    pub recorded_at_ms: i64,
    /// The last order to send the message again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redrive: Option<Redrive>,
}

/// What became of a dead letter.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeadLetterState {
    /// It waits for a person.
    Dead,
    /// It is being sent again. If the process died meanwhile, nobody knows whether it was.
    Redriving,
    /// It was sent again. If that message is given up too, it is another dead letter.
    Redriven,
    /// It needs nobody: see [`Edge::repaired_by`].
    Repaired,
}

impl DeadLetterState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An operator's order to send a message again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redrive {
    pub by: String,
    pub reason: String,
    /// In Unix milliseconds.
    pub at_ms: i64,
    /// Tells the order from another one of the same operator in the same millisecond.
    pub token: String,
}

/// Why a dead letter is not sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRedrivable {
    /// Another request sends it at the moment, or died while it did.
    AtWork {
        ends_within_s: u64,
    },
    Redriven {
        by: String,
        at_ms: i64,
    },
    /// The message's contents are not there.
    NoContents,
    Repaired {
        by: &'static str,
    },
}

/// Longer than a request lives that sends a message again.
const REDRIVING_MS: i64 = 60_000;

impl DeadLetter {
    /// Whether an operator may have the message sent again now.
    ///
    /// # Errors
    /// [`NotRedrivable`].
    pub fn may_be_redriven(&self, now_ms: i64) -> Result<(), NotRedrivable> {
        if let Some(by) = self.id.edge.repaired_by() {
            return Err(NotRedrivable::Repaired { by });
        }
        if !self.has_contents {
            return Err(NotRedrivable::NoContents);
        }
        let (by, at_ms) = match &self.redrive {
            Some(Redrive { by, at_ms, .. }) => (by.clone(), *at_ms),
            None => (String::new(), 0),
        };
        match self.state {
            DeadLetterState::Dead | DeadLetterState::Repaired => Ok(()),
            DeadLetterState::Redriven => Err(NotRedrivable::Redriven { by, at_ms }),
            DeadLetterState::Redriving => {
                let left_ms = at_ms + REDRIVING_MS - now_ms;
                if left_ms <= 0 {
                    return Ok(());
                }
                let ends_within_s = left_ms.unsigned_abs().div_ceil(1000);
                Err(NotRedrivable::AtWork { ends_within_s })
            }
        }
    }

    /// Begins to send the message again. Whoever saves this sends it.
    ///
    /// # Errors
    /// [`NotRedrivable`].
    pub fn begin_redrive(&self, redrive: Redrive) -> Result<Self, NotRedrivable> {
        self.may_be_redriven(redrive.at_ms)?;
        Ok(Self {
            state: DeadLetterState::Redriving,
            redrive: Some(redrive),
            revision: self.revision + 1,
            ..self.clone()
        })
    }

    /// Ends what [`Self::begin_redrive`] began: the queue has taken the message.
    #[must_use]
    pub fn end_redrive(&self) -> Self {
        Self {
            state: DeadLetterState::Redriven,
            has_contents: false,
            revision: self.revision + 1,
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;
