//! Single notifications, one or many in a request.

use futures::{StreamExt, stream};

use super::draft::{Draft, ProducerRequest};
use super::{Enqueue, NotEnqueued};
use crate::domain::{FieldError, Notification, NotificationId};
use crate::ports::Created;
use crate::use_cases::catalog_cache::CatalogCache;

/// How many notifications of one bulk request are stored at a time.
const CONCURRENCY: usize = 16;

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
        let key = request.key();
        // A bulk request may have used the key. A bulk body is a list and this one is an object, so
        // their digests differ.
        let known = self.requests.recall(&key.request_id()).await?;
        if known.is_some_and(|known| known != request.digest) {
            return Err(NotEnqueued::KeyReused);
        }
        let enqueued =
            self.enqueue(request, key.notification_id(0), draft, &self.catalog_cache()).await?;
        self.wake_lanes(std::slice::from_ref(&enqueued.notification)).await;
        Ok(enqueued)
    }

    /// Stores many notifications, each by itself: an invalid one does not keep the others from
    /// being stored. Repeating a request that was cut short completes it.
    ///
    /// # Errors
    /// [`NotEnqueued::KeyReused`] or [`NotEnqueued::Port`] before anything is stored. Later
    /// failures are those of the single notifications.
    pub async fn bulk(
        &self,
        request: ProducerRequest<'_>,
        drafts: Vec<Result<Draft, FieldError>>,
    ) -> Result<Vec<Result<Enqueued, NotEnqueued>>, NotEnqueued> {
        let key = request.key();
        // Two bodies under one key could each win some of the ids, and their notifications would
        // mix. One record for the whole request decides which body the key stands for.
        let request_id = key.request_id();
        // A single notification may have used the key. It keeps the digest itself.
        let first = self.notifications.load(&key.notification_id(0)).await?;
        let known = match first {
            Some(first) => Some(first.request_digest),
            None => {
                self.requests.remember(&request_id, request.digest, self.clock.now_ms()).await?
            }
        };
        if known.is_some_and(|known| known != request.digest) {
            return Err(NotEnqueued::KeyReused);
        }
        let catalog = self.catalog_cache();
        let results: Vec<_> =
            stream::iter(drafts.into_iter().enumerate())
                .map(|(index, draft)| {
                    let catalog = &catalog;
                    async move {
                        self.enqueue(request, key.notification_id(index), draft?, catalog).await
                    }
                })
                .buffered(CONCURRENCY)
                .collect()
                .await;
        let stored: Vec<_> =
            results.iter().flatten().map(|enqueued| enqueued.notification.clone()).collect();
        self.wake_lanes(&stored).await;
        Ok(results)
    }

    async fn enqueue(
        &self,
        request: ProducerRequest<'_>,
        id: NotificationId,
        draft: Draft,
        catalog: &CatalogCache,
    ) -> Result<Enqueued, NotEnqueued> {
        let known = match self.compose(request, id.clone(), draft, catalog).await {
            Ok(notification) => {
                self.add_class(&notification).await?;
                match self.notifications.create(&notification).await? {
                    Created::New => return Ok(Enqueued { notification, is_new: true }),
                    Created::Existing(known) => *known,
                }
            }
            // The catalog may have changed since the first request: a repeated request is answered
            // with the notification that the first one stored.
            Err(NotEnqueued::Invalid(invalid)) => {
                self.notifications.load(&id).await?.ok_or(invalid)?
            }
            Err(error) => return Err(error),
        };
        if known.request_digest == request.digest {
            Ok(Enqueued { notification: known, is_new: false })
        } else {
            Err(NotEnqueued::KeyReused)
        }
    }
}
