//! Reading and cancelling a sequence that is stored, for its producer and for operators.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};

use super::apply::{Applied, Apply};
use crate::domain::sequence::Step;
use crate::domain::{Event, Notification, NotificationId, Sequence, SequenceStatus};
use crate::ports::{Notifications, PortError};

/// How many notifications of a sequence are read at a time.
const CONCURRENCY: usize = 16;

/// A sequence with its notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSequence {
    pub sequence: Sequence,
    /// The notifications in their present states, in the order of the steps. A notification is
    /// missing once its retention is over.
    pub notifications: Vec<Notification>,
}

impl StoredSequence {
    /// How far the sequence has come.
    #[must_use]
    pub fn status(&self) -> SequenceStatus {
        self.sequence.status(|id| self.notifications.iter().find(|found| found.id == *id))
    }
}

/// Reads the notifications of a sequence.
pub(super) async fn with_notifications(
    notifications: &dyn Notifications,
    sequence: Sequence,
) -> Result<StoredSequence, PortError> {
    let found: Vec<Option<Notification>> = stream::iter(notification_ids(&sequence))
        .map(|id| async move { notifications.load(&id).await })
        .buffered(CONCURRENCY)
        .try_collect()
        .await?;
    Ok(StoredSequence { sequence, notifications: found.into_iter().flatten().collect() })
}

/// Withdraws every notification of a sequence that has not left; the others stay as they are.
/// Repeating this changes nothing.
///
/// # Errors
/// [`PortError`]: some of the notifications may be withdrawn. Repeating this completes it.
pub(super) async fn cancel(
    apply: &Apply,
    sequence: Sequence,
    at_ms: i64,
) -> Result<StoredSequence, PortError> {
    let event = Event::CancelRequested { at_ms };
    let mut withdrawn = HashMap::new();
    // The earliest gate comes first: its withdrawal cancels all later steps at once, so no receipt
    // can release one of them meanwhile.
    for id in gates_first(&sequence) {
        match apply.apply(&id, &event).await? {
            Applied::Moved(notification) | Applied::Refused(notification, _) => {
                withdrawn.insert(id, *notification);
            }
            Applied::Missing => {}
        }
    }
    let in_order = notification_ids(&sequence).into_iter();
    let notifications = in_order.filter_map(|id| withdrawn.remove(&id)).collect();
    Ok(StoredSequence { sequence, notifications })
}

/// The gate of each step, followed by the step's other notifications.
fn gates_first(sequence: &Sequence) -> Vec<NotificationId> {
    let of_step = |step: &Step| {
        let mut ids = step.notifications.clone();
        if step.gate < ids.len() {
            ids[..=step.gate].rotate_right(1);
        }
        ids
    };
    sequence.steps.iter().flat_map(of_step).collect()
}

/// In the order of the steps.
fn notification_ids(sequence: &Sequence) -> Vec<NotificationId> {
    sequence.steps.iter().flat_map(|step| step.notifications.iter().cloned()).collect()
}
