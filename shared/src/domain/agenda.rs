//! Where a notification stands in the sparse indexes. Both keys follow from its state alone, so
//! they can never disagree with it.
//!
//! Sort keys are numbers padded to a fixed width: text order is number order.

use super::hours::WindowClass;
use super::notification::{Notification, Status};

/// A key of the `agenda` index: what is to be done with a notification, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgendaKey {
    /// `{channel}#ready#{window class}`, `{channel}#due` or `{channel}#confirm`.
    pub partition: String,
    /// Orders the partition.
    pub sort: String,
}

/// A key of the `exceptions` index: which notifications of a channel need a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionKey {
    /// The channel.
    pub partition: String,
    /// Since when, and the id.
    pub sort: String,
}

/// The partition of what may leave now.
#[must_use]
pub fn ready_partition(channel: &str, window_class: &WindowClass) -> String {
    format!("{channel}#ready#{window_class}")
}

/// The partition of what waits for a time.
#[must_use]
pub fn due_partition(channel: &str) -> String {
    format!("{channel}#due")
}

/// The partition of what has a deadline: claimed and awaiting word, or blocked and expiring.
#[must_use]
pub fn confirm_partition(channel: &str) -> String {
    format!("{channel}#confirm")
}

/// The first sort key at a time, in a partition that is ordered by time: everything strictly
/// below it is earlier.
#[must_use]
pub fn sort_at(at_ms: i64) -> String {
    format!("{at_ms:013}#")
}

/// The id at the end of a sort key.
#[must_use]
pub fn id_in(sort: &str) -> Option<&str> {
    sort.rsplit('#').next()
}

/// The time at the front of a sort key, in a partition that is ordered by time.
#[must_use]
pub fn time_in(sort: &str) -> Option<i64> {
    sort.split('#').next()?.parse().ok()
}

/// Since when the message at a place of a `ready` partition has waited there.
#[must_use]
pub fn ready_at_in(sort: &str) -> Option<i64> {
    sort.split('#').nth(1)?.parse().ok()
}

/// Where a notification stands on the agenda, if anything is to be done with it.
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

/// Where a notification stands on the list of those that need a person.
#[must_use]
pub fn exception_key(notification: &Notification) -> Option<ExceptionKey> {
    notification.status.is_exception().then(|| ExceptionKey {
        partition: notification.channel.clone(),
        sort: format!("{:013}#{}", notification.status_since_ms, notification.id),
    })
}
