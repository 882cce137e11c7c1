//! Single notifications.

use tokio::time::Instant;

use super::allowances::NotHeld;
use super::day_lease::Fate;
use super::draft::{Draft, ProducerRequest};
use super::{Enqueue, NotEnqueued, RETRY_THROTTLED_FOR};
use crate::domain::{Notification, NotificationId};
use crate::ports::Created;
use crate::use_cases::puts::retry_throttled;

/// A notification that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// Its present state.
    pub notification: Notification,
    /// False when an earlier request with the same key stored it.
    pub is_new: bool,
}

impl Enqueue {
    /// Stores one notification. Its id follows from the key alone, so a second request with the
    /// same key finds the first request's notification.
    ///
    /// # Errors
    /// [`NotEnqueued`]: nothing was stored.
    pub async fn one(
        &self,
        request: ProducerRequest<'_>,
        draft: Draft,
    ) -> Result<Enqueued, NotEnqueued> {
        let id = request.key().notification_id(0);
        let enqueued = match self.compose(request, id.clone(), draft, &self.catalog_cache()).await {
            Ok(notification) => {
                let give_up_at = Instant::now() + RETRY_THROTTLED_FOR;
                self.store_counted(request, notification, give_up_at).await?
            }
            // The catalog may have changed since the first request: a repeated request is answered
            // with the notification that the first one stored.
            Err(NotEnqueued::Invalid(invalid)) => {
                let is_known = self.is_known(request).await?;
                let known = if is_known { self.known(request, &id).await? } else { None };
                known.ok_or(invalid)?
            }
            Err(error) => return Err(error),
        };
        self.wake_lanes(std::slice::from_ref(&enqueued.notification)).await;
        Ok(enqueued)
    }

    /// Stores a notification that counts against its producer's quota. A repeated request is answered
    /// with the stored notification, also when the quota is used up.
    async fn store_counted(
        &self,
        request: ProducerRequest<'_>,
        notification: Notification,
        give_up_at: Instant,
    ) -> Result<Enqueued, NotEnqueued> {
        let (id, created_at_ms) = (notification.id.clone(), notification.created_at_ms);
        let hold = match self.allowances.hold(request.producer, &[&id]).await {
            Ok(hold) => hold,
            Err(NotHeld::Port(error)) => return Err(error.into()),
            Err(refused @ (NotHeld::OverQuota(_) | NotHeld::Never(_))) => {
                return self.known(request, &id).await?.ok_or_else(|| refused.into());
            }
        };
        let stored = self.store(request, notification, give_up_at).await;
        let fate = fate(&stored, created_at_ms);
        self.allowances.settle(request.producer, hold, |_| fate).await;
        stored
    }

    /// Whether this very request has been made before, and has stored something.
    ///
    /// # Errors
    /// [`NotEnqueued::KeyReused`] when another request has the key.
    pub(super) async fn is_known(&self, request: ProducerRequest<'_>) -> Result<bool, NotEnqueued> {
        match self.requests.digest_of(&request.key().notification_id(0)).await? {
            Some(digest) if digest == request.digest => Ok(true),
            Some(_) => Err(NotEnqueued::KeyReused),
            None => Ok(false),
        }
    }

    /// The notification that an earlier request with the same key stored.
    pub(super) async fn known(
        &self,
        request: ProducerRequest<'_>,
        id: &NotificationId,
    ) -> Result<Option<Enqueued>, NotEnqueued> {
        let known = self.notifications.load(id).await?;
        known.map(|known| of_same_request(request, known)).transpose()
    }

    /// Stores a notification, or finds the one that an earlier request with the same key stored.
    pub(super) async fn store(
        &self,
        request: ProducerRequest<'_>,
        notification: Notification,
        give_up_at: Instant,
    ) -> Result<Enqueued, NotEnqueued> {
        let add_class = || self.add_class(&notification);
        retry_throttled(&*self.randomness, give_up_at, add_class).await?;
        let create = || self.notifications.create(&notification);
        match retry_throttled(&*self.randomness, give_up_at, create).await? {
            Created::New => Ok(Enqueued { notification, is_new: true }),
            Created::Existing(known) => of_same_request(request, *known),
            Created::OtherRequest => Err(NotEnqueued::KeyReused),
        }
    }
}

/// What became of a notification that was composed at a time.
pub(super) fn fate(stored: &Result<Enqueued, NotEnqueued>, created_at_ms: i64) -> Fate {
    match stored {
        Ok(Enqueued { notification, is_new }) => {
            Fate::of_stored(*is_new, notification.created_at_ms == created_at_ms)
        }
        Err(error) => error.fate(),
    }
}

fn of_same_request(
    request: ProducerRequest<'_>,
    known: Notification,
) -> Result<Enqueued, NotEnqueued> {
    if known.request_digest == request.digest {
        Ok(Enqueued { notification: known, is_new: false })
    } else {
        Err(NotEnqueued::KeyReused)
    }
}
