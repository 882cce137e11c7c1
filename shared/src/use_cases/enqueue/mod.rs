//! Stores the notifications and sequences that producers ask for: each is checked, rendered and
//! stored once.

mod draft;
mod enqueued;
mod notifications;
mod sequences;

use std::sync::Arc;

pub use self::draft::{Draft, SequenceDraft, StepDraft};
pub use self::enqueued::{Enqueued, EnqueuedSequence, NotEnqueued};
use super::catalog_cache::CatalogCache;
use super::compose::{CheckMessage, NotificationInputs, compose};
use super::wake::{SWEEPER_ROUND_MS, wake_for_producer};
use crate::domain::{FieldError, Notification, NotificationId, Status};
use crate::ports::{Catalog, Clock, Notifications, PortError, Requests, Waker, WindowClasses};

#[derive(Clone)]
pub struct Enqueue {
    pub catalog: Arc<dyn Catalog>,
    pub notifications: Arc<dyn Notifications>,
    /// The idempotency records of bulk requests.
    pub requests: Arc<dyn Requests>,
    pub classes: Arc<dyn WindowClasses>,
    pub waker: Arc<dyn Waker>,
    pub clock: Arc<dyn Clock>,
    /// The providers' rules.
    pub check: CheckMessage,
}

impl Enqueue {
    /// A lane has to know a window class before a message of that class is stored: senders look
    /// for messages in the known classes only.
    async fn add_class(&self, notification: &Notification) -> Result<(), PortError> {
        self.classes.add_class(&notification.channel, &notification.window_class).await
    }

    /// Makes a notification in the state in which it is first stored.
    async fn compose(
        &self,
        id: NotificationId,
        digest: &str,
        draft: Draft,
        catalog: &CatalogCache,
    ) -> Result<Notification, NotEnqueued> {
        let template = catalog.template(&draft.template).await?.ok_or_else(|| {
            FieldError::new("template", format!("there is no template {:?}", draft.template))
        })?;
        let channel = catalog.channel(&template.channel).await?.ok_or_else(|| {
            let detail = format!("the template's channel {:?} is not configured", template.channel);
            FieldError::new("template", detail)
        })?;
        let hours = catalog.hours().await?;
        let inputs = NotificationInputs {
            id,
            digest: digest.to_owned(),
            template: &template,
            channel: &channel,
            hours: &hours,
            to: draft.to,
            variables: &draft.variables,
            priority: draft.priority,
            not_before_ms: draft.not_before_ms,
            expires_at_ms: draft.expires_at_ms,
            now_ms: self.clock.now_ms(),
        };
        Ok(compose(inputs, self.check)?)
    }

    /// Wakes the lanes of the messages that are ready before the sweeper's next round.
    async fn wake_lanes(&self, stored: &[Notification]) {
        let soon_ms = self.clock.now_ms() + SWEEPER_ROUND_MS;
        let mut channels: Vec<&str> = stored
            .iter()
            .filter(|notification| match notification.status {
                Status::Queued => true,
                Status::Deferred => notification.ready_at_ms <= soon_ms,
                Status::Blocked
                | Status::Sending
                | Status::Accepted
                | Status::Unknown
                | Status::Unconfirmed
                | Status::Failed
                | Status::Cancelled
                | Status::Expired
                | Status::Delivered => false,
            })
            .map(|notification| notification.channel.as_str())
            .collect();
        channels.sort_unstable();
        channels.dedup();
        for channel in channels {
            wake_for_producer(&*self.waker, &*self.clock, channel).await;
        }
    }

    /// A cache for one request.
    fn catalog_cache(&self) -> CatalogCache {
        CatalogCache::unlimited(Arc::clone(&self.catalog))
    }
}
