//! A notification is created once and saved on conditions.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use alimi::domain::{Group, Notification, Reason, ReceiptRecord, SequenceStep, Status};
use alimi::ports::{Created, Notifications, PortError, Saved};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault};
use serde_json::json;

use super::fixture::{Fixture, KEY, NOW_MS, SetClock, claimed, fixture, notification};

#[tokio::test]
async fn a_notification_is_read_back_as_it_was_stored() {
    let Fixture { store, .. } = fixture();
    let mut n = claimed(&notification(0), 3);
    n.sequence_step = Some(SequenceStep {
        sequence: KEY.sequence_id(),
        step: 0,
        steps: 2,
        is_gate: true,
        is_planned: false,
    });
    n.receipts.push(ReceiptRecord {
        attempt: 1,
        received_at_ms: NOW_MS,
        code: "7308".into(),
        medium: Some("KAT".into()),
    });
    n.reason = Some(Reason::Undelivered("7308".into()));
    n.group = Some(Group::tag("shop", "order 7"));
    n.tag = Some("order 7".into());
    // A number and a depth that JSON allows and DynamoDB does not.
    let mut deep = json!({ "large": 1e300, "whole": 2.0, "empty": [{}, "", null] });
    for _ in 0..40 {
        deep = json!([deep]);
    }
    n.data = json!({ "deep": deep }).as_object().cloned();
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
async fn an_overload_is_reported_as_throttling() {
    let Fixture { store, faults, .. } = fixture();
    for _ in 0..10 {
        faults.add(DatabaseFault::Refused);
    }
    let error = store.load(&notification(0).id).await.expect_err("an overload");
    assert!(matches!(error, PortError::Throttled { .. }), "{error}");
}
