//! An entry of the ledger is stored once and read in order.

use std::sync::atomic::Ordering;

use alimi::ports::{Ledger, LedgerEntry};
use alimi_local::aws::embedded::{self, DatabaseFault};
use serde_json::json;

use super::fixture::{Fixture, NOW_MS, fixture};
use super::raw;

const TODAY: &str = "audit#2026-03-02";

fn entry(partition: &str, place: usize) -> LedgerEntry {
    let body = json!({ "place": place, "large": 1e300, "whole": 2.0, "empty": {} });
    LedgerEntry {
        partition: partition.into(),
        sort: format!("{place:04}#kim"),
        body: body.as_object().cloned().expect("an object"),
        expires_at_s: NOW_MS / 1000 + 60,
    }
}

#[tokio::test]
async fn an_entry_is_stored_once_however_often_it_is_appended() {
    let Fixture { store, faults, .. } = fixture();
    let first = entry(TODAY, 1);
    faults.add(DatabaseFault::AnswerLost);
    store.append(&first).await.expect("stored");
    store.append(&first).await.expect("a repetition");
    let other = LedgerEntry { body: serde_json::Map::new(), ..first.clone() };
    store.append(&other).await.expect("a repetition");
    assert_eq!(store.ledger_entries(TODAY, None, 9).await.expect("read"), [first]);
}

#[tokio::test]
async fn a_partition_is_read_in_order_and_in_pages() {
    let Fixture { store, .. } = fixture();
    for place in [3, 1, 4, 0, 2] {
        store.append(&entry(TODAY, place)).await.expect("stored");
    }
    store.append(&entry("audit#2026-03-03", 0)).await.expect("stored");
    let mut after: Option<String> = None;
    let mut read = Vec::new();
    for expected in [2, 2, 1, 0] {
        let page = store.ledger_entries(TODAY, after.as_deref(), 2).await.expect("read");
        assert_eq!(page.len(), expected);
        after = page.last().map(|last| last.sort.clone()).or(after);
        read.extend(page);
    }
    assert_eq!(read, [0, 1, 2, 3, 4].map(|place| entry(TODAY, place)));
    assert_eq!(store.ledger_entries("audit#2026-03-04", None, 2).await.expect("read"), []);
}

#[tokio::test]
async fn an_entry_is_gone_after_its_retention_even_before_it_is_deleted() {
    let Fixture { store, clock, .. } = fixture();
    let late = LedgerEntry { expires_at_s: NOW_MS / 1000 + 90, ..entry(TODAY, 2) };
    store.append(&entry(TODAY, 1)).await.expect("stored");
    store.append(&late).await.expect("stored");
    clock.0.store(NOW_MS + 61_000, Ordering::Relaxed);
    assert_eq!(store.ledger_entries(TODAY, None, 1).await.expect("read"), [late]);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_stops_no_other_entry() {
    let Fixture { store, client, .. } = fixture();
    store.append(&entry(TODAY, 2)).await.expect("stored");
    let unreadable = client
        .put_item()
        .table_name(embedded::tables().ledger)
        .item("partition", raw::text(TODAY))
        .item("sort", raw::text("0001#kim"))
        .item("body", raw::text("no object"));
    unreadable.send().await.expect("stored");
    assert_eq!(store.ledger_entries(TODAY, None, 9).await.expect("read"), [entry(TODAY, 2)]);
}
