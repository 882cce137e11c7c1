//! Records delivery receipts. A receipt may release or cancel the later steps of a sequence.

use std::sync::Arc;

use super::apply::{Applied, Apply};
use crate::domain::{Event, IncomingReceipt, Refused};
use crate::ports::{Clock, Notifications, PortError};

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The notification took the receipt.
    Recorded,
    /// It changes nothing: it arrived before, or a later receipt has settled the notification.
    Repeated,
    /// The receipt is for no attempt of ours: another system shares the provider account, or the
    /// notification's retention is over.
    Foreign,
}

#[derive(Clone)]
pub struct Webhook {
    notifications: Arc<dyn Notifications>,
    apply: Apply,
    clock: Arc<dyn Clock>,
}

impl Webhook {
    #[must_use]
    pub fn new(notifications: Arc<dyn Notifications>, apply: Apply, clock: Arc<dyn Clock>) -> Self {
        Self { notifications, apply, clock }
    }

    /// Records one receipt that arrived at the webhook of `channel`.
    ///
    /// # Errors
    /// [`PortError`]: the receipt is not recorded, and the provider should send it again.
    pub async fn record(
        &self,
        channel: &str,
        incoming: IncomingReceipt,
    ) -> Result<Received, PortError> {
        let Some(reference) = incoming.reference else {
            tracing::info!(channel, "a receipt's reference key is not one of ours");
            return Ok(Received::Foreign);
        };
        let event = Event::ReceiptArrived {
            attempt: reference.attempt,
            at_ms: self.clock.now_ms(),
            receipt: incoming.receipt,
        };
        let Some(notification) = self.notifications.load(&reference.id).await? else {
            tracing::info!(
                channel, notification = %reference.id,
                "a receipt is for a notification that is not stored"
            );
            return Ok(Received::Foreign);
        };
        // The webhook secret of one provider account must not settle messages of another account.
        if notification.channel != channel {
            tracing::warn!(
                channel, notification = %reference.id,
                "a receipt is for a notification of another channel"
            );
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
                tracing::warn!(
                    channel, notification = %notification.id, %refused,
                    "a receipt fits no attempt of its notification"
                );
                Received::Foreign
            }
            Applied::Missing => Received::Foreign,
        })
    }
}
