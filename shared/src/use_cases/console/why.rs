//! Tells operators why a message does not leave now, and when it leaves.

mod pause;
mod queue;

use std::sync::Arc;

use self::pause::pause_of;
use self::queue::Queue;
use crate::domain::hold::{Ahead, Estimate, Hold, earliest_ms, estimate, holds};
use crate::domain::{Notification, NotificationId, Status};
use crate::ports::{Agenda, Documents, PortError, WindowClasses};
use crate::use_cases::describe::{Describe, Place, Reading};

#[derive(Clone)]
pub struct Why {
    pub describe: Describe,
    /// The channels' history: who paused one.
    pub documents: Arc<dyn Documents>,
    /// The messages ahead.
    pub agenda: Arc<dyn Agenda>,
    pub classes: Arc<dyn WindowClasses>,
}

/// Everything that holds a message.
#[derive(Clone, Debug, PartialEq)]
pub struct WhyItWaits {
    pub notification: Notification,
    /// In the order in which the rules apply, the pace last.
    pub holds: Vec<Hold>,
    pub estimate: Estimate,
    pub place: Place,
    /// When all of this held, in Unix milliseconds.
    pub at_ms: i64,
}

impl Why {
    /// Why a message waits; `None` when there is no notification with this id.
    ///
    /// # Errors
    /// [`PortError`]: a retry may succeed.
    pub async fn why(&self, id: &NotificationId) -> Result<Option<WhyItWaits>, PortError> {
        let Some(notification) = self.describe.notifications.load(id).await? else {
            return Ok(None);
        };
        let mut reading = Reading::new(&self.describe, &[]);
        let mut found = reading.circumstances(&notification).await?;
        if notification.status.is_waiting()
            && found.channel.as_ref().is_some_and(|channel| channel.paused)
        {
            found.pause = pause_of(&*self.documents, &notification.channel).await?;
        }
        let now_us = self.describe.clock.now_us();
        let counted_from_ms = {
            let situation = found.situation(&notification, now_us);
            let earliest_ms = earliest_ms(&situation, &holds(&situation));
            earliest_ms.unwrap_or(now_us.div_euclid(1000))
        };
        if let Some(channel) = found.channel.clone() {
            let queue = Queue { channel: &channel, lane: found.lane, now_us };
            found.ahead = self.ahead(&notification, queue, counted_from_ms).await?;
        }
        let situation = found.situation(&notification, now_us);
        let holds = holds(&situation);
        let estimate = estimate(&situation, &holds);
        let place = found.place(&notification);
        let at_ms = now_us.div_euclid(1000);
        Ok(Some(WhyItWaits { notification, holds, estimate, place, at_ms }))
    }

    /// The messages that leave before this one once it may leave. `None` for a message whose place
    /// in the queue is not known yet, and for one that does not wait to leave.
    async fn ahead(
        &self,
        notification: &Notification,
        queue: Queue<'_>,
        may_leave_at_ms: i64,
    ) -> Result<Option<Ahead>, PortError> {
        match notification.status {
            Status::Deferred | Status::Queued => {
                let counting =
                    queue.ahead(&*self.agenda, &*self.classes, notification, may_leave_at_ms);
                counting.await.map(Some)
            }
            Status::Blocked
            | Status::Sending
            | Status::Accepted
            | Status::Unknown
            | Status::Unconfirmed
            | Status::Failed
            | Status::Cancelled
            | Status::Expired
            | Status::Delivered => Ok(None),
        }
    }
}
