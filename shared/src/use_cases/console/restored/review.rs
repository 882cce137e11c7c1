//! A review: what it is made from, what it is asked, and how it ends.

use std::sync::Arc;

use jiff::Timestamp;

use crate::domain::FieldError;
use crate::ports::{
    ChannelRows, Clock, Documents, Lanes, Ledger, NotificationPages, Notifications, PortError,
    Randomness, Sequences,
};
use crate::use_cases::apply::Apply;

#[derive(Clone)]
pub struct ReviewRestored {
    pub pages: Arc<dyn NotificationPages>,
    pub notifications: Arc<dyn Notifications>,
    pub sequences: Arc<dyn Sequences>,
    /// The names of all channels, also of those that cannot be read.
    pub channels: Arc<dyn ChannelRows>,
    /// What was configured in the lost period.
    pub documents: Arc<dyn Documents>,
    pub lanes: Arc<dyn Lanes>,
    pub ledger: Arc<dyn Ledger>,
    pub apply: Apply,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
}

/// A restoration, and which part of the table to review.
#[derive(Clone, Debug)]
pub struct Restoration {
    /// The time to which the table was restored.
    pub restored_to: Timestamp,
    /// Why it was restored, for the ledger.
    pub reason: String,
    /// The operator.
    pub by: String,
    /// [`Reviewed::cursor`] of the answer before; `None` to begin.
    pub cursor: Option<String>,
}

/// What one request did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reviewed {
    /// Notifications that were looked at.
    pub examined: usize,
    /// Those of them that are `unknown` now.
    pub moved: usize,
    /// Rows that cannot be read, or that newer code has written. They stay as they are.
    pub unreadable: usize,
    /// Where the next request continues; `None` at the end of the table.
    pub cursor: Option<String>,
}

/// Why nothing was reviewed, or not all that the request is about.
#[derive(Debug, thiserror::Error)]
pub enum NotReviewed {
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// Messages may leave over these channels.
    #[error("these channels are not paused: {}", .0.join(", "))]
    NotPaused(Vec<String>),
    /// A sender that began before the pause may still be at work.
    #[error("a sender may be at work for {ends_within_s} s")]
    AtWork { ends_within_s: u64 },
    /// Some notifications may be moved. Repeating the request completes it.
    #[error(transparent)]
    Port(#[from] PortError),
}
