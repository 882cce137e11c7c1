//! A notification is found by its status, by its group, and while it needs a person.

use alimi::domain::agenda::{confirm_partition, due_partition, ready_partition};
use alimi::domain::{
    Group, Notification, NotificationId, Priority, Reason, RunKey, Status, WindowClass,
};
use alimi::ports::{Agenda, Created, Notifications, Saved};
use alimi::store::DynamoStore;

use super::fixture::{CHANNEL, Fixture, NOW_MS, claimed, fixture, notification};
use super::raw;

async fn ids(store: &DynamoStore, partition: &str) -> Vec<NotificationId> {
    let entries = store.entries(partition, None, None, 100).await.expect("entries");
    entries.into_iter().map(|entry| entry.id).collect()
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
async fn a_group_lists_its_notifications_by_the_time_of_their_creation() {
    let Fixture { store, client, .. } = fixture();
    let at = "2026-03-02T01:00:00Z".parse().expect("a time");
    let run = Group::run(&RunKey::new("daily", at));
    let tag = Group::tag("shop", "order 7");
    for (index, group, age_ms) in
        [(0, Some(&tag), 2), (1, Some(&run), 0), (2, Some(&tag), 1), (3, None, 0)]
    {
        let n = Notification {
            group: group.cloned(),
            created_at_ms: NOW_MS - age_ms,
            ..notification(index)
        };
        assert_eq!(store.create(&n).await.expect("stored"), Created::New);
        assert_eq!(store.load(&n.id).await.expect("read"), Some(n));
    }
    for (group, expected) in [(&tag, vec![(0, 2), (2, 1)]), (&run, vec![(1, 0)])] {
        let listed = raw::entries(&client, "groups", "group_pk", group.as_str()).await;
        let listed: Vec<_> = listed.iter().map(|entry| entry["group_sk"].clone()).collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(index, age_ms)| {
                raw::text(&format!("{:013}#{}", NOW_MS - age_ms, notification(index).id))
            })
            .collect();
        assert_eq!(listed, expected, "{group}");
    }
    let grouped = raw::get(&client, notification(0).id.as_str()).await.expect("an item");
    assert!(!grouped.contains_key("group"), "the group is stored once, as the index's key");
    let alone = raw::get(&client, notification(3).id.as_str()).await.expect("an item");
    assert!(!alone.contains_key("group_pk") && !alone.contains_key("group_sk"));
}

#[tokio::test]
async fn an_entry_of_the_exceptions_says_what_is_wrong_with_which_template() {
    let Fixture { store, client, .. } = fixture();
    let failed = Notification {
        status: Status::Failed,
        reason: Some(Reason::Undelivered("7308".into())),
        ..notification(0)
    };
    let contradicted = Notification {
        status: Status::Delivered,
        is_contradicted: true,
        status_since_ms: NOW_MS + 1,
        ..notification(1)
    };
    let delivered = Notification { status: Status::Delivered, ..notification(2) };
    let cancelled = Notification {
        status: Status::Cancelled,
        reason: Some(Reason::PredecessorStopped),
        ..notification(3)
    };
    for n in [&failed, &contradicted, &delivered, &cancelled] {
        assert_eq!(store.create(n).await.expect("stored"), Created::New);
    }
    let exceptions = raw::entries(&client, "exceptions", "exception_pk", CHANNEL).await;
    let shown: Vec<_> = exceptions
        .iter()
        .map(|entry| ["status", "reason_name", "template"].map(|name| entry.get(name).cloned()))
        .collect();
    let text = |value| Some(raw::text(value));
    let expected =
        [[text("failed"), text("undelivered"), text("t")], [text("delivered"), None, text("t")]];
    assert_eq!(shown, expected);
    // Neither the recipient nor the variables.
    assert!(exceptions.iter().all(|entry| !entry.contains_key("to")));

    // Sent again, it needs nobody any more.
    let mut queued = [Notification { status: Status::Queued, reason: None, ..failed }];
    assert_eq!(store.save(&mut queued).await.expect("saved"), Saved::Done);
    let item = raw::get(&client, queued[0].id.as_str()).await.expect("an item");
    assert!(!item.contains_key("reason_name") && !item.contains_key("exception_pk"));
}
