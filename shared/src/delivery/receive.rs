//! Records receipts, and releases or cancels what waits for them.

use std::sync::Arc;

use super::{Applied, Apply};
use crate::domain::{Event, Refused};
use crate::ports::{Clock, IncomingReceipt, Notifications, PortError};

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is recorded.
    Recorded,
    /// It says nothing new.
    Repeated,
    /// It speaks of nothing that we sent: another system shares the account, or its record
    /// outlived its retention.
    Foreign,
}

/// Records receipts.
#[derive(Clone)]
pub struct Receive {
    notifications: Arc<dyn Notifications>,
    apply: Apply,
    clock: Arc<dyn Clock>,
}

impl Receive {
    /// Records receipts by applying them.
    #[must_use]
    pub fn new(notifications: Arc<dyn Notifications>, apply: Apply, clock: Arc<dyn Clock>) -> Self {
        Self { notifications, apply, clock }
    }

    /// Records one receipt that came over `channel`.
    ///
    /// # Errors
    /// [`PortError`]: it is not recorded, and the provider should come again.
    pub async fn record(
        &self,
        channel: &str,
        incoming: IncomingReceipt,
    ) -> Result<Received, PortError> {
        let Some(reference) = incoming.reference else {
            tracing::info!(channel, "a receipt with a key that is not ours");
            return Ok(Received::Foreign);
        };
        let event = Event::ReceiptArrived {
            attempt: reference.attempt,
            at_ms: self.clock.now_ms(),
            receipt: incoming.receipt,
        };
        let Some(notification) = self.notifications.load(&reference.id).await? else {
            tracing::info!(channel, notification = %reference.id, "a receipt for a notification that is not there");
            return Ok(Received::Foreign);
        };
        // Whoever may speak for one provider account may not speak for another.
        if notification.channel != channel {
            tracing::warn!(channel, notification = %reference.id, "a receipt for another channel's notification");
            return Ok(Received::Foreign);
        }
        let applied = self.apply.apply_to(notification, &event).await?;
        Ok(match applied {
            Applied::Moved(notification) => {
                tracing::info!(
                    channel,
                    notification = %notification.id,
                    status = notification.status.as_str(),
                    "receipt recorded"
                );
                Received::Recorded
            }
            Applied::Refused(_, Refused::Settled) => Received::Repeated,
            Applied::Refused(notification, refused) => {
                tracing::warn!(channel, notification = %notification.id, %refused, "a receipt that fits no attempt");
                Received::Foreign
            }
            Applied::Missing => Received::Foreign,
        })
    }
}
