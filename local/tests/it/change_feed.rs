//! The changes of the tables that have a stream.

use std::collections::HashMap;
use std::time::Duration;

use alimi_local::aws::embedded::{
    self, Change, Changes, DatabaseFaults, KEPT_UNREAD, client_in_process,
};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use dynoxide::Database;
use serde_json::json;
use tokio::time::Instant;

const TABLE: &str = "NotificationsTable";

struct Bed {
    database: Database,
    client: Client,
    changes: Changes,
}

impl Bed {
    fn new() -> Self {
        let database = embedded::database().expect("a database");
        let client = client_in_process(database.clone(), Duration::ZERO, DatabaseFaults::default());
        Self { changes: Changes::of(&database), client, database }
    }

    async fn put(&self, id: &str, status: &str) {
        let put = self.client.put_item().table_name(TABLE).set_item(Some(item(id, status)));
        put.send().await.expect("a put");
    }

    /// The changes so far, as `id: before → after`.
    fn seen(&self) -> Vec<String> {
        let page = self.changes.read(TABLE, 0, 1_000).expect("the changes");
        page.changes.iter().map(shown).collect()
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn item(id: &str, status: &str) -> HashMap<String, AttributeValue> {
    [("id", text(id)), ("status", text(status))]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
}

fn shown(change: &Change) -> String {
    let status = |item: &Option<serde_json::Map<String, serde_json::Value>>| {
        let status = item.as_ref().map(|item| item["status"]["S"].as_str().expect("a status"));
        status.unwrap_or("–").to_owned()
    };
    let id = change.item().expect("an image")["id"]["S"].as_str().expect("an id");
    format!("{id}: {} → {}", status(&change.old), status(&change.new))
}

#[tokio::test]
async fn every_kind_of_write_is_captured_in_order_with_both_images() {
    let bed = Bed::new();
    let client = &bed.client;
    bed.put("a", "queued").await;
    client
        .update_item()
        .table_name(TABLE)
        .key("id", text("a"))
        .update_expression("SET #status = :sending")
        .expression_attribute_names("#status", "status")
        .expression_attribute_values(":sending", text("sending"))
        .send()
        .await
        .expect("an update");
    let put = Put::builder().table_name(TABLE).set_item(Some(item("b", "queued"))).build();
    let delete = Delete::builder().table_name(TABLE).key("id", text("a")).build();
    client
        .transact_write_items()
        .transact_items(TransactWriteItem::builder().put(put.expect("a put")).build())
        .transact_items(TransactWriteItem::builder().delete(delete.expect("a delete")).build())
        .send()
        .await
        .expect("a transaction");
    client.delete_item().table_name(TABLE).key("id", text("b")).send().await.expect("a delete");
    assert_eq!(
        bed.seen(),
        [
            "a: – → queued",
            "a: queued → sending",
            "b: – → queued",
            "a: sending → –",
            "b: queued → –"
        ]
    );
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_no_change() {
    let bed = Bed::new();
    bed.put("a", "queued").await;
    bed.put("a", "queued").await;
    bed.client.delete_item().table_name(TABLE).key("id", text("x")).send().await.expect("a delete");
    bed.put("a", "sending").await;
    assert_eq!(bed.seen(), ["a: – → queued", "a: queued → sending"]);
}

#[tokio::test]
async fn a_write_whose_condition_fails_is_no_change() {
    let bed = Bed::new();
    bed.put("a", "queued").await;
    let put = |id: &str| {
        let put = Put::builder().table_name(TABLE).set_item(Some(item(id, "other")));
        let put = put.condition_expression("attribute_not_exists(id)").build().expect("a put");
        TransactWriteItem::builder().put(put).build()
    };
    let transaction = bed.client.transact_write_items();
    let refused = transaction.transact_items(put("new")).transact_items(put("a")).send().await;
    assert!(refused.is_err(), "the second put's condition fails");
    assert_eq!(bed.seen(), ["a: – → queued"], "not even the first put of the transaction");
}

#[tokio::test]
async fn a_reader_continues_behind_a_number() {
    let bed = Bed::new();
    for status in ["1", "2", "3", "4"] {
        bed.put("a", status).await;
    }
    let first = bed.changes.read(TABLE, 0, 3).expect("the changes");
    assert_eq!((first.end, first.missed), (3, 0));
    let rest = bed.changes.read(TABLE, first.end, 3).expect("the changes");
    assert_eq!(rest.changes.iter().map(shown).collect::<Vec<_>>(), ["a: 3 → 4"]);
    let none = bed.changes.read(TABLE, rest.end, 3).expect("the changes");
    assert!(none.changes.is_empty());
    assert_eq!((none.end, none.missed), (4, 0));
    assert_eq!(bed.changes.last_number(TABLE).expect("a number"), 4);
}

#[tokio::test]
async fn only_the_last_changes_are_kept_and_a_slow_reader_learns_how_many_it_missed() {
    let bed = Bed::new();
    for number in 0..KEPT_UNREAD + 100 {
        bed.put("a", &number.to_string()).await;
    }
    let page = bed.changes.read(TABLE, 30, 10).expect("the changes");
    assert_eq!(page.missed, 70, "31 to 100 are gone");
    assert_eq!(page.changes[0].number, 101);
    let mut kept = 0;
    let mut end = 0;
    loop {
        let page = bed.changes.read(TABLE, end, 400).expect("the changes");
        if page.changes.is_empty() {
            break;
        }
        assert_eq!(page.missed, 0, "a reader from the beginning starts at the oldest change");
        kept += page.changes.len() as u64;
        end = page.end;
    }
    assert_eq!(kept, KEPT_UNREAD);
}

/// The embedded database's own streams would take a hundred times longer here. The catalog table has
/// a reader, so 50,000 of its changes are kept, and half of these writes remove an old change too.
#[tokio::test]
async fn a_write_takes_as_long_at_the_end_as_at_the_beginning() {
    const WRITES: usize = 60_000;
    const WINDOW: usize = 50;
    const WINDOWS: usize = 20;
    let put = |bed: &Bed, number: usize| {
        let item = json!({
            "kind": { "S": "template" }, "name": { "S": format!("name-{}", number % 500) },
            "revision": { "N": number.to_string() }, "body": { "S": "가".repeat(100) },
        });
        let put = json!({ "TableName": "CatalogTable", "Item": item }).to_string();
        bed.database.put_item(serde_json::from_str(&put).expect("a put")).expect("stored");
    };
    let window = |bed: &Bed, from: usize| {
        let start = Instant::now();
        (from..from + WINDOW).for_each(|number| put(bed, number));
        start.elapsed()
    };
    let (new, full) = (Bed::new(), Bed::new());
    let before = WRITES - WINDOWS * WINDOW;
    (0..1_000).for_each(|number| put(&new, number));
    (0..before).for_each(|number| put(&full, number));
    // Both are measured in turns, so other work on the machine lengthens both. It only ever lengthens,
    // so the shortest window counts.
    let windows = (0..WINDOWS).map(|number| {
        let early = window(&new, 1_000 + number * WINDOW);
        (early, window(&full, before + number * WINDOW))
    });
    let (early, late): (Vec<Duration>, Vec<Duration>) = windows.unzip();
    let shortest = |windows: Vec<Duration>| windows.into_iter().min().expect("windows");
    let (early, late) = (shortest(early), shortest(late));
    // At the end each write also removes the oldest change.
    assert!(late <= 3 * early, "{WINDOW} writes took {early:?} at first and {late:?} at the end");
    assert_eq!(full.changes.last_number("CatalogTable").expect("a number"), WRITES as u64);
}
