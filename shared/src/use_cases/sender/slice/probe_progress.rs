//! How far a probe has come, between the rounds of a slice.

use std::collections::HashSet;

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
    /// Messages that could not be claimed.
    pub(super) unclaimable: HashSet<NotificationId>,
}
