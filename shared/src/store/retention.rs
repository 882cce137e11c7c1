//! How long notifications are kept after they have ended, and how long audit records are kept.

use crate::domain::{Notification, Reason, Status};

pub(super) const DAY_S: i64 = 24 * 60 * 60;

/// How many days notifications are kept after they have ended, and audit records after their request.
/// For so long as a notification is kept, its idempotency key prevents a second one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For notifications that ended as asked for: delivered, withdrawn or not needed.
    pub ended_days: u32,
    /// For notifications that an operator may have to explain or to send again: failed, expired,
    /// cancelled because an earlier step of their sequence stopped, or delivered by one receipt and
    /// undelivered by a later one.
    pub exception_days: u32,
    /// For the audit records.
    pub audit_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { ended_days: 30, exception_days: 180, audit_days: 400 }
    }
}

impl Retention {
    /// When the retention of a notification ends, in Unix seconds; `None` while the notification
    /// has not ended. An `unknown` or `unconfirmed` notification has not ended: a late receipt or
    /// an operator settles it.
    pub(super) fn ends_at_s(self, notification: &Notification) -> Option<i64> {
        let days = match notification.status {
            Status::Delivered if notification.is_contradicted => self.exception_days,
            Status::Cancelled if notification.reason == Some(Reason::PredecessorStopped) => {
                self.exception_days
            }
            Status::Delivered | Status::Cancelled => self.ended_days,
            Status::Failed | Status::Expired => self.exception_days,
            Status::Blocked
            | Status::Deferred
            | Status::Queued
            | Status::Sending
            | Status::Accepted
            | Status::Unknown
            | Status::Unconfirmed => return None,
        };
        Some(notification.status_since_ms / 1000 + i64::from(days) * DAY_S)
    }
}
