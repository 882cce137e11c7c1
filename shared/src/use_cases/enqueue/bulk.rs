//! Many notifications in one request.
//!
//! The first notification decides which request the key stands for, as it does for a request for
//! one notification. It is therefore stored before all others. If it is not stored, because it is
//! invalid or has to wait, a placeholder takes its place.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::time::Instant;

use super::bulk_item::Item;
use super::bulk_quota::fates;
use super::day_lease::Fate;
use super::draft::{Draft, ProducerRequest};
use super::notifications::Enqueued;
use super::{Enqueue, NotEnqueued, RETRY_THROTTLED_FOR};
use crate::domain::{FieldError, Notification, NotificationId};
use crate::ports::Saved;
use crate::use_cases::puts::{PutSlots, TooLate, retry_throttled};

/// How many notifications of one request are worked on at a time.
const CONCURRENCY: usize = 16;

/// How long a request may wait until it stores its first notification. API Gateway waits for 30 s
/// altogether.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// The slots of a request's puts, by channel.
type SlotsByChannel<'a> = BTreeMap<String, PutSlots<'a>>;

impl Enqueue {
    /// Stores many notifications, each by itself: an invalid one does not keep the others from
    /// being stored. Repeating a request that was cut short completes it. A request without a valid
    /// item stores nothing, so its key stays free.
    ///
    /// # Errors
    /// [`NotEnqueued`] before anything is stored. Later failures are those of the single
    /// notifications.
    pub async fn bulk(
        &self,
        request: ProducerRequest<'_>,
        drafts: Vec<Result<Draft, FieldError>>,
    ) -> Result<Vec<Result<Enqueued, NotEnqueued>>, NotEnqueued> {
        let is_known = self.is_known(request).await?;
        let mut items = self.compose_items(request, drafts).await;
        if is_known {
            items = self.with_known(request, items).await;
        }
        let hold = self.hold_items(request, is_known, &mut items).await?;
        let composed: HashMap<NotificationId, i64> = items
            .iter()
            .filter_map(Item::composed)
            .map(|notification| (notification.id.clone(), notification.created_at_ms))
            .collect();
        let results = self.store_items(request, is_known, items).await;
        let fates = fates(request, composed, &results);
        let fate_of = |id: &NotificationId| fates.get(id).copied().unwrap_or(Fate::NotStored);
        self.allowances.settle(request.producer, hold, fate_of).await;
        let results = results?;
        let stored: Vec<_> =
            results.iter().flatten().map(|enqueued| enqueued.notification.clone()).collect();
        self.wake_lanes(&stored).await;
        Ok(results)
    }

