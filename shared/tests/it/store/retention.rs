//! An ended notification is kept for as long as its end asks for.

use std::sync::atomic::Ordering;

use alimi::domain::{Notification, Reason, Status};
use alimi::ports::{Created, Notifications};
use alimi::store::{DynamoStore, Retention};

use super::fixture::{Fixture, NOW_MS, fixture, notification};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn an_ended_notification_is_gone_after_its_retention_even_before_it_is_deleted() {
    let Fixture { store, clock, .. } = fixture();
    let n = Notification { status: Status::Delivered, ..notification(0) };
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    clock.0.store(NOW_MS + 29 * DAY_MS, Ordering::Relaxed);
    assert!(store.load(&n.id).await.expect("read").is_some());
    clock.0.store(NOW_MS + 31 * DAY_MS, Ordering::Relaxed);
    assert_eq!(store.load(&n.id).await.expect("read"), None);
    assert_eq!(store.create(&notification(0)).await.expect("stored"), Created::New);

    // A notification that has not ended has no retention.
    clock.0.store(NOW_MS + 400 * DAY_MS, Ordering::Relaxed);
    assert!(store.load(&n.id).await.expect("read").is_some());
}

#[tokio::test]
async fn exceptions_are_kept_longer_than_what_ended_as_asked_for() {
    let Fixture { store, clock, .. } = fixture();
    let other = Retention { ended_days: 2, exception_days: 3, ..Retention::default() };
    let other = DynamoStore::clone(&store).with_retention(other);
    let code = || "7308".to_owned();
    let cases = [
        (Status::Delivered, None, false, Some((30, 2))),
        (Status::Cancelled, Some(Reason::Requested), false, Some((30, 2))),
        (Status::Cancelled, Some(Reason::NotNeeded), false, Some((30, 2))),
        (Status::Cancelled, Some(Reason::PredecessorStopped), false, Some((180, 3))),
        (Status::Delivered, None, true, Some((180, 3))),
        (Status::Failed, Some(Reason::Rejected(code())), false, Some((180, 3))),
        (Status::Expired, Some(Reason::Expired), false, Some((180, 3))),
        (Status::Unknown, Some(Reason::SenderLost), false, None),
        (Status::Unconfirmed, Some(Reason::Inconclusive(code())), false, None),
        (Status::Accepted, None, false, None),
        (Status::Blocked, None, false, None),
    ];
    let mut index = 0;
    for (status, reason, is_contradicted, days) in cases {
        let retentions = [(&*store, days.map(|days| days.0)), (&other, days.map(|days| days.1))];
        for (store, days) in retentions {
            index += 1;
            clock.0.store(NOW_MS, Ordering::Relaxed);
            let n = Notification {
                status,
                reason: reason.clone(),
                is_contradicted,
                ..notification(index)
            };
            assert_eq!(store.create(&n).await.expect("stored"), Created::New);
            let kept_ms = days.unwrap_or(4000) * DAY_MS;
            clock.0.store(NOW_MS + kept_ms, Ordering::Relaxed);
            assert!(store.load(&n.id).await.expect("read").is_some(), "{status:?} {reason:?}");
            clock.0.store(NOW_MS + kept_ms + 1000, Ordering::Relaxed);
            let is_kept = store.load(&n.id).await.expect("read").is_some();
            assert_eq!(is_kept, days.is_none(), "{status:?} {reason:?} {is_contradicted}");
        }
    }
}
