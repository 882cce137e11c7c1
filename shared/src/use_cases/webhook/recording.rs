//! Records receipts. A receipt may release or cancel the later steps of a sequence.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};

use crate::domain::{Event, IncomingReceipt, NotificationId, Refused};
use crate::ports::{Clock, Notifications, PortError};
use crate::use_cases::apply::{Applied, Apply};

/// How many notifications of a batch are changed at a time.
const CONCURRENCY: usize = 16;

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    /// The notification took the receipt.
    Recorded,
    /// It changes nothing: it arrived before, or a later receipt has settled the notification.
    Repeated,
    /// The receipt is for no attempt of ours: another system shares the provider account, or the
    /// notification's retention is over.
    Foreign,
}

/// Receipts that could not be recorded, and the first reason.
#[derive(Debug)]
pub(super) struct Unrecorded {
    pub(super) receipts: Vec<IncomingReceipt>,
    pub(super) error: PortError,
}

#[derive(Clone)]
pub(super) struct Recording {
    pub(super) notifications: Arc<dyn Notifications>,
    pub(super) apply: Apply,
    pub(super) clock: Arc<dyn Clock>,
}

impl Recording {
    /// Records receipts of the provider of `channel`, those of one notification in their order. What
    /// is not done at `until` counts as failed. A failure keeps no other receipt from being
    /// recorded.
    ///
    /// Recording a receipt again changes nothing, so the caller may repeat those that failed. Nor
    /// does the order matter, unless the provider contradicts itself.
    pub(super) async fn record_all(
        &self,
        channel: &str,
        batch: Vec<IncomingReceipt>,
        until: Instant,
    ) -> Result<(), Unrecorded> {
        let mut by_notification: BTreeMap<Option<NotificationId>, Vec<IncomingReceipt>> =
            BTreeMap::new();
        for incoming in batch {
            let id = incoming.reference.as_ref().map(|reference| reference.id.clone());
            by_notification.entry(id).or_default().push(incoming);
        }
        let in_progress = stream::iter(by_notification.into_values())
            .map(|receipts| self.record_in_order(channel, receipts, until))
            .buffer_unordered(CONCURRENCY);
        tokio::pin!(in_progress);
        let mut foreign = 0_usize;
        let mut unrecorded = Vec::new();
        let mut failed = None;
        while let Some(results) = in_progress.next().await {
            for (incoming, result) in results {
                match result {
                    Ok(Received::Recorded | Received::Repeated) => {}
                    Ok(Received::Foreign) => foreign += 1,
                    Err(error) => {
                        unrecorded.push(incoming);
                        failed = failed.or(Some(error));
                    }
                }
            }
        }
        if foreign > 0 {
            // Another system may share the account. Many of them say that the webhook's address is
            // registered for the wrong stack.
            tracing::info!(
                metric = "receipts_foreign",
                count = foreign,
                channel,
                "receipts are for no attempt of ours"
            );
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(Unrecorded { receipts: unrecorded, error }),
        }
    }

    async fn record_in_order(
        &self,
        channel: &str,
        receipts: Vec<IncomingReceipt>,
        until: Instant,
    ) -> Vec<(IncomingReceipt, Result<Received, PortError>)> {
        let mut results = Vec::with_capacity(receipts.len());
        for incoming in receipts {
            let recorded = timeout_at(until, self.record(channel, &incoming)).await;
            results.push((incoming, recorded.unwrap_or_else(|_| Err(too_slow()))));
        }
        results
    }

    async fn record(
        &self,
        channel: &str,
        incoming: &IncomingReceipt,
    ) -> Result<Received, PortError> {
        let Some(reference) = &incoming.reference else {
            tracing::info!(channel, "a receipt's reference key is not one of ours");
            return Ok(Received::Foreign);
        };
        let event = Event::ReceiptArrived {
            attempt: reference.attempt,
            // Also of a receipt that waited in the queue. The steps that it releases are ready only
            // now, and count from now as waiting.
            at_ms: self.clock.now_ms(),
            receipt: incoming.receipt.clone(),
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

fn too_slow() -> PortError {
    PortError::Unavailable {
        what: "the notifications table",
        detail: "it has not answered in time".to_owned(),
    }
}
