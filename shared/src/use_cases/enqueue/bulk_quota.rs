//! How the items of a bulk request count against their producer's quota.

use std::collections::HashMap;

use super::allowances::{NotHeld, UsedUp};
use super::bulk_item::Item;
use super::day_lease::{Fate, Hold};
use super::draft::ProducerRequest;
use super::notifications::{Enqueued, fate};
use super::{Enqueue, NotEnqueued};
use crate::domain::{FieldError, NotificationId};

impl Enqueue {
    /// Counts the items that have to be stored against the producer's quota: all, or none. If the
    /// quota does not allow them, they are not stored now.
    ///
    /// # Errors
    /// [`NotEnqueued`] when nothing is stored already.
    pub(super) async fn hold_items(
        &self,
        request: ProducerRequest<'_>,
        is_known: bool,
        items: &mut Vec<Item>,
    ) -> Result<Hold, NotEnqueued> {
        let ids: Vec<_> = items.iter().filter_map(Item::composed).map(|found| &found.id).collect();
        let refused = match self.allowances.hold(request.producer, &ids).await {
            Ok(hold) => return Ok(hold),
            Err(NotHeld::Port(error)) => return Err(error.into()),
            Err(NotHeld::OverQuota(used_up)) => Refused::OverQuota(used_up),
            Err(NotHeld::Never(invalid)) => Refused::Never(invalid),
        };
        // The same request may have been faster by another way, and have used up the quota.
        if !is_known && self.is_known(request).await? {
            *items = self.with_known(request, std::mem::take(items)).await;
        }
        if !items.iter().any(|item| matches!(item, Item::Ended(Ok(_)))) {
            return Err(refused.error());
        }
        for item in items.iter_mut().filter(|item| item.composed().is_some()) {
            *item = Item::Ended(Err(refused.error()));
        }
        Ok(Hold::default())
    }
}

/// Why the quota does not allow the items of a request.
enum Refused {
    OverQuota(UsedUp),
    Never(FieldError),
}

impl Refused {
    fn error(&self) -> NotEnqueued {
        match self {
            Self::OverQuota(used_up) => NotEnqueued::OverQuota(used_up.clone()),
            Self::Never(invalid) => NotEnqueued::Invalid(invalid.clone()),
        }
    }
}

/// What became of the composed notifications, given the times at which they were composed.
pub(super) fn fates(
    request: ProducerRequest<'_>,
    composed: HashMap<NotificationId, i64>,
    results: &Result<Vec<Result<Enqueued, NotEnqueued>>, NotEnqueued>,
) -> HashMap<NotificationId, Fate> {
    let key = request.key();
    match results {
        Err(error) => composed.into_keys().map(|id| (id, error.fate())).collect(),
        Ok(results) => results
            .iter()
            .enumerate()
            .filter_map(|(index, result)| {
                let id = key.notification_id(index);
                let created_at_ms = *composed.get(&id)?;
                Some((id, fate(result, created_at_ms)))
            })
            .collect(),
    }
}
