//! An owner's notifications are listed by recipient and by group, page by page, and many are read at
//! once.

use alimi::domain::{Group, ListedBy, Notification, NotificationId, RecipientRef, Status};
use alimi::ports::{Created, NotificationBatches, NotificationLists, Notifications};
use alimi::store::DynamoStore;

use super::fixture::{Fixture, KEY, NOW_MS, fixture, notification};
use super::raw;

/// Stores notifications to one recipient, each 1 ms after the one before.
async fn store(store: &DynamoStore, recipient: &str, owners: &[&str]) {
    for (index, owner) in owners.iter().enumerate() {
        let at_ms = i64::try_from(index).expect("a small number");
        let n = Notification {
            owner: (*owner).to_owned(),
            recipient: RecipientRef { id: recipient.into(), timezone: None },
            created_at_ms: NOW_MS + at_ms,
            ..notification(index)
        };
        assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    }
}

/// The indexes of the notifications of all pages, and how many pages there were.
async fn pages(
    store: &DynamoStore,
    by: &ListedBy,
    owner: &str,
    limit: usize,
) -> (Vec<Vec<NotificationId>>, usize) {
    let (mut pages, mut read, mut after) = (vec![], 0, None);
    loop {
        let page = store.list_page(by, owner, after.as_deref(), limit).await.expect("a page");
        pages.push(page.entries.into_iter().map(|entry| entry.id).collect());
        read += 1;
        after = page.next;
        if after.is_none() || read > 100 {
            return (pages, read);
        }
    }
}

fn ids(indexes: &[usize]) -> Vec<NotificationId> {
    indexes.iter().map(|index| KEY.notification_id(*index)).collect()
}

#[tokio::test]
async fn a_recipients_notifications_are_listed_by_age_and_page_by_page() {
    let Fixture { store: database, .. } = fixture();
    store(&database, "u 1", &["shop"; 5]).await;
    let by = ListedBy::Recipient("u 1".into());
    let expected = vec![ids(&[4, 3]), ids(&[2, 1]), ids(&[0])];
    assert_eq!(pages(&database, &by, "shop", 2).await, (expected, 3));
    // A last page that is full is known to be the last one.
    let expected = vec![ids(&[4, 3, 2, 1, 0])];
    assert_eq!(pages(&database, &by, "shop", 5).await, (expected, 1));
    let other = ListedBy::Recipient("u".into());
    assert_eq!(pages(&database, &other, "shop", 5).await, (vec![vec![]], 1));
}

#[tokio::test]
async fn a_page_is_filled_although_other_owners_notifications_lie_between() {
    let Fixture { store: database, .. } = fixture();
    let owners = ["shop", "bank", "bank", "shop", "bank", "shop", "bank", "bank"];
    store(&database, "u", &owners).await;
    let by = ListedBy::Recipient("u".into());
    let (found, _) = pages(&database, &by, "shop", 2).await;
    assert_eq!(found[0], ids(&[5, 3]));
    assert_eq!(found.concat(), ids(&[5, 3, 0]));
    let (found, _) = pages(&database, &by, "bank", 100).await;
    assert_eq!(found, [ids(&[7, 6, 4, 2, 1])]);
    assert_eq!(pages(&database, &by, "nobody", 1).await.0.concat(), ids(&[]));
}

/// A page reads about 1,000 entries of the index at most.
#[tokio::test]
async fn a_page_between_very_many_notifications_of_another_owner_is_empty_and_names_the_next() {
    let Fixture { store: database, client, .. } = fixture();
    let mut owners = vec!["bank"; 2];
    owners[0] = "shop";
    store(&database, "u", &owners).await;
    let row = raw::get(&client, KEY.notification_id(1).as_str()).await.expect("a row");
    for index in 2..1_200 {
        let mut row = row.clone();
        let id = KEY.notification_id(index);
        row.insert("id".into(), raw::text(id.as_str()));
        let sort = format!("{:013}#{id}", NOW_MS + i64::try_from(index).expect("a number"));
        row.insert("history_sk".into(), raw::text(&sort));
        raw::put(&client, row).await;
    }
    let by = ListedBy::Recipient("u".into());
    let (found, read) = pages(&database, &by, "shop", 10).await;
    assert_eq!((found, read), (vec![vec![], ids(&[0])], 2));
}

#[tokio::test]
async fn a_group_lists_the_notifications_of_one_owner() {
    let Fixture { store: database, .. } = fixture();
    let event = Group::event("order-7");
    for (index, owner, group) in [
        (0, "shop", Some(&event)),
        (1, "bank", Some(&event)),
        (2, "shop", None),
        (3, "shop", Some(&event)),
    ] {
        let n = Notification {
            owner: owner.into(),
            group: group.cloned(),
            created_at_ms: NOW_MS + i64::try_from(index).expect("a number"),
            ..notification(index)
        };
        assert_eq!(database.create(&n).await.expect("stored"), Created::New);
    }
    let by = ListedBy::Group(event);
    assert_eq!(pages(&database, &by, "shop", 1).await.0.concat(), ids(&[3, 0]));
    assert_eq!(pages(&database, &by, "bank", 9).await.0, [ids(&[1])]);
}

#[tokio::test]
async fn many_notifications_are_read_at_once_without_those_that_are_gone_or_cannot_be_read() {
    let Fixture { store: database, client, .. } = fixture();
    store(&database, "u", &["shop"; 103]).await;
    let over = Notification {
        status: Status::Delivered,
        status_since_ms: NOW_MS - 31 * 86_400_000,
        ..notification(200)
    };
    assert_eq!(database.create(&over).await.expect("stored"), Created::New);
    let mut newer = raw::get(&client, KEY.notification_id(1).as_str()).await.expect("a row");
    newer.insert("status".into(), raw::text("paraphrased"));
    raw::put(&client, newer).await;
    // One is asked for twice, one is past its retention, and one was never stored.
    let mut wanted: Vec<usize> = (0..103).collect();
    wanted.extend([0, 200, 300]);
    let found = database.load_all(&ids(&wanted)).await.expect("read");
    assert_eq!(found.len(), 102);
    assert!(!found.contains_key(&KEY.notification_id(1)));
    assert!(found.contains_key(&KEY.notification_id(102)));
    assert_eq!(found[&KEY.notification_id(0)], notification(0));
    assert!(database.load_all(&[]).await.expect("read").is_empty());
}
