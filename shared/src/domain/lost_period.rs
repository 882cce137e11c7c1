//! The time that a restored table does not know of.

use jiff::Timestamp;

use super::hours::WindowClass;
use super::notification::Notification;
use super::status::Status;

/// The time between the moment to which the notifications table was restored and the moment at which
/// a channel stopped sending. Messages may have left in it, and the table does not show it. In Unix
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostPeriod {
    /// The moment to which the table was restored.
    pub restored_to_ms: i64,
    /// At this time or later nothing left over the channel. Earlier than `restored_to_ms` for a
    /// channel that had stopped before.
    pub stopped_at_ms: i64,
}

/// How much the clocks of the database and of two functions may differ. A restoration takes longer,
/// so everything that was written after it is later than this.
const CLOCKS_DIFFER_MS: i64 = 60_000;

impl LostPeriod {
    /// When it began, by the clock that is furthest behind.
    #[must_use]
    pub fn began_at_ms(self) -> i64 {
        self.restored_to_ms.saturating_sub(CLOCKS_DIFFER_MS)
    }

    /// Whether it began after a time in a row. If it did not, the row was written since the
    /// restoration.
    #[must_use]
    pub fn began_after(self, at_ms: i64) -> bool {
        at_ms <= self.restored_to_ms.saturating_add(CLOCKS_DIFFER_MS)
    }

    /// Whether a message that waits to be sent may have left in this time.
    ///
    /// `hours` are its sending hours in this time; exempt when they are not known. An earlier step of
    /// its sequence released it at `released_from_ms` or later.
    #[must_use]
    pub fn may_hold_departure(
        self,
        notification: &Notification,
        hours: &WindowClass,
        released_from_ms: i64,
    ) -> bool {
        // Of a row that was written since the restoration, only what never changes is known to have
        // held in the lost period.
        let due_at_ms = match notification.status {
            Status::Deferred if self.began_after(notification.status_since_ms) => {
                Some(notification.ready_at_ms)
            }
            Status::Deferred
            | Status::Blocked
            | Status::Queued
            | Status::Sending
            | Status::Accepted
            | Status::Unknown
            | Status::Unconfirmed
            | Status::Failed
            | Status::Cancelled
            | Status::Expired
            | Status::Delivered => None,
        };
        let free_at_ms = [Some(released_from_ms), notification.not_before_ms, due_at_ms]
            .into_iter()
            .flatten()
            .fold(self.began_at_ms(), i64::max);
        if free_at_ms > self.stopped_at_ms {
            return false;
        }
        let free_at = Timestamp::from_millisecond(free_at_ms).unwrap_or_default();
        let leaves_at_ms =
            hours.closed_until(free_at).map_or(free_at_ms, Timestamp::as_millisecond);
        let is_expired = notification.expires_at_ms.is_some_and(|at_ms| at_ms <= leaves_at_ms);
        leaves_at_ms <= self.stopped_at_ms && !is_expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RequestKey;

    /// 2026-03-02 10:00 in Seoul.
    const NOW_MS: i64 = 1_772_413_200_000;
    const MINUTE_MS: i64 = 60_000;
    const HOUR_MS: i64 = 60 * MINUTE_MS;

    /// From 10:00 to 11:00.
    const LOST: LostPeriod = LostPeriod { restored_to_ms: NOW_MS, stopped_at_ms: NOW_MS + HOUR_MS };

    fn waiting(status: Status) -> Notification {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        let created_at_ms = NOW_MS - HOUR_MS;
        Notification { status, ..Notification::sample(key.notification_id(0), created_at_ms) }
    }

    fn may_have_left(notification: &Notification, hours: &str) -> bool {
        let hours = hours.parse().expect("a window class");
        LOST.may_hold_departure(notification, &hours, i64::MIN)
    }

    #[test]
    fn a_message_that_came_due_before_the_channel_stopped_may_have_left() {
        for (ready_at_ms, expected) in
            [(LOST.stopped_at_ms, true), (LOST.stopped_at_ms + 1, false), (NOW_MS, true)]
        {
            let deferred = Notification { ready_at_ms, ..waiting(Status::Deferred) };
            assert_eq!(may_have_left(&deferred, "-"), expected, "{ready_at_ms}");
        }
        assert!(may_have_left(&waiting(Status::Queued), "-"));
    }

    #[test]
    fn a_time_that_was_written_since_the_restoration_proves_nothing() {
        let (ready_at_ms, later_ms) = (LOST.stopped_at_ms + 1, NOW_MS + 10 * MINUTE_MS);
        let deferred = Notification { ready_at_ms, ..waiting(Status::Deferred) };
        let rewritten = Notification { status_since_ms: later_ms, ..deferred.clone() };
        assert!(may_have_left(&rewritten, "-"));
        // The clock that wrote the row may have been ahead.
        let ahead = Notification { status_since_ms: NOW_MS + MINUTE_MS, ..deferred };
        assert!(!may_have_left(&ahead, "-"));
    }

    #[test]
    fn what_the_producer_asked_for_holds_whatever_was_written_since_the_restoration() {
        let status_since_ms = NOW_MS + 10 * MINUTE_MS;
        for status in [Status::Blocked, Status::Deferred, Status::Queued] {
            let rewritten = Notification { status_since_ms, ..waiting(status) };
            let not_before_ms = Some(LOST.stopped_at_ms + 1);
            assert!(!may_have_left(&Notification { not_before_ms, ..rewritten.clone() }, "-"));
            assert!(may_have_left(&rewritten, "-"), "{status:?}");
        }
    }

    #[test]
    fn a_message_whose_window_was_closed_all_the_time_has_not_left() {
        let queued = waiting(Status::Queued);
        for (hours, expected) in [
            ("1100-1900@Asia/Seoul", true),
            ("1101-1900@Asia/Seoul", false),
            ("0900-1000@Asia/Seoul", true),
            // The clocks may differ by a minute.
            ("0900-0959@Asia/Seoul", false),
            // There it is 20:00 of the day before.
            ("1000-1900@America/New_York", false),
        ] {
            assert_eq!(may_have_left(&queued, hours), expected, "{hours}");
        }
    }

    #[test]
    fn a_message_that_had_expired_or_expires_before_its_window_opens_has_not_left() {
        let expiring = |expires_at_ms| Notification {
            expires_at_ms: Some(expires_at_ms),
            ..waiting(Status::Queued)
        };
        assert!(!may_have_left(&expiring(NOW_MS - MINUTE_MS), "-"));
        assert!(may_have_left(&expiring(NOW_MS - MINUTE_MS + 1), "-"));
        let half_past_ms = NOW_MS + 30 * MINUTE_MS;
        assert!(!may_have_left(&expiring(half_past_ms), "1030-1900@Asia/Seoul"));
        assert!(may_have_left(&expiring(half_past_ms + 1), "1030-1900@Asia/Seoul"));
    }

    #[test]
    fn a_step_leaves_only_after_its_release() {
        let blocked = waiting(Status::Blocked);
        let released = |from_ms| LOST.may_hold_departure(&blocked, &WindowClass::EXEMPT, from_ms);
        assert!(released(LOST.stopped_at_ms));
        assert!(!released(LOST.stopped_at_ms + 1));
        assert!(!released(i64::MAX), "it was not released");
    }

    #[test]
    fn nothing_left_over_a_channel_that_had_stopped_before() {
        let lost = LostPeriod { stopped_at_ms: NOW_MS - 2 * MINUTE_MS, ..LOST };
        let queued = waiting(Status::Queued);
        assert!(!lost.may_hold_departure(&queued, &WindowClass::EXEMPT, i64::MIN));
    }
}
