//! A notification is created once, saved on conditions, and found by its status.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alimi::domain::agenda::{confirm_partition, due_partition, ready_partition};
use alimi::domain::{
    Event, Notification, NotificationId, Priority, Reason, ReceiptRecord, RequestKey, SequenceStep,
    Status, WindowClass, transition,
};
use alimi::ports::{Agenda, Created, Notifications, PortError, Saved};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault};

use super::fixture::{CHANNEL, Fixture, NOW_MS, SetClock, fixture, notification};

fn claimed(n: &Notification, fence: u64) -> Notification {
    let event = Event::Claimed { at_ms: NOW_MS, fence, confirm_within_ms: 1_800_000 };
    transition(n, &event).expect("a claim").notification
}

async fn ids(store: &DynamoStore, partition: &str) -> Vec<NotificationId> {
    let entries = store.entries(partition, None, None, 100).await.expect("entries");
    entries.into_iter().map(|entry| entry.id).collect()
}

#[tokio::test]
async fn a_notification_is_read_back_as_it_was_stored() {
    let Fixture { store, .. } = fixture();
    let mut n = claimed(&notification(0), 3);
    n.sequence_step = Some(SequenceStep {
        sequence: RequestKey { caller: "c", route: "r", idempotency_key: "k" }.sequence_id(),
        step: 0,
        steps: 2,
    });
    n.receipts.push(ReceiptRecord {
        attempt: 1,
        received_at_ms: NOW_MS,
        code: "7308".into(),
        medium: Some("KAT".into()),
    });
    n.reason = Some(Reason::Undelivered("7308".into()));
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    assert_eq!(store.load(&n.id).await.expect("read"), Some(n));
}

#[tokio::test]
async fn an_id_is_created_once() {
    let Fixture { store, .. } = fixture();
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    let other = Notification { template: "other".into(), ..n.clone() };
    assert_eq!(store.create(&other).await.expect("read"), Created::Existing(Box::new(n)));
}

#[tokio::test]
async fn of_fifty_concurrent_claims_one_wins() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);

    let start = Arc::new(tokio::sync::Barrier::new(50));
    let claims = (0..50).map(|fence| {
        let (store, start, mut claim) = (store.clone(), start.clone(), [claimed(&n, fence)]);
        tokio::spawn(async move {
            start.wait().await;
            (fence, store.save(&mut claim).await.expect("an answer"))
        })
    });
    let mut won = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        let (fence, saved) = claim.await.expect("no panic");
        if saved == Saved::Done {
            won.push(fence);
        }
    }
    assert_eq!(won.len(), 1, "won by {won:?}");
    let stored = store.load(&n.id).await.expect("read").expect("there");
    assert_eq!(stored.revision, 1);
    assert_eq!(stored.attempts[0].fence, won[0]);
}

#[tokio::test]
async fn a_save_whose_answer_is_lost_counts_as_done() {
    let Fixture { store, faults, .. } = fixture();
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    faults.add(DatabaseFault::AnswerLost);
    // The client repeats the write, and the condition fails because of the first write.
    let mut claim = [claimed(&n, 1)];
    assert_eq!(store.save(&mut claim).await.expect("an answer"), Saved::Done);
    // A claim of another sender differs in its fence.
    assert_eq!(store.save(&mut [claimed(&n, 2)]).await.expect("an answer"), Saved::Conflict);
}

#[tokio::test]
async fn a_delivery_and_the_release_of_the_next_step_are_one_write() {
    let Fixture { store, .. } = fixture();
    let first = notification(0);
    let next = Notification { status: Status::Blocked, ..notification(1) };
    assert_eq!(store.create(&first).await.expect("stored"), Created::New);
    assert_eq!(store.create(&next).await.expect("stored"), Created::New);

    let delivered = Notification { status: Status::Delivered, ..first.clone() };
    let released = Notification { status: Status::Queued, ..next.clone() };
    let stale = Notification { revision: 5, ..released.clone() };
    let refused = store.save(&mut [delivered.clone(), stale]).await.expect("an answer");
    assert_eq!(refused, Saved::Conflict);
    assert_eq!(store.load(&first.id).await.expect("read"), Some(first.clone()));

    let done = store.save(&mut [delivered, released]).await.expect("an answer");
    assert_eq!(done, Saved::Done);
    let statuses = [
        store.load(&first.id).await.expect("read").expect("there").status,
        store.load(&next.id).await.expect("read").expect("there").status,
    ];
    assert_eq!(statuses, [Status::Delivered, Status::Queued]);
}

