//! What a sender reads again before a message departs: the channel's permitted addresses, and the
//! history of templates.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alimi::domain::{Audience, Channel, HoursConfig, Producer, Reason, Schedule, Status, Template};
use alimi::ports::{Catalog, ListedProducers, PortError, Revised};
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use async_trait::async_trait;

use super::producer::{LIMIT, TEMPLATE, post_many, post_one};
use super::rendering::{TEXT, change_text, has_never_left, texts};
use super::steps::messages;
use crate::phone_numbers::DELIVERED;

/// Limits the channel to one phone number.
async fn permit_only(world: &World, phone: &str) {
    let channel = world.store.channel("alimtalk-main").await.expect("the store");
    let mut channel = channel.expect("the channel");
    channel.only_to = Some(vec![phone.to_owned()]);
    world.store.put_channel(&channel).await.expect("stored");
}

#[tokio::test(start_paused = true)]
async fn a_message_to_an_address_that_its_channel_no_longer_permits_is_never_sent() {
    let world = World::new(WorldSettings::default()).await;
    let other = post_one(&world, "other", "010-1234-5679").await;
    let permitted = post_one(&world, "permitted", "010-1234-5678").await;
    permit_only(&world, "+82 10 1234 5678").await;
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let refused = world.notification(&other).await;
    assert_eq!(refused.status, Status::Failed);
    assert_eq!(refused.reason, Some(Reason::AddressNotPermitted));
    assert!(has_never_left(&world, &refused));
    assert_eq!(world.notification(&permitted).await.status, Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn a_channels_permitted_addresses_take_effect_within_a_second() {
    let world = World::new(WorldSettings::default()).await;
    post_many(&world, "batch", 200, TEMPLATE, DELIVERED).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(2)).await;
    permit_only(&world, "010-1234-5679").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = messages(&world);
    assert!((20..150).contains(&sent), "{sent} messages left");
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(messages(&world), sent, "the lane continued");
    let all = world.notifications();
    let refused = all.values().filter(|n| n.reason == Some(Reason::AddressNotPermitted));
    assert_eq!(refused.count(), 200 - sent);
}

/// A catalog whose history cannot be read for a while.
struct NoHistory {
    inner: Arc<dyn Catalog>,
    is_down: AtomicBool,
}

#[async_trait]
impl Catalog for NoHistory {
    async fn channel(&self, name: &str) -> Result<Option<Channel>, PortError> {
        self.inner.channel(name).await
    }

    async fn template(&self, name: &str) -> Result<Option<Revised<Template>>, PortError> {
        self.inner.template(name).await
    }

    async fn template_revision(
        &self,
        name: &str,
        revision: u64,
    ) -> Result<Option<Template>, PortError> {
        if self.is_down.load(Ordering::Relaxed) {
            let detail = "overloaded".to_owned();
            return Err(PortError::Unavailable { what: "the catalog table", detail });
        }
        self.inner.template_revision(name, revision).await
    }

    async fn channels(&self) -> Result<Vec<Channel>, PortError> {
        self.inner.channels().await
    }

    async fn producer(&self, name: &str) -> Result<Option<Producer>, PortError> {
        self.inner.producer(name).await
    }

    async fn producers(&self) -> Result<ListedProducers, PortError> {
        self.inner.producers().await
    }

    async fn schedule(&self, name: &str) -> Result<Option<Schedule>, PortError> {
        self.inner.schedule(name).await
    }

    async fn audience(&self, name: &str) -> Result<Option<Audience>, PortError> {
        self.inner.audience(name).await
    }

    async fn hours(&self) -> Result<HoursConfig, PortError> {
        self.inner.hours().await
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_history_cannot_be_read_its_messages_wait_unclaimed_and_others_leave() {
    let mut world = World::new(WorldSettings::default()).await;
    let inner = Arc::clone(&world.stack.sender.catalog);
    let catalog = Arc::new(NoHistory { inner, is_down: AtomicBool::new(true) });
    world.stack.sender.catalog = catalog.clone();
    let earlier = post_one(&world, "earlier", DELIVERED).await;
    change_text(&world, TEMPLATE, "#{name} 선생님, 새 안내입니다.").await;
    // Its revision is the present one, which is no matter of the history.
    let later = post_one(&world, "later", DELIVERED).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(30)).await;
    let waiting = world.notification(&earlier).await;
    assert_eq!((waiting.status, waiting.claim), (Status::Queued, 0));
    assert_eq!(world.notification(&later).await.status, Status::Delivered);

    catalog.is_down.store(false, Ordering::Relaxed);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let sent = world.notification(&earlier).await;
    assert_eq!((sent.status, sent.claim, sent.attempt), (Status::Delivered, 1, 1));
    assert_eq!(texts(&world, &earlier), [TEXT]);
}
