//! A sequence is stored with its notifications, all or none, and is no notification itself.

use std::sync::atomic::Ordering;

use alimi::domain::sequence::{After, OnFailure, OnUnconfirmed, Step};
use alimi::domain::{Notification, Sequence, SequenceStep, Status, UnknownAttributes};
use alimi::ports::{Created, Notifications, PortError, Saved, Sequences};

use super::fixture::{Fixture, KEY, NOW_MS, fixture, notification};
use super::raw;

/// A sequence of steps with one notification each.
fn steps(count: u8) -> (Sequence, Vec<Notification>) {
    let id = KEY.sequence_id();
    let notifications: Vec<_> = (0..count)
        .map(|step| Notification {
            id: id.notification_id(step, 0),
            status: if step == 0 { Status::Queued } else { Status::Blocked },
            sequence_step: Some(SequenceStep {
                sequence: id.clone(),
                step,
                steps: count,
                is_gate: true,
                is_planned: false,
            }),
            ..notification(0)
        })
        .collect();
    let steps = notifications.iter().map(|n| Step {
        after: After::Delivered,
        delay_ms: 600_000,
        notifications: vec![n.id.clone()],
        gate: 0,
    });
    let sequence = Sequence {
        id,
        schema: Sequence::SCHEMA,
        request_digest: "digest".into(),
        owner: "shop".into(),
        on_failure: OnFailure::Continue,
        on_unconfirmed: OnUnconfirmed::Wait,
        steps: steps.collect(),
        created_at_ms: NOW_MS,
        unknown: UnknownAttributes::default(),
    };
    (sequence, notifications)
}

#[tokio::test]
async fn a_sequence_of_ninety_notifications_is_read_back_as_it_was_stored() {
    let Fixture { store, .. } = fixture();
    let (sequence, notifications) = steps(90);
    let created = store.create_sequence(&sequence, &notifications).await.expect("an answer");
    assert_eq!(created, Saved::Done);
    let again = store.create_sequence(&sequence, &notifications).await.expect("an answer");
    assert_eq!(again, Saved::Conflict);
    assert_eq!(store.sequence(&sequence.id).await.expect("read"), Some(sequence));
    for n in notifications {
        assert_eq!(store.load(&n.id).await.expect("read"), Some(n));
    }
}

#[tokio::test]
async fn a_sequence_is_stored_whole_or_not_at_all() {
    let Fixture { store, .. } = fixture();
    let (sequence, notifications) = steps(3);
    assert_eq!(store.create(&notifications[1]).await.expect("stored"), Created::New);
    let created = store.create_sequence(&sequence, &notifications).await.expect("an answer");
    assert_eq!(created, Saved::Conflict);
    assert_eq!(store.sequence(&sequence.id).await.expect("read"), None);
    assert_eq!(store.load(&notifications[0].id).await.expect("read"), None);

    let Fixture { store, .. } = fixture();
    let empty = Sequence { steps: vec![], ..sequence.clone() };
    let created = store.create_sequence(&empty, &[]).await.expect("an answer");
    assert_eq!(created, Saved::Done);
    let created = store.create_sequence(&sequence, &notifications).await.expect("an answer");
    assert_eq!(created, Saved::Conflict, "the sequence's own id is taken");
    assert_eq!(store.sequence(&sequence.id).await.expect("read"), Some(empty));
    assert_eq!(store.load(&notifications[0].id).await.expect("read"), None);
}

#[tokio::test]
async fn a_sequence_is_not_taken_for_a_notification_nor_the_other_way_round() {
    let Fixture { store, client, .. } = fixture();
    let (sequence, notifications) = steps(1);
    let created = store.create_sequence(&sequence, &notifications).await.expect("an answer");
    assert_eq!(created, Saved::Done);
    let as_notification = sequence.id.as_str().parse().expect("an id");
    assert_eq!(store.load(&as_notification).await.expect("read"), None);
    let as_sequence = notifications[0].id.as_str().parse().expect("an id");
    assert_eq!(store.sequence(&as_sequence).await.expect("read"), None);
    let item = raw::get(&client, sequence.id.as_str()).await.expect("an item");
    assert_eq!(item["kind"], raw::text("sequence"));

    // Nothing overwrites the sequence.
    let mut intruder = Notification { id: as_notification, ..notification(0) };
    let error = store.create(&intruder).await.expect_err("the id is taken");
    assert!(matches!(error, PortError::Unusable { .. }), "{error}");
    let saved = store.save(std::slice::from_mut(&mut intruder)).await.expect("an answer");
    assert_eq!(saved, Saved::Conflict);
    assert_eq!(store.sequence(&sequence.id).await.expect("read"), Some(sequence));
}

#[tokio::test]
async fn a_sequence_is_kept_for_three_years() {
    let Fixture { store, clock, .. } = fixture();
    let (sequence, _) = steps(1);
    let created = store.create_sequence(&sequence, &[]).await.expect("an answer");
    assert_eq!(created, Saved::Done);
    let kept_ms = 1_096 * 86_400_000;
    clock.0.store(NOW_MS + kept_ms, Ordering::Relaxed);
    assert!(store.sequence(&sequence.id).await.expect("read").is_some());
    clock.0.store(NOW_MS + kept_ms + 1000, Ordering::Relaxed);
    assert_eq!(store.sequence(&sequence.id).await.expect("read"), None);
}
