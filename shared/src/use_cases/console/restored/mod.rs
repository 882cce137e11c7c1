//! Reviews the notifications after their table was restored to an earlier time. Every message that
//! may have left since that time becomes `unknown`, so that no sender sends it again. A person
//! settles it.
//!
//! 1. `stopped.rs`: every channel has to be paused, and no sender may be at work.
//! 2. `record.rs`: the ledger keeps who asked for the review, and why.
//! 3. `past.rs`, `hours_then.rs`: what may have happened to a message between that time and the stop
//!    of its channel.
//!
//! Nothing is kept between two requests, so each of them may be repeated.

mod hours_then;
mod past;
mod record;
mod review;
mod stopped;

use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use self::past::Past;
pub use self::review::{NotReviewed, Restoration, ReviewRestored, Reviewed};
use crate::domain::{FieldError, Notification, NotificationId, StatedReason};
use crate::ports::{NotificationPage, PortError};
use crate::use_cases::apply::Applied;
use crate::use_cases::puts::retry_throttled;

/// How many rows are read at a time.
const PAGE: usize = 500;

/// How many notifications are changed at a time. More would only be throttled: all exceptions of a
/// channel share a partition of their index, which takes 1,000 writes a second.
const CONCURRENCY: usize = 8;

/// How long one request reads pages, and for how long it repeats a throttled write: HTTP callers
/// wait no longer than 30 s.
const READING_MAX: Duration = Duration::from_secs(15);
const RETRYING_MAX: Duration = Duration::from_secs(20);

impl ReviewRestored {
    /// Reviews as many pages as fit into one request.
    pub async fn review(&self, request: &Restoration) -> Result<Reviewed, NotReviewed> {
        let began = Instant::now();
        let now_ms = self.clock.now_ms();
        check(request, now_ms)?;
        let stopped = self.stopped(now_ms).await?;
        if request.cursor.is_none() {
            self.record(request, &stopped, now_ms).await?;
        }
        let restored_to_ms = request.restored_to.as_millisecond();
        let past = Past::new(self, restored_to_ms, stopped, now_ms).await?;
        let mut reviewed = Reviewed { cursor: request.cursor.clone(), ..Reviewed::default() };
        loop {
            let page = self.pages.notification_page(reviewed.cursor.as_deref(), PAGE).await?;
            reviewed.cursor.clone_from(&page.next);
            self.review_page(&past, page, began + RETRYING_MAX, &mut reviewed).await?;
            if reviewed.cursor.is_none() || began.elapsed() >= READING_MAX {
                break;
            }
        }
        tracing::warn!(
            by = %request.by,
            restored_to = %request.restored_to,
            examined = reviewed.examined,
            moved = reviewed.moved,
            unreadable = reviewed.unreadable,
            complete = reviewed.cursor.is_none(),
            "notifications of a restored table were reviewed: those that may have left are unknown"
        );
        Ok(reviewed)
    }

    async fn review_page(
        &self,
        past: &Past<'_>,
        page: NotificationPage,
        give_up_at: Instant,
        reviewed: &mut Reviewed,
    ) -> Result<(), PortError> {
        let NotificationPage { notifications, unreadable, next: _ } = page;
        reviewed.examined += notifications.len() + unreadable;
        reviewed.unreadable += unreadable;
        let in_progress = stream::iter(notifications)
            .map(|notification| self.review_one(past, notification, give_up_at))
            .buffer_unordered(CONCURRENCY);
        tokio::pin!(in_progress);
        let mut failed = None;
        while let Some(result) = in_progress.next().await {
            match result {
                Ok(has_moved) => reviewed.moved += usize::from(has_moved),
                Err(error @ PortError::Unusable { .. }) => {
                    reviewed.unreadable += 1;
                    tracing::error!(%error, "a notification of a restored table stays as it is");
                }
                Err(error @ (PortError::Unavailable { .. } | PortError::Throttled { .. })) => {
                    failed = failed.or(Some(error));
                }
            }
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(error),
        }
    }

    /// Returns whether the notification is `unknown` now.
    async fn review_one(
        &self,
        past: &Past<'_>,
        notification: Notification,
        give_up_at: Instant,
    ) -> Result<bool, PortError> {
        let Some(event) = past.event(&notification).await? else { return Ok(false) };
        let apply = || self.apply.apply_to(notification.clone(), &event);
        let applied = retry_throttled(&*self.randomness, give_up_at, apply).await?;
        Ok(match applied {
            Applied::Moved(_) => true,
            Applied::Refused(..) | Applied::Missing => false,
        })
    }
}

fn check(request: &Restoration, now_ms: i64) -> Result<(), FieldError> {
    if request.restored_to.as_millisecond() > now_ms {
        let must = "is in the future; must be the time to which the table was restored";
        return Err(FieldError::new("restored_to", must));
    }
    StatedReason::new(request.reason.clone())?;
    let is_cursor = |cursor: &String| cursor.parse::<NotificationId>().is_ok();
    if !request.cursor.as_ref().is_none_or(is_cursor) {
        let must = "must be the `cursor` of the answer before, or be left out to begin";
        return Err(FieldError::new("cursor", must));
    }
    Ok(())
}
