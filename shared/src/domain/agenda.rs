//! Keys of the sparse indexes. Both keys follow from a notification's state alone, so they can
//! never disagree with it.
//!
//! The **agenda** lists what has to be done with the notifications of a channel, and when. Numbers
//! in sort keys are padded to a fixed width, so that the order of the texts is the order of the
//! numbers.

use super::hours::WindowClass;
use super::notification::Notification;
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
    sort.split('#').nth(1)?.parse().ok()
}

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
            sort: format!("{:05}#{:013}#{id}", notification.priority.0, notification.ready_at_ms),
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
    notification.status.is_exception().then(|| ExceptionKey {
        partition: notification.channel.clone(),
        sort: format!("{:013}#{}", notification.status_since_ms, notification.id),
    })
}
