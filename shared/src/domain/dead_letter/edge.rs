//! The ways between the functions.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

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
