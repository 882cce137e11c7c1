//! The row under the id of a request's first notification tells which request has the key. A
//! placeholder is such a row without being a notification.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use alimi::domain::{Notification, Status};
use alimi::ports::{Created, Notifications, PortError, Requests, Saved};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault};

use super::fixture::{CHANNEL, Fixture, KEY, NOW_MS, SetClock, fixture, notification};
use super::raw;

const DAY_MS: i64 = 86_400_000;

fn of_another_request() -> Notification {
    Notification { request_digest: "other".into(), ..notification(0) }
}

#[tokio::test]
async fn a_notification_tells_the_digest_of_its_request() {
    let Fixture { store, .. } = fixture();
    let n = notification(0);
    assert_eq!(store.digest_of(&n.id).await.expect("read"), None);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    assert_eq!(store.digest_of(&n.id).await.expect("read").as_deref(), Some("digest"));
    assert_eq!(store.hold_place(&n.id, "digest").await.expect("an answer"), Saved::Done);
    assert_eq!(store.hold_place(&n.id, "other").await.expect("an answer"), Saved::Conflict);
    assert_eq!(store.load(&n.id).await.expect("read"), Some(n), "it is still there");
}

#[tokio::test]
async fn only_the_request_that_holds_a_place_can_fill_it() {
    let Fixture { store, .. } = fixture();
    let n = notification(0);
    for _ in 0..2 {
        assert_eq!(store.hold_place(&n.id, "digest").await.expect("an answer"), Saved::Done);
    }
    assert_eq!(store.hold_place(&n.id, "other").await.expect("an answer"), Saved::Conflict);
    assert_eq!(store.digest_of(&n.id).await.expect("read").as_deref(), Some("digest"));
    let other = store.create(&of_another_request()).await.expect("an answer");
    assert_eq!(other, Created::OtherRequest);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    let again = store.create(&n).await.expect("an answer");
    assert_eq!(again, Created::Existing(Box::new(n)));
}

#[tokio::test]
async fn a_placeholder_is_no_notification_and_no_index_lists_it() {
    let Fixture { store, client, .. } = fixture();
    let id = KEY.notification_id(0);
    assert_eq!(store.hold_place(&id, "digest").await.expect("an answer"), Saved::Done);
    assert_eq!(store.load(&id).await.expect("read"), None);
    let mut late = [Notification { status: Status::Cancelled, ..notification(0) }];
    assert_eq!(store.save(&mut late).await.expect("an answer"), Saved::Conflict);

    let row = raw::get(&client, id.as_str()).await.expect("a row");
    let mut names: Vec<_> = row.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["id", "kind", "request_digest", "ttl"]);
    for (index, key, partition) in [
        ("agenda", "agenda_pk", format!("{CHANNEL}#ready#-")),
        ("exceptions", "exception_pk", CHANNEL.to_owned()),
        ("history", "history_pk", "u".to_owned()),
    ] {
        assert!(raw::entries(&client, index, key, &partition).await.is_empty(), "{index}");
    }
}

/// The other messages of its request may wait for a year, and are kept after their end.
#[tokio::test]
async fn a_placeholder_is_kept_for_three_years() {
    let Fixture { store, clock, .. } = fixture();
    let id = KEY.notification_id(0);
    assert_eq!(store.hold_place(&id, "digest").await.expect("an answer"), Saved::Done);
    clock.0.store(NOW_MS + 1_096 * DAY_MS, Ordering::Relaxed);
    assert_eq!(store.digest_of(&id).await.expect("read").as_deref(), Some("digest"));
    assert_eq!(store.hold_place(&id, "other").await.expect("an answer"), Saved::Conflict);
    clock.0.store(NOW_MS + 1_097 * DAY_MS, Ordering::Relaxed);
    assert_eq!(store.digest_of(&id).await.expect("read"), None);
    assert_eq!(store.create(&of_another_request()).await.expect("stored"), Created::New);
}

/// The client repeats the write, and meets its own placeholder.
#[tokio::test]
async fn a_place_is_held_although_the_answer_was_lost() {
    let Fixture { store, faults, .. } = fixture();
    faults.add(DatabaseFault::AnswerLost);
    let held = store.hold_place(&KEY.notification_id(0), "digest").await;
    assert_eq!(held.expect("an answer"), Saved::Done);
}

#[tokio::test]
async fn a_row_without_a_digest_is_an_error() {
    let Fixture { store, client, .. } = fixture();
    let id = KEY.notification_id(0);
    let broken = raw::Item::from([("id".to_owned(), raw::text(id.as_str()))]);
    raw::put(&client, broken).await;
    let error = store.digest_of(&id).await.expect_err("unusable");
    assert!(matches!(error, PortError::Unusable { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_requests_that_race_for_one_id_one_wins() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    for round in 0..30 {
        let requests = (0..8).map(|n| {
            let store = store.clone();
            let first =
                Notification { request_digest: format!("digest-{n}"), ..notification(round) };
            tokio::spawn(async move {
                // Half of the requests begin with an invalid item.
                if n % 2 == 0 {
                    store.create(&first).await.expect("an answer") == Created::New
                } else {
                    let held = store.hold_place(&first.id, &first.request_digest).await;
                    held.expect("an answer") == Saved::Done
                }
            })
        });
        let mut won = 0;
        for request in requests.collect::<Vec<_>>() {
            won += usize::from(request.await.expect("no panic"));
        }
        assert_eq!(won, 1, "round {round}");
    }
}
