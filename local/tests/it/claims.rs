//! Claims and their records while the database takes no more requests, or fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use alimi::domain::{Notification, NotificationId, Status};
use alimi::ports::{Created, Lanes, Notifications, OpenDrain, PortError, Saved, WakeGroup};
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use async_trait::async_trait;
use serde_json::{Value, json};

const LIMIT: usize = 40;
const LANE: &str = "alimtalk-main";

async fn post(world: &World, count: usize) {
    let many = (0..count).map(|n| {
        json!({
            "template": "photo-and-video",
            "to": { "id": format!("t{n}"), "phone": "01012345678" },
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        })
    });
    let body = Value::Array(many.collect());
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    assert_eq!(status, 202, "{answer}");
}

async fn drain(world: &World) -> usize {
    let drained = world.stack.sender.drain(LANE, WakeGroup::Zero, None).await;
    drained.expect("drained").departures
}

async fn open_drains(world: &World) -> Vec<OpenDrain> {
    world.store.lane_state(LANE).await.expect("the row").expect("a row").open_drains
}

/// A database that refuses the next saves of one status, of all messages or of one.
struct Refusing {
    inner: Arc<dyn Notifications>,
    status: Status,
    only: Option<NotificationId>,
    error: fn() -> PortError,
    left: AtomicUsize,
}

#[async_trait]
impl Notifications for Refusing {
    async fn create(&self, notification: &Notification) -> Result<Created, PortError> {
        self.inner.create(notification).await
    }

    async fn load(&self, id: &NotificationId) -> Result<Option<Notification>, PortError> {
        self.inner.load(id).await
    }

    async fn save(&self, notifications: &mut [Notification]) -> Result<Saved, PortError> {
        let is_met = notifications.iter().any(|n| {
            n.status == self.status && self.only.as_ref().is_none_or(|only| *only == n.id)
        });
        let take = |left: usize| left.checked_sub(1);
        if is_met && self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            return Err((self.error)());
        }
        self.inner.save(notifications).await
    }
}

fn throttled() -> PortError {
    PortError::Throttled { what: "the notifications table", detail: "too many requests".into() }
}

fn unavailable() -> PortError {
    PortError::Unavailable { what: "the notifications table", detail: "overloaded".into() }
}

/// A world whose senders use this database.
async fn world_with(refusing: impl FnOnce(Arc<dyn Notifications>, &World) -> Refusing) -> World {
    let mut world = World::new(WorldSettings::default()).await;
    post(&world, 120).await;
    let inner = Arc::clone(&world.stack.sender.notifications);
    world.stack.sender.notifications = Arc::new(refusing(inner, &world));
    world
}

/// The message in the middle of the queue.
fn middle(world: &World) -> NotificationId {
    let mut all: Vec<_> = world.notifications().into_values().collect();
    all.sort_by(|one, other| (one.ready_at_ms, &one.id).cmp(&(other.ready_at_ms, &other.id)));
    all[all.len() / 2].id.clone()
}

/// The partition of one message is busy. The claim waits for it, and the lane does not.
#[tokio::test(start_paused = true)]
async fn a_claim_that_is_throttled_is_tried_again_without_a_pause_of_the_lane() {
    let mut busy = None;
    let world = world_with(|inner, world| {
        let id = middle(world);
        busy = Some(id.clone());
        let (status, only, left) = (Status::Sending, Some(id), AtomicUsize::new(3));
        Refusing { inner, status, only, error: throttled, left }
    })
    .await;
    assert_eq!(drain(&world).await, 120);
    let arrivals = world.simulator.arrivals().into_iter().filter(|a| a.reference.is_some());
    let times: Vec<i64> = arrivals.map(|arrival| arrival.at_us).collect();
    let pauses_us = times.windows(2).map(|pair| pair[1] - pair[0]);
    let longest_ms = pauses_us.max().expect("some") / 1000;
    assert!(longest_ms < 200, "the lane stood still for {longest_ms} ms");
    let claimed = &world.notifications()[&busy.expect("a message")];
    assert_eq!((claimed.claim, claimed.attempt), (1, 1));
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
}

/// After a second the claim counts as failed. The message is claimed again later.
#[tokio::test(start_paused = true)]
async fn a_claim_that_stays_throttled_leaves_its_slot_to_the_messages_behind_it() {
    let world = world_with(|inner, world| {
        let (only, left) = (Some(middle(world)), AtomicUsize::new(60));
        Refusing { inner, status: Status::Sending, only, error: throttled, left }
    })
    .await;
    assert_eq!(drain(&world).await, 120);
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert!(world.notifications().values().all(|n| n.status == Status::Delivered));
}

#[tokio::test(start_paused = true)]
async fn a_drain_reports_its_end_once_everything_is_recorded() {
    let world = World::new(WorldSettings::default()).await;
    post(&world, 50).await;
    assert_eq!(drain(&world).await, 50);
    assert_eq!(open_drains(&world).await.len(), 0);
}

/// The sweeper then looks for the message that is still claimed.
#[tokio::test(start_paused = true)]
async fn a_drain_that_could_not_record_an_answer_does_not_report_its_end() {
    let world = world_with(|inner, _| {
        // A record is tried six times.
        let left = AtomicUsize::new(6 * 120);
        Refusing { inner, status: Status::Accepted, only: None, error: unavailable, left }
    })
    .await;
    drain(&world).await;
    let [open] = open_drains(&world).await[..] else { panic!("one open drain") };
    assert_eq!(open.fence, 1);
}