    /// Stores the composed items.
    ///
    /// # Errors
    /// [`NotEnqueued`] before anything but the first notification is stored.
    async fn store_items(
        &self,
        request: ProducerRequest<'_>,
        is_known: bool,
        mut items: Vec<Item>,
    ) -> Result<Vec<Result<Enqueued, NotEnqueued>>, NotEnqueued> {
        let mut slots = self.reserve_slots(&mut items).await?;
        let give_up_at = Instant::now() + RETRY_THROTTLED_FOR;
        // A request that stores nothing must not take its key, and a repeated one has it already.
        if !is_known && items.iter().any(|item| item.composed().is_some()) {
            self.take_key(request, &mut items, &mut slots, give_up_at).await?;
        }
        let results: Vec<_> = stream::iter(items)
            .map(|item| {
                let slot = item.composed().and_then(|notification| {
                    slots.get_mut(&notification.channel).and_then(PutSlots::next_slot)
                });
                async move {
                    match item {
                        Item::Composed(notification) => {
                            self.store_at(slot, request, notification, give_up_at).await
                        }
                        Item::Ended(result) => result,
                    }
                }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await;
        Ok(results)
    }

    async fn compose_items(
        &self,
        request: ProducerRequest<'_>,
        drafts: Vec<Result<Draft, FieldError>>,
    ) -> Vec<Item> {
        let (key, catalog) = (request.key(), self.catalog_cache());
        stream::iter(drafts.into_iter().enumerate())
            .map(|(index, draft)| {
                let catalog = &catalog;
                async move {
                    let composed = match draft {
                        Ok(draft) => {
                            self.compose(request, key.notification_id(index), draft, catalog).await
                        }
                        Err(invalid) => Err(invalid.into()),
                    };
                    match composed {
                        Ok(notification) => Item::Composed(notification),
                        Err(error) => Item::Ended(Err(error)),
                    }
                }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await
    }

    /// The items of a repeated request: what an earlier one stored takes the place of what this
    /// one composed. The catalog may have changed since, and made some of the items invalid.
    pub(super) async fn with_known(
        &self,
        request: ProducerRequest<'_>,
        items: Vec<Item>,
    ) -> Vec<Item> {
        let key = request.key();
        stream::iter(items.into_iter().enumerate())
            .map(|(index, item)| async move {
                match self.known(request, &key.notification_id(index)).await {
                    Ok(Some(known)) => Item::Ended(Ok(known)),
                    Ok(None) => item,
                    Err(error) => Item::Ended(Err(error)),
                }
            })
            .buffered(CONCURRENCY)
            .collect()
            .await
    }

    /// Reserves the slots of all items that have to be stored. Items of a channel whose slots are
    /// too far ahead are not stored now.
    ///
    /// # Errors
    /// [`NotEnqueued::Busy`] when that leaves nothing to store and nothing is stored already.
    async fn reserve_slots(&self, items: &mut [Item]) -> Result<SlotsByChannel<'_>, NotEnqueued> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for notification in items.iter().filter_map(Item::composed) {
            *counts.entry(notification.channel.clone()).or_default() += 1;
        }
        let mut by_channel = SlotsByChannel::new();
        let mut busy: BTreeMap<String, u64> = BTreeMap::new();
        for (channel, count) in counts {
            let (pace, clock) = (&*self.put_pace, &*self.clock);
            let mut slots = PutSlots::new(pace, clock, &channel, self.puts_per_second);
            match slots.reserve_within(count, WAIT_MAX).await {
                Ok(()) => {
                    by_channel.insert(channel, slots);
                }
                Err(TooLate { try_again_after }) => {
                    // In whole seconds, as the header Retry-After has it.
                    busy.insert(channel, try_again_after.as_secs() + 1);
                }
            }
        }
        let Some(soonest_s) = busy.values().min().copied() else { return Ok(by_channel) };
        for item in &mut *items {
            let channel = item.composed().map(|notification| notification.channel.as_str());
            if let Some(&retry_after_s) = channel.and_then(|channel| busy.get(channel)) {
                *item = Item::Ended(Err(NotEnqueued::Busy { retry_after_s }));
            }
        }
        let is_worth_going_on = |item: &Item| match item {
            Item::Composed(_) | Item::Ended(Ok(_)) => true,
            Item::Ended(Err(_)) => false,
        };
        if items.iter().any(is_worth_going_on) {
            Ok(by_channel)
        } else {
            Err(NotEnqueued::Busy { retry_after_s: soonest_s })
        }
    }

    /// Takes the key for this request: stores its first notification, or a placeholder.
    ///
    /// # Errors
    /// [`NotEnqueued::KeyReused`] when another request was faster.
    async fn take_key(
        &self,
        request: ProducerRequest<'_>,
        items: &mut [Item],
        slots: &mut SlotsByChannel<'_>,
        give_up_at: Instant,
    ) -> Result<(), NotEnqueued> {
        let Some(first) = items.first_mut() else { return Ok(()) };
        if let Item::Composed(notification) = first {
            let slot = slots.get_mut(&notification.channel).and_then(PutSlots::next_slot);
            let enqueued = self.store_at(slot, request, notification.clone(), give_up_at).await?;
            *first = Item::Ended(Ok(enqueued));
            return Ok(());
        }
        let id = request.key().notification_id(0);
        let hold_place = || self.requests.hold_place(&id, request.digest);
        match retry_throttled(&*self.randomness, give_up_at, hold_place).await? {
            Saved::Done => Ok(()),
            Saved::Conflict => Err(NotEnqueued::KeyReused),
        }
    }

    async fn store_at(
        &self,
        slot: Option<Instant>,
        request: ProducerRequest<'_>,
        notification: Notification,
        give_up_at: Instant,
    ) -> Result<Enqueued, NotEnqueued> {
        if let Some(slot) = slot {
            tokio::time::sleep_until(slot).await;
        }
        self.store(request, notification, give_up_at).await
    }
}