#[tokio::test]
async fn a_sequence_is_stored_whole_or_not_at_all() {
    let Fixture { store, .. } = fixture();
    let steps = [notification(0), notification(1), notification(2)];
    assert_eq!(store.create(&steps[1]).await.expect("stored"), Created::New);
    assert_eq!(store.create_all(&steps).await.expect("an answer"), Saved::Conflict);
    assert_eq!(store.load(&steps[0].id).await.expect("read"), None);
}

#[tokio::test]
async fn the_queue_is_read_by_priority_then_age() {
    let Fixture { store, .. } = fixture();
    let wanted = [(0, 5), (0, 9), (1, 1), (600, 0), (10_000, 0)];
    for index in [3, 1, 4, 0, 2] {
        let (priority, age_ms) = wanted[index];
        let n = Notification {
            priority: Priority(priority),
            ready_at_ms: NOW_MS + age_ms,
            ..notification(index)
        };
        assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    }
    let expected: Vec<_> = (0..5).map(|index| notification(index).id).collect();
    assert_eq!(ids(&store, &ready_partition(CHANNEL, &WindowClass::EXEMPT)).await, expected);
}

#[tokio::test]
async fn the_indexes_follow_the_status() {
    let Fixture { store, .. } = fixture();
    let ready = ready_partition(CHANNEL, &WindowClass::EXEMPT);
    let (due, confirm) = (due_partition(CHANNEL), confirm_partition(CHANNEL));
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    assert_eq!(ids(&store, &ready).await, std::slice::from_ref(&n.id));

    let mut saved = [claimed(&n, 1)];
    assert_eq!(store.save(&mut saved).await.expect("saved"), Saved::Done);
    assert_eq!(ids(&store, &ready).await, []);
    assert_eq!(ids(&store, &confirm).await, std::slice::from_ref(&n.id));

    saved[0].status = Status::Deferred;
    assert_eq!(store.save(&mut saved).await.expect("saved"), Saved::Done);
    assert_eq!(ids(&store, &confirm).await, []);
    assert_eq!(ids(&store, &due).await, std::slice::from_ref(&n.id));

    saved[0].status = Status::Delivered;
    assert_eq!(store.save(&mut saved).await.expect("saved"), Saved::Done);
    assert_eq!(ids(&store, &due).await, []);
}

#[tokio::test]
async fn an_ended_notification_is_gone_after_its_retention_even_before_it_is_deleted() {
    let Fixture { store, clock, .. } = fixture();
    let n = Notification { status: Status::Delivered, ..notification(0) };
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    clock.0.store(NOW_MS + 29 * 86_400_000, Ordering::Relaxed);
    assert!(store.load(&n.id).await.expect("read").is_some());
    clock.0.store(NOW_MS + 31 * 86_400_000, Ordering::Relaxed);
    assert_eq!(store.load(&n.id).await.expect("read"), None);
    assert_eq!(store.create(&notification(0)).await.expect("stored"), Created::New);

    // A notification that has not ended has no retention.
    clock.0.store(NOW_MS + 400 * 86_400_000, Ordering::Relaxed);
    assert!(store.load(&n.id).await.expect("read").is_some());
}

#[tokio::test]
async fn an_outage_is_reported_as_unavailable() {
    let Fixture { store, faults, .. } = fixture();
    for _ in 0..10 {
        faults.add(DatabaseFault::Refused);
    }
    let error = store.load(&notification(0).id).await.expect_err("an outage");
    assert!(matches!(error, PortError::Unavailable { .. }), "{error}");
}
