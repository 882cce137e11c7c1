//! Reads of the agenda: from the front, from the end, and past entries that cannot be read.

use std::collections::HashMap;

use alimi::domain::agenda::{agenda_key, ready_partition};
use alimi::domain::{Notification, NotificationId, WindowClass};
use alimi::ports::{Agenda, Created, Notifications};
use alimi::store::DynamoStore;
use aws_sdk_dynamodb::Client;

use super::fixture::{CHANNEL, Fixture, NOW_MS, fixture, notification};
use super::raw::{self, text};

/// Messages that became ready one after another.
async fn store_messages(store: &DynamoStore, count: usize) -> Vec<Notification> {
    let mut stored = Vec::new();
    for index in 0..count {
        let ready_at_ms = NOW_MS + 10 * i64::try_from(index).expect("a small number");
        let message = Notification { ready_at_ms, ..notification(index) };
        assert_eq!(store.create(&message).await.expect("stored"), Created::New);
        stored.push(message);
    }
    stored
}

/// Puts an entry just before that of a message. It has no id that this version of the code knows.
async fn put_unreadable_before(client: &Client, message: &Notification, name: &str) {
    let key = agenda_key(message).expect("it is queued");
    let sort = key.sort.replace(&NOW_MS.to_string(), &(NOW_MS - 5).to_string());
    let sort = sort.replace(message.id.as_str(), name);
    let row = HashMap::from([
        ("id".to_owned(), text(name)),
        ("agenda_pk".to_owned(), text(&key.partition)),
        ("agenda_sk".to_owned(), text(&sort)),
    ]);
    raw::put(client, row).await;
}

fn ids(messages: &[Notification]) -> Vec<NotificationId> {
    messages.iter().map(|message| message.id.clone()).collect()
}

#[tokio::test]
async fn the_last_entries_come_from_the_end_of_the_partition() {
    let Fixture { store, .. } = fixture();
    let messages = store_messages(&store, 5).await;
    let partition = ready_partition(CHANNEL, &WindowClass::EXEMPT);
    let last = store.last_entries(&partition, 2).await.expect("entries");
    let last: Vec<_> = last.into_iter().map(|entry| entry.id).collect();
    assert_eq!(last, [messages[4].id.clone(), messages[3].id.clone()]);
    let all = store.last_entries(&partition, 100).await.expect("entries");
    assert_eq!(all.len(), 5);
    assert_eq!(store.last_entries("another#ready#-", 1).await.expect("entries"), []);
}

#[tokio::test]
async fn entries_that_cannot_be_read_hide_none_behind_them() {
    let Fixture { store, client, .. } = fixture();
    let messages = store_messages(&store, 3).await;
    for name in ["x", "y", "no-id-of-this-version"] {
        put_unreadable_before(&client, &messages[0], name).await;
    }
    let partition = ready_partition(CHANNEL, &WindowClass::EXEMPT);
    let read = async |limit: usize| {
        let entries = store.entries(&partition, None, None, limit).await.expect("entries");
        entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
    };
    for limit in 1..=3 {
        assert_eq!(read(limit).await, ids(&messages[..limit]), "{limit}");
    }
    assert_eq!(read(100).await, ids(&messages));
    let last = store.last_entries(&partition, 100).await.expect("entries");
    assert_eq!(last.len(), 3);
}

#[tokio::test]
async fn entries_before_a_key_are_counted_up_to_a_limit() {
    let Fixture { store, .. } = fixture();
    let messages = store_messages(&store, 7).await;
    let partition = ready_partition(CHANNEL, &WindowClass::EXEMPT);
    for (index, message) in messages.iter().enumerate() {
        let before = agenda_key(message).expect("it is queued").sort;
        let count = async |limit| store.count_before(&partition, &before, limit).await;
        assert_eq!(count(100).await.expect("counted"), index);
        assert_eq!(count(3).await.expect("counted"), index.min(3));
    }
    let none = store.count_before("another#ready#-", "~", 100).await.expect("counted");
    assert_eq!(none, 0);
}
