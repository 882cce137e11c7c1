//! How far a probe has come, between the rounds of a slice.

use std::collections::HashSet;

use tokio::time::Instant;

use crate::domain::NotificationId;

/// How far the probe that is due has come.
#[derive(Default)]
pub(super) struct Probing {
    /// Tells this probe apart from earlier ones.
    pub(super) due_us: Option<i64>,
    /// The probe before this one failed in this drain.
    pub(super) has_failed: bool,
    pub(super) has_ended_late_messages: bool,
    /// The provider has answered a request without a message.
    pub(super) has_answered: bool,
    /// When the queue is read again, because it held no message that could be sent. `None` before
    /// the queue was searched.
    pub(super) search_again_at: Option<Instant>,
    /// Messages that could not be claimed.
    pub(super) unclaimable: HashSet<NotificationId>,
}
