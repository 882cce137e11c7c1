//! A document changes only from the expected revision, and its history keeps every revision.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use alimi::domain::HoursConfig;
use alimi::ports::{Catalog, Changed, Document, Documents, Expected, Kind};
use alimi::store::DynamoStore;
use alimi_local::aws::embedded::{self, DatabaseFault};
use serde_json::{Value, json};

use super::fixture::{Fixture, NOW_MS, SetClock, fixture};

fn document(body: Option<Value>) -> Document {
    Document {
        name: "daily".into(),
        revision: 0,
        body,
        changed_by: "kim".into(),
        changed_at_ms: NOW_MS,
    }
}

/// Stores the document of the schedule `daily` with this body.
async fn put(store: &DynamoStore, body: Value, expected: Expected) -> Changed {
    let document = document(Some(body));
    store.put_document(Kind::Schedule, &document, expected).await.expect("an answer")
}

async fn delete(store: &DynamoStore, expected: Expected) -> Changed {
    let deleted = store.delete_document(Kind::Schedule, "daily", expected, "lee", NOW_MS + 1).await;
    deleted.expect("an answer")
}

#[tokio::test]
async fn a_document_is_read_back_whole_and_only_within_its_kind() {
    let Fixture { store, .. } = fixture();
    let body = json!({
        "text": "하나", "number": 7, "no": null, "list": [true, { "deep": [] }], "object": {},
    });
    assert_eq!(put(&store, body.clone(), Expected::Absent).await, Changed::Done(1));
    let read = store.document(Kind::Schedule, "daily").await.expect("read");
    let stored = Document { revision: 1, ..document(Some(body)) };
    assert_eq!(read.as_ref(), Some(&stored));
    assert_eq!(store.documents(Kind::Schedule, None, 10).await.expect("read"), [stored]);
    for kind in [Kind::Channel, Kind::Template, Kind::Audience, Kind::Hours, Kind::Producer] {
        assert_eq!(store.document(kind, "daily").await.expect("read"), None);
        assert_eq!(store.documents(kind, None, 10).await.expect("read"), []);
        assert_eq!(store.history(kind, "daily", 10).await.expect("read"), []);
    }
}

#[tokio::test]
async fn a_document_changes_only_from_the_expected_revision() {
    let Fixture { store, .. } = fixture();
    assert_eq!(put(&store, json!({}), Expected::Revision(1)).await, Changed::Conflict(None));
    assert_eq!(delete(&store, Expected::Any).await, Changed::Conflict(None));
    assert_eq!(put(&store, json!({}), Expected::Absent).await, Changed::Done(1));
    assert_eq!(put(&store, json!({}), Expected::Absent).await, Changed::Conflict(Some(1)));
    assert_eq!(put(&store, json!({}), Expected::Revision(1)).await, Changed::Done(2));
    assert_eq!(put(&store, json!({}), Expected::Revision(1)).await, Changed::Conflict(Some(2)));
    assert_eq!(delete(&store, Expected::Revision(1)).await, Changed::Conflict(Some(2)));
    assert_eq!(put(&store, json!({}), Expected::Any).await, Changed::Done(3));
    assert!(store.put_document(Kind::Schedule, &document(None), Expected::Any).await.is_err());
    assert_eq!(store.history(Kind::Schedule, "daily", 10).await.expect("read").len(), 3);
}

#[tokio::test]
async fn a_revision_is_never_used_twice_even_after_a_deletion() {
    let Fixture { store, .. } = fixture();
    assert_eq!(put(&store, json!({ "n": 1 }), Expected::Absent).await, Changed::Done(1));
    assert_eq!(delete(&store, Expected::Revision(1)).await, Changed::Done(2));
    assert_eq!(store.document(Kind::Schedule, "daily").await.expect("read"), None);
    assert_eq!(put(&store, json!({ "n": 3 }), Expected::Absent).await, Changed::Done(3));
    let history = store.history(Kind::Schedule, "daily", 10).await.expect("read");
    let deleted =
        Document { changed_by: "lee".into(), changed_at_ms: NOW_MS + 1, ..document(None) };
    let expected = [
        Document { revision: 3, ..document(Some(json!({ "n": 3 }))) },
        Document { revision: 2, ..deleted },
        Document { revision: 1, ..document(Some(json!({ "n": 1 }))) },
    ];
    assert_eq!(history, expected);
    assert_eq!(store.history(Kind::Schedule, "daily", 1).await.expect("read").len(), 1);
}

#[tokio::test]
async fn of_fifty_changes_to_one_revision_one_wins_and_unconditional_changes_all_succeed() {
    let database = embedded::database().expect("a database");
    let served = embedded::serve(database, 0).await.expect("a port");
    let client = embedded::client_over_tcp(&served.endpoint);
    let clock = Arc::new(SetClock(AtomicI64::new(NOW_MS)));
    let store = Arc::new(DynamoStore::new(client, embedded::tables(), clock));
    for expected in [Expected::Absent, Expected::Revision(1)] {
        let changes = (0..50).map(|n| put(&store, json!({ "n": n }), expected));
        let changes = futures::future::join_all(changes).await;
        let won = changes.iter().filter(|change| matches!(change, Changed::Done(_))).count();
        assert_eq!(won, 1, "{changes:?}");
    }
    let changes = (0..5).map(|n| put(&store, json!({ "n": n }), Expected::Any));
    let changes = futures::future::join_all(changes).await;
    assert!(changes.iter().all(|change| matches!(change, Changed::Done(_))), "{changes:?}");
    let history = store.history(Kind::Schedule, "daily", 100).await.expect("read");
    let revisions: Vec<_> = history.iter().map(|revision| revision.revision).collect();
    assert_eq!(revisions, [7, 6, 5, 4, 3, 2, 1]);
    let newest = store.document(Kind::Schedule, "daily").await.expect("read").expect("there");
    assert_eq!(newest, history[0]);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_made_once() {
    let Fixture { store, faults, .. } = fixture();
    // The store reads the document and its history before it writes them.
    for expected in [Expected::Absent, Expected::Revision(1)] {
        faults.pass(2);
        faults.add(DatabaseFault::AnswerLost);
        assert!(matches!(put(&store, json!({}), expected).await, Changed::Done(_)));
    }
    faults.pass(2);
    faults.add(DatabaseFault::AnswerLost);
    assert_eq!(delete(&store, Expected::Revision(2)).await, Changed::Done(3));
    assert_eq!(store.history(Kind::Schedule, "daily", 10).await.expect("read").len(), 3);
}

#[tokio::test]
async fn applying_a_catalog_file_again_changes_nothing() {
    let Fixture { store, .. } = fixture();
    let hours = HoursConfig::default();
    store.put_hours(&hours).await.expect("stored");
    store.put_hours(&hours).await.expect("stored");
    assert_eq!(Catalog::hours(&*store).await.expect("read"), hours);
    let history = store.history(Kind::Hours, "stack", 10).await.expect("read");
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].changed_by, "catalog file");
    assert_eq!(history[0].changed_at_ms, NOW_MS);
}
