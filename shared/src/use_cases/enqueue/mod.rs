//! Stores the notifications and sequences that producers ask for: each is checked and stored once.

mod allowances;
mod bulk;
mod bulk_item;
mod bulk_quota;
mod day_lease;
mod draft;
mod notifications;
mod producers;
mod sequences;
mod steps;

use std::sync::Arc;
use std::time::Duration;

use self::allowances::NotHeld;
use self::day_lease::Fate;
use super::catalog_cache::CatalogCache;
use super::compose::{NotificationInputs, Source, compose};
use super::wake::{SWEEPER_ROUND_MS, wake_lane};
use crate::domain::{FieldError, Group, Notification, NotificationId, Status};
use crate::ports::{
    Adapters, Catalog, Clock, Notifications, PortError, PutPace, Randomness, Requests, Sequences,
    Waker, WindowClasses,
};

pub use self::allowances::{Allowances, Limit, NoTurn, Standing, UsedUp};
pub use self::draft::{Draft, ProducerRequest, SequenceDraft, StepDraft, StepNotificationDraft};
pub use self::notifications::Enqueued;
pub use self::producers::{NoProducer, Producers};
pub use self::sequences::EnqueuedSequence;

/// For how long a request repeats the puts that the database throttles, from when it begins to store
/// its notifications. API Gateway waits for 30 s.
const RETRY_THROTTLED_FOR: Duration = Duration::from_secs(8);

/// Why a request has stored nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotEnqueued {
    /// The producer has to change the request.
    #[error(transparent)]
    Invalid(#[from] FieldError),
    /// The idempotency key was used before, with another body.
    #[error("the idempotency key was used for a different request; use a new key")]
    KeyReused,
    /// Runs and other requests store so many notifications of the same channel that this request
    /// would have to wait for too long. A retry is safe with the same key.
    #[error(
        "too many notifications of the channel are being stored; repeat the request with the same \
         idempotency key after {retry_after_s} s"
    )]
    Busy { retry_after_s: u64 },
    /// The producer has used up its quota. A retry is safe with the same key.
    #[error("{}", .0.detail)]
    OverQuota(UsedUp),
    /// A retry may succeed, and is safe with the same key.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl NotEnqueued {
    /// Whether the notification may be stored after all.
    fn fate(&self) -> Fate {
        match self {
            Self::Invalid(_) | Self::KeyReused | Self::Busy { .. } | Self::OverQuota(_) => {
                Fate::NotStored
            }
            Self::Port(_) => Fate::Uncertain,
        }
    }
}

impl From<NotHeld> for NotEnqueued {
    fn from(not_held: NotHeld) -> Self {
        match not_held {
            NotHeld::OverQuota(used_up) => Self::OverQuota(used_up),
            NotHeld::Never(invalid) => Self::Invalid(invalid),
            NotHeld::Port(error) => Self::Port(error),
        }
    }
}

#[derive(Clone)]
pub struct Enqueue {
    pub catalog: Arc<dyn Catalog>,
    pub notifications: Arc<dyn Notifications>,
    pub sequences: Arc<dyn Sequences>,
    /// Which request an idempotency key stands for.
    pub requests: Arc<dyn Requests>,
    pub put_pace: Arc<dyn PutPace>,
    /// How many notifications of one channel all runs and bulk requests store in a second; `None`:
    /// the bulk requests of this process store as many as possible.
    pub puts_per_second: Option<u32>,
    pub classes: Arc<dyn WindowClasses>,
    pub waker: Arc<dyn Waker>,
    pub clock: Arc<dyn Clock>,
    pub randomness: Arc<dyn Randomness>,
    /// The providers' rules.
    pub adapters: Arc<dyn Adapters>,
    /// The producers' quotas.
    pub allowances: Allowances,
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
        request: ProducerRequest<'_>,
        id: NotificationId,
        draft: Draft,
        catalog: &CatalogCache,
    ) -> Result<Notification, NotEnqueued> {
        let owner = &request.producer.name;
        draft.check()?;
        request.producer.may_ask_for(&draft.template, draft.priority)?;
        let template = catalog.template(&draft.template).await?.ok_or_else(|| {
            let detail = format!(
                "is {:?}, which is not stored; must be a stored template, or an operator must \
                 store this one",
                draft.template
            );
            FieldError::new("template", detail)
        })?;
        let variant = template.document.variant(draft.channel.as_deref())?;
        let channel = catalog.channel(&variant.channel).await?.ok_or_else(|| {
            // A field that the request left out cannot be at fault.
            let field = if draft.channel.is_some() { "channel" } else { "template" };
            let detail = format!(
                "leads to the channel {:?}, which is not stored; an operator must store the channel",
                variant.channel
            );
            FieldError::new(field, detail)
        })?;
        let adapter = self.adapters.usable_adapter(&channel)?;
        let hours = catalog.hours().await?;
        let inputs = NotificationInputs {
            id,
            digest: request.digest.to_owned(),
            owner: owner.clone(),
            source: Source {
                template: &template.document,
                revision: template.revision,
                variant,
                channel: &channel,
                adapter: &*adapter,
                hours: &hours,
            },
            recipient: draft.recipient,
            addresses: &draft.addresses,
            variables: &draft.variables,
            priority: draft.priority,
            group: draft.tag.as_deref().map(|tag| Group::tag(owner, tag)),
            tag: draft.tag,
            data: draft.data,
            not_before_ms: draft.not_before_ms,
            delay_ms: draft.delay_ms,
            expires_at_ms: draft.expires_at_ms,
            now_ms: self.clock.now_ms(),
        };
        Ok(compose(inputs)?)
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
