//! Stores the notifications and sequences that producers ask for: each is checked, rendered and
//! stored once.

mod notifications;
mod sequences;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use super::catalog_cache::CatalogCache;
use super::compose::{CheckMessage, NotificationInputs, compose};
use super::wake::{SWEEPER_ROUND_MS, wake_lane};
use crate::domain::{
    FieldError, Notification, NotificationId, Priority, Recipient, SequenceId, Status,
};
use crate::ports::{Catalog, Clock, Notifications, PortError, Requests, Waker, WindowClasses};

/// One notification as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// The template's name.
    pub template: String,
    pub to: Recipient,
    pub variables: BTreeMap<String, String>,
    pub priority: Priority,
    pub not_before_ms: Option<i64>,
    /// The message must leave before this time.
    pub expires_at_ms: Option<i64>,
}

/// One step of a sequence.
#[derive(Clone, PartialEq, Eq)]
pub struct StepDraft {
    /// The template's name.
    pub template: String,
    pub variables: BTreeMap<String, String>,
}

/// A sequence as its producer asks for it.
#[derive(Clone, PartialEq, Eq)]
pub struct SequenceDraft {
    /// The recipient of every step.
    pub to: Recipient,
    /// 1 to 25 steps, in the order in which they are sent.
    pub steps: Vec<StepDraft>,
    /// How long each step waits for its receipt; `None`: as long as its channel says.
    pub confirm_within: Option<SignedDuration>,
    pub priority: Priority,
    /// The first step must not leave before this time.
    pub not_before_ms: Option<i64>,
    /// Every step must leave before this time.
    pub expires_at_ms: Option<i64>,
}

/// A notification that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its present state.
    pub notification: Notification,
    /// False when an earlier request with the same key stored it.
    pub is_new: bool,
}

/// A sequence that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnqueuedSequence {
    pub id: SequenceId,
    /// The steps in their present states.
    pub steps: Vec<Notification>,
    /// False when an earlier request with the same key stored it.
    pub is_new: bool,
}

/// Why a request has stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotEnqueued {
    /// The producer has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used for a different request; use a new key")]
    KeyReused,
    /// A retry may succeed, and is safe with the same key.
    #[error(transparent)]
    Port(#[from] PortError),
}

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
            let detail = format!(
                "there is no template {:?}: use a stored template, or have an operator store this \
                 one",
                draft.template
            );
            FieldError::new("template", detail)
        })?;
        let channel = catalog.channel(&template.channel).await?.ok_or_else(|| {
            let detail = format!(
                "the template's channel {:?} is not configured: an operator must store the channel",
                template.channel
            );
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
            wake_lane(&*self.waker, &*self.clock, channel).await;
        }
    }

    /// A cache for one request.
    fn catalog_cache(&self) -> CatalogCache {
        CatalogCache::unlimited(Arc::clone(&self.catalog))
    }
}
