//! Describes the notifications of one answer.

use std::collections::{BTreeMap, HashMap};

use super::circumstances::Reading;
use super::dependencies::Describe;
use super::description::{Description, Waiting};
use crate::domain::hold::{Estimate, decisive, estimate, holds};
use crate::domain::{Explanation, Notification, NotificationId, Reason};
use crate::ports::PortError;

impl Describe {
    /// Describes one notification.
    pub async fn one(&self, notification: &Notification) -> Description {
        let mut described = self.all(std::slice::from_ref(notification)).await;
        described.remove(&notification.id).unwrap_or_default()
    }

    /// Describes the notifications of one answer. The configuration and the rows of the lanes are
    /// read once for all of them. What cannot be read now is left out: the records are shown all the
    /// same.
    pub async fn all(
        &self,
        notifications: &[Notification],
    ) -> HashMap<NotificationId, Description> {
        let mut reading = Reading::new(self, notifications);
        if let Err(error) = reading.read_sequences().await {
            tracing::warn!(%error, "how far a sequence has come was not found out");
        }
        let mut described = HashMap::new();
        for notification in notifications {
            let waiting = self.waiting(notification, &mut reading).await;
            let waiting = waiting.unwrap_or_else(|error| {
                tracing::warn!(
                    notification = %notification.id,
                    %error,
                    "what a notification waits for was not found out"
                );
                None
            });
            let meanings = self.meanings(notification, &mut reading).await;
            let place = notification.sequence_step.as_ref();
            let sequence = place.and_then(|place| reading.sequence_status(&place.sequence));
            let description = Description { waiting, sequence, meanings };
            described.insert(notification.id.clone(), description);
        }
        described
    }

    async fn waiting(
        &self,
        notification: &Notification,
        reading: &mut Reading<'_>,
    ) -> Result<Option<Waiting>, PortError> {
        if notification.status.is_terminal() {
            return Ok(None);
        }
        let circumstances = reading.circumstances(notification).await?;
        let situation = circumstances.situation(notification, self.clock.now_us());
        let holds = holds(&situation);
        let hold = decisive(&holds).cloned();
        let leaves_at_ms = match estimate(&situation, &holds) {
            Estimate::At { at_ms } => hold.is_some().then_some(at_ms),
            Estimate::ExpiresFirst { .. } | Estimate::DependsOnEvent | Estimate::NotWaiting => None,
        };
        let place = circumstances.place(notification);
        Ok(Some(Waiting { hold, leaves_at_ms, place }))
    }

    /// The codes of the record in words. Without them the record still has the codes, so nothing that
    /// cannot be read is an error here.
    async fn meanings(
        &self,
        notification: &Notification,
        reading: &mut Reading<'_>,
    ) -> BTreeMap<String, Explanation> {
        let reason = notification.reason.iter().filter_map(Reason::code);
        let attempts = notification.attempts.iter().filter_map(|attempt| attempt.code.as_deref());
        let receipts = notification.receipts.iter().map(|receipt| receipt.code.as_str());
        let codes: Vec<&str> = reason.chain(attempts).chain(receipts).collect();
        if codes.is_empty() {
            return BTreeMap::new();
        }
        let Ok(Some(channel)) = reading.channel(&notification.channel).await else {
            return BTreeMap::new();
        };
        let Ok(adapter) = self.adapters.adapter(&channel) else { return BTreeMap::new() };
        let explained = codes.into_iter().filter_map(|code| {
            let explanation = adapter.explain(code)?;
            Some((code.to_owned(), explanation))
        });
        explained.collect()
    }
}
