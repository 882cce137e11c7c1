//! Keys of the sparse indexes. Both keys follow from a notification's state alone, so they can
//! never disagree with it.
//!
//! The **agenda** lists what has to be done with the notifications of a channel, and when. Numbers
//! in sort keys are padded to a fixed width, so that the order of the texts is the order of the
//! numbers.

use jiff::Timestamp;
use jiff::tz::{TimeZone, offset};

use super::hours::WindowClass;
use super::notification::Notification;
use super::priority::Priority;
use super::status::Status;

/// A key of the `agenda` index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgendaKey {
    /// `{channel}#ready#{window class}`, `{channel}#due` or `{channel}#confirm`.
    pub partition: String,
    pub sort: String,
}

/// A key of the `exceptions` index, which lists the notifications that need a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionKey {
    /// The channel.
    pub partition: String,
    /// Since when the notification needs a person, and its id.
    pub sort: String,
}

/// The partition of a class's messages that may leave now.
#[must_use]
pub fn ready_partition(channel: &str, window_class: &WindowClass) -> String {
    format!("{channel}#ready#{window_class}")
}

/// The partition of messages that wait for a time.
#[must_use]
pub fn due_partition(channel: &str) -> String {
    format!("{channel}#due")
}

/// The partition of messages with a deadline: claimed ones that wait for an answer or a receipt,
/// and blocked ones that expire.
#[must_use]
pub fn confirm_partition(channel: &str) -> String {
    format!("{channel}#confirm")
}

/// The lowest sort key of a time, in a partition that is ordered by time. Every key below it is of
/// an earlier time.
#[must_use]
pub fn sort_at(at_ms: i64) -> String {
    format!("{at_ms:013}#")
}

/// Where to read on after a sort key. `~` sorts above every character of a key (digits, `a` to `f`,
/// `#`), so the text sorts after this key and before every later one.
#[must_use]
pub fn just_after(sort: &str) -> String {
    format!("{sort}~")
}

/// The id at the end of a sort key.
#[must_use]
pub fn id_in(sort: &str) -> Option<&str> {
    sort.rsplit('#').next()
}

/// The time at the start of a sort key, in a partition that is ordered by time. In Unix
/// milliseconds.
#[must_use]
pub fn time_ms_in(sort: &str) -> Option<i64> {
    sort.split('#').next()?.parse().ok()
}

/// Since when a message waits, by its sort key in a `ready` partition. In Unix milliseconds.
#[must_use]
pub fn ready_at_ms_in(sort: &str) -> Option<i64> {
    sort.split('#').nth(2)?.parse().ok()
}

/// The sort key of a message that may leave: real-time messages first, then by the day on which the
/// message became due, then by priority. The messages that yesterday's window cut off leave before
/// those of today. Days are Korean days for every window class, so that classes of different zones
/// keep one order. For a deferred message, this is the key that it will have.
#[must_use]
pub fn ready_sort(notification: &Notification) -> String {
    let Notification { id, priority, ready_at_ms, .. } = notification;
    let day = if *priority == Priority::REAL_TIME {
        REAL_TIME_DAY.to_owned()
    } else {
        let ready_at = Timestamp::from_millisecond(*ready_at_ms).unwrap_or_default();
        ready_at.to_zoned(TimeZone::fixed(offset(9))).strftime("%Y%m%d").to_string()
    };
    format!("{day}#{:05}#{ready_at_ms:013}#{id}", priority.0)
}

/// Takes the place of the day in the sort keys of real-time messages. It sorts before every day.
const REAL_TIME_DAY: &str = "00000000";

/// The key of a notification on the agenda; `None` when nothing has to be done with it.
#[must_use]
pub fn agenda_key(notification: &Notification) -> Option<AgendaKey> {
    let id = &notification.id;
    let channel = &notification.channel;
    let by_time =
        |partition, at_ms: i64| AgendaKey { partition, sort: format!("{at_ms:013}#{id}") };
    match notification.status {
        Status::Queued => Some(AgendaKey {
            partition: ready_partition(channel, &notification.window_class),
            sort: ready_sort(notification),
        }),
        Status::Deferred => Some(by_time(due_partition(channel), notification.ready_at_ms)),
        Status::Sending | Status::Accepted => {
            notification.deadline_ms.map(|at_ms| by_time(confirm_partition(channel), at_ms))
        }
        Status::Blocked => {
            notification.expires_at_ms.map(|at_ms| by_time(confirm_partition(channel), at_ms))
        }
        Status::Unknown
        | Status::Unconfirmed
        | Status::Failed
        | Status::Cancelled
        | Status::Expired
        | Status::Delivered => None,
    }
}

