//! The whole notifications table, page by page.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use alimi::domain::{Notification, Status};
use alimi::ports::{Created, NotificationPage, NotificationPages, Notifications, Requests, Saved};
use alimi::store::DynamoStore;

use super::fixture::{Fixture, KEY, NOW_MS, fixture, notification};
use super::raw;

const SEQUENCE: &str = include_str!("fixtures/sequence_v1.json");
const V1: &str = include_str!("fixtures/notification_v1.json");

async fn store_some(store: &DynamoStore, count: usize) {
    for index in 0..count {
        let created = store.create(&notification(index)).await.expect("stored");
        assert_eq!(created, Created::New);
    }
}

/// All pages of a table, and how many there are.
async fn read_all(store: &DynamoStore, limit: usize) -> (NotificationPage, usize) {
    let mut all = NotificationPage::default();
    let mut pages = 0;
    loop {
        let page = store.notification_page(all.next.as_deref(), limit).await.expect("a page");
        assert!(page.notifications.len() + page.unreadable <= limit);
        all.notifications.extend(page.notifications);
        all.unreadable += page.unreadable;
        all.next = page.next;
        pages += 1;
        if all.next.is_none() {
            return (all, pages);
        }
    }
}

fn ids(page: &NotificationPage) -> BTreeSet<&str> {
    page.notifications.iter().map(|found| found.id.as_str()).collect()
}

#[tokio::test]
async fn every_notification_is_in_one_page() {
    let Fixture { store, .. } = fixture();
    assert_eq!(read_all(&store, 3).await, (NotificationPage::default(), 1));
    store_some(&store, 7).await;
    for limit in [1, 2, 3, 100] {
        let (all, pages) = read_all(&store, limit).await;
        assert_eq!((all.notifications.len(), ids(&all).len()), (7, 7), "{limit}");
        assert!(pages >= 7_usize.div_ceil(limit), "{pages} pages of {limit}");
    }
    let (all, _) = read_all(&store, 100).await;
    let first = notification(0);
    assert!(all.notifications.contains(&first), "a notification is read as it is stored");
}

#[tokio::test]
async fn rows_of_other_kinds_are_left_out() {
    let Fixture { store, client, .. } = fixture();
    store_some(&store, 2).await;
    raw::put(&client, raw::parse(SEQUENCE)).await;
    let held = store.hold_place(&KEY.notification_id(9), "digest").await.expect("an answer");
    assert_eq!(held, Saved::Done);
    for limit in [1, 100] {
        let (all, _) = read_all(&store, limit).await;
        assert_eq!((ids(&all).len(), all.unreadable), (2, 0), "{limit}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_counted_and_hides_no_other() {
    let Fixture { store, client, .. } = fixture();
    store_some(&store, 3).await;
    let mut damaged = raw::parse(V1);
    damaged.remove("status");
    raw::put(&client, damaged).await;
    for limit in [1, 100] {
        let (all, _) = read_all(&store, limit).await;
        assert_eq!((ids(&all).len(), all.unreadable), (3, 1), "{limit}");
    }
}

#[tokio::test]
async fn a_row_past_its_retention_is_left_out() {
    let Fixture { store, clock, .. } = fixture();
    store_some(&store, 2).await;
    let mut ended = [Notification { status: Status::Cancelled, ..notification(0) }];
    assert_eq!(store.save(&mut ended).await.expect("an answer"), Saved::Done);
    assert_eq!(ids(&read_all(&store, 100).await.0).len(), 2);
    clock.0.store(NOW_MS + 31 * 86_400_000, Ordering::Relaxed);
    assert_eq!(ids(&read_all(&store, 100).await.0).len(), 1);
}
