//! Reads notifications of a sequence, and moves them by one event.

use futures::future::try_join_all;

use crate::domain::{Event, Notification, NotificationId, Transition, transition};
use crate::ports::{Notifications, PortError};

/// The stored ones among these notifications.
pub(super) async fn load(
    notifications: &dyn Notifications,
    ids: &[NotificationId],
) -> Result<Vec<Notification>, PortError> {
    let found = try_join_all(ids.iter().map(|id| notifications.load(id))).await?;
    for (id, _) in ids.iter().zip(&found).filter(|(_, found)| found.is_none()) {
        // Its retention is over.
        tracing::error!(notification = %id, "a notification of the sequence is missing");
    }
    Ok(found.into_iter().flatten().collect())
}

/// A refusal is no error: the notification was withdrawn by itself, or has left already.
pub(super) fn moves(notifications: &[Notification], event: &Event) -> Vec<Transition> {
    notifications.iter().filter_map(|found| transition(found, event).ok()).collect()
}
