//! When the provider is asked what became of a message: shortly before the time by which its receipt must
//! come, so that an answer comes before anybody calls the message unconfirmed.

use super::notification::Notification;
use super::status::Status;

/// How long before its deadline a message is asked about at the earliest, in milliseconds. The provider
/// sends the receipt again within seconds, and the sweeper looks once a minute.
pub const ASK_AHEAD_MS: i64 = 5 * 60_000;

/// How often one attempt is asked about.
pub const INQUIRIES_MAX: u8 = 2;

/// When the provider is to be asked next about a message, in Unix milliseconds. `None` for a message
/// that needs no question, or has had them all.
#[must_use]
pub fn inquiry_due_at_ms(n: &Notification) -> Option<i64> {
    if n.status != Status::Accepted {
        return None;
    }
    let deadline_ms = n.deadline_ms?;
    let inquiries = n.attempt_record(n.attempt)?.inquiries;
    // A receipt may take half of a short wait.
    let ahead_ms = ASK_AHEAD_MS.min(deadline_ms.saturating_sub(n.status_since_ms) / 2);
    match inquiries {
        0 => Some(deadline_ms.saturating_sub(ahead_ms)),
        1..INQUIRIES_MAX => Some(deadline_ms.saturating_sub(ahead_ms / 3)),
        INQUIRIES_MAX.. => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Attempt, RequestKey};

    const MINUTE_MS: i64 = 60_000;

    /// A message that was accepted at 0, and whose receipt must come within so many minutes.
    fn accepted(within_min: i64, inquiries: u8) -> Notification {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: "k" };
        let attempt = Attempt {
            number: 1,
            claim: 1,
            fence: 1,
            claimed_at_ms: 0,
            request_sent_at_ms: None,
            response_received_at_ms: None,
            outcome: None,
            code: None,
            provider_message_id: None,
            inquiries,
        };
        Notification {
            status: Status::Accepted,
            attempt: 1,
            attempts: vec![attempt],
            deadline_ms: Some(within_min * MINUTE_MS),
            ..Notification::sample(key.notification_id(0), 0)
        }
    }

    #[test]
    fn a_message_is_asked_about_twice_before_its_deadline() {
        assert_eq!(inquiry_due_at_ms(&accepted(30, 0)), Some(25 * MINUTE_MS));
        assert_eq!(inquiry_due_at_ms(&accepted(30, 1)), Some(28 * MINUTE_MS + 20_000));
        assert_eq!(inquiry_due_at_ms(&accepted(30, INQUIRIES_MAX)), None);
    }

    #[test]
    fn a_short_wait_is_over_to_the_half_before_the_first_question() {
        assert_eq!(inquiry_due_at_ms(&accepted(6, 0)), Some(3 * MINUTE_MS));
        assert_eq!(inquiry_due_at_ms(&accepted(6, 1)), Some(5 * MINUTE_MS));
    }

    #[test]
    fn only_a_message_that_awaits_its_receipt_is_asked_about() {
        for status in [Status::Sending, Status::Delivered, Status::Unconfirmed, Status::Unknown] {
            let other = Notification { status, ..accepted(30, 0) };
            assert_eq!(inquiry_due_at_ms(&other), None, "{status:?}");
        }
        let without_record = Notification { attempts: vec![], ..accepted(30, 0) };
        assert_eq!(inquiry_due_at_ms(&without_record), None);
    }
}