/// The key of a notification in the `exceptions` index; `None` when it needs no person.
#[must_use]
pub fn exception_key(notification: &Notification) -> Option<ExceptionKey> {
    let contradicted_at_ms = notification
        .receipts
        .last()
        .filter(|_| notification.is_contradicted)
        .map(|receipt| receipt.received_at_ms);
    let since_ms = contradicted_at_ms.unwrap_or(notification.status_since_ms);
    notification.is_exception().then(|| ExceptionKey {
        partition: notification.channel.clone(),
        sort: format!("{since_ms:013}#{}", notification.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::RequestKey;

    fn class(text: &str) -> WindowClass {
        text.parse().expect("a window class")
    }

    /// The sort key of a queued message that became ready at this time.
    fn sort(priority: u16, ready_at: &str, window_class: &str) -> String {
        let key = RequestKey { producer: "p", route: "r", idempotency_key: ready_at };
        let ready_at: Timestamp = ready_at.parse().expect("a time");
        let queued = Notification {
            priority: Priority(priority),
            ready_at_ms: ready_at.as_millisecond(),
            window_class: class(window_class),
            ..Notification::sample(key.notification_id(0), 0)
        };
        agenda_key(&queued).expect("a key").sort
    }

    const OFFICE_HOURS: &str = "1000-1900@Asia/Seoul";

    #[test]
    fn what_yesterdays_window_cut_off_leaves_before_todays_messages() {
        // 18:50 is the 1130th minute of the day, and 10:00 is the 600th.
        let yesterdays = sort(1131, "2026-03-02T18:50+09:00", OFFICE_HOURS);
        let todays = sort(601, "2026-03-03T10:00+09:00", OFFICE_HOURS);
        assert!(yesterdays < todays, "{yesterdays} {todays}");
    }

    #[test]
    fn messages_of_one_day_leave_by_priority_and_then_by_age() {
        let urgent = sort(601, "2026-03-02T18:00+09:00", OFFICE_HOURS);
        let older = sort(602, "2026-03-02T10:00+09:00", OFFICE_HOURS);
        let newer = sort(602, "2026-03-02T10:01+09:00", OFFICE_HOURS);
        assert!(urgent < older && older < newer);
    }

    #[test]
    fn real_time_messages_leave_first_and_by_age() {
        let real_time = sort(0, "2026-03-03T12:00+09:00", "-");
        let later = sort(0, "2026-03-04T00:00+09:00", "-");
        let scheduled = sort(1, "2026-03-01T10:00+09:00", OFFICE_HOURS);
        assert!(real_time < later && later < scheduled);
    }

    #[test]
    fn a_messages_day_is_the_korean_day_whatever_its_zone_is() {
        // In Seoul it is the 3rd already.
        let ready_at = "2026-03-02T16:00Z";
        for class in [OFFICE_HOURS, "1000-1900@Pacific/Honolulu", "-"] {
            assert!(sort(1, ready_at, class).starts_with("20260303#"), "{class}");
        }
    }

    #[test]
    fn a_sort_key_tells_since_when_its_message_waits_and_which_message_it_is() {
        let ready_at = "2026-03-02T18:50+09:00";
        let ready_at_ms = ready_at.parse::<Timestamp>().expect("a time").as_millisecond();
        for (priority, window_class) in [(1131, OFFICE_HOURS), (0, "-")] {
            let sort = sort(priority, ready_at, window_class);
            assert_eq!(ready_at_ms_in(&sort), Some(ready_at_ms), "{sort}");
            assert_eq!(id_in(&sort).map(str::len), Some(30), "{sort}");
            assert!(sort < just_after(&sort));
        }
        assert_eq!(time_ms_in(&format!("{ready_at_ms:013}#id")), Some(ready_at_ms));
    }

    #[test]
    fn the_exceptions_hold_what_needs_a_person_and_contradicted_deliveries() {
        let id = RequestKey { producer: "p", route: "r", idempotency_key: "k" }.notification_id(0);
        let with = |status, is_contradicted| Notification {
            status,
            is_contradicted,
            ..Notification::sample(id.clone(), 0)
        };
        assert!(exception_key(&with(Status::Failed, false)).is_some());
        assert!(exception_key(&with(Status::Delivered, true)).is_some());
        assert_eq!(exception_key(&with(Status::Delivered, false)), None);
        assert_eq!(exception_key(&with(Status::Cancelled, false)), None);
    }
}
