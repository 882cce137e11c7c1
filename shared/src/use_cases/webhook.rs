//! Records delivery receipts. A receipt may release or cancel the later steps of a sequence.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::apply::{Applied, Apply};
use crate::domain::{Event, IncomingReceipt, NotificationId, Refused};
use crate::ports::{Clock, Notifications, PortError};

/// How many notifications of a batch are changed at a time.
const CONCURRENCY: usize = 16;

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

/// What became of the receipts of one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceivedBatch {
    pub recorded: usize,
    pub repeated: usize,
    pub foreign: usize,
}

impl ReceivedBatch {
    fn count(&mut self, received: Received) {
        let counter = match received {
            Received::Recorded => &mut self.recorded,
            Received::Repeated => &mut self.repeated,
            Received::Foreign => &mut self.foreign,
        };
        *counter += 1;
    }
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

    /// Records the receipts that one request brought to the webhook of `channel`. Receipts of one
    /// notification are recorded in their order. A failure keeps no other receipt from being
    /// recorded.
    ///
    /// # Errors
    /// The first [`PortError`]: that receipt is not recorded, and the provider should send all of
    /// them again. Recording a receipt again changes nothing.
    pub async fn record_all(
        &self,
        channel: &str,
        batch: Vec<IncomingReceipt>,
    ) -> Result<ReceivedBatch, PortError> {
        let mut by_notification: BTreeMap<Option<NotificationId>, Vec<IncomingReceipt>> =
            BTreeMap::new();
        for incoming in batch {
            let id = incoming.reference.as_ref().map(|reference| reference.id.clone());
            by_notification.entry(id).or_default().push(incoming);
        }
        let in_progress = stream::iter(by_notification.into_values())
            .map(|receipts| self.record_in_order(channel, receipts))
            .buffer_unordered(CONCURRENCY);
        tokio::pin!(in_progress);
        let mut total = ReceivedBatch::default();
        let mut failed = None;
        while let Some(results) = in_progress.next().await {
            for result in results {
                match result {
                    Ok(received) => total.count(received),
                    Err(error) => failed = failed.or(Some(error)),
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        if total.foreign > 0 {
            // Another system may share the account. Many of them say that the webhook's address is
            // registered for the wrong stack.
            tracing::info!(
                metric = "receipts_foreign",
                count = total.foreign,
                channel,
                "receipts are for no attempt of ours"
            );
        }
        Ok(total)
    }

    async fn record_in_order(
        &self,
        channel: &str,
        receipts: Vec<IncomingReceipt>,
    ) -> Vec<Result<Received, PortError>> {
        let mut results = Vec::with_capacity(receipts.len());
        for incoming in receipts {
            results.push(self.record(channel, incoming).await);
        }
        results
    }

    async fn record(
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
