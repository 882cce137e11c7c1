//! A lane knows its window classes, and forgets those that nobody uses.

use std::sync::atomic::Ordering;

use alimi::domain::WindowClass;
use alimi::ports::{ReviewPosition, Saved, UsedClass, WindowClasses};
use alimi_local::aws::embedded;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use super::fixture::{CHANNEL, Fixture, NOW_MS, fixture};
use super::raw::text;

const SEOUL: &str = "1000-1900@Asia/Seoul";
const LONDON: &str = "1000-1900@Europe/London";
const MINUTE_MS: i64 = 60_000;

fn class(name: &str) -> WindowClass {
    name.parse().expect("a window class")
}

fn used(name: &str, last_used_ms: Option<i64>) -> UsedClass {
    UsedClass { class: class(name), last_used_ms }
}

/// Writes a row of an earlier version, which has a set of classes without times.
async fn put_earlier_row(client: &Client, names: &[&str]) {
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    let put = client
        .put_item()
        .table_name(embedded::tables().state)
        .item("pk", text(&format!("classes#{CHANNEL}")))
        .item("classes", AttributeValue::Ss(names));
    put.send().await.expect("stored");
}

#[tokio::test]
async fn a_lane_has_the_classes_that_were_added_in_a_fixed_order() {
    let Fixture { store, .. } = fixture();
    assert_eq!(store.classes(CHANNEL).await.expect("an answer"), []);
    for name in [LONDON, SEOUL, "-"] {
        store.add_class(CHANNEL, &class(name)).await.expect("added");
    }
    // The exempt class is everywhere, and is not stored.
    let classes = store.classes(CHANNEL).await.expect("an answer");
    assert_eq!(classes, [class(SEOUL), class(LONDON)]);
    assert_eq!(store.classes("other").await.expect("an answer"), []);
}

#[tokio::test]
async fn the_last_use_of_a_class_is_as_old_as_an_hour_at_most() {
    let Fixture { store, clock, .. } = fixture();
    let last_used_after = async |minutes: i64| {
        clock.0.store(NOW_MS + minutes * MINUTE_MS, Ordering::Relaxed);
        store.add_class(CHANNEL, &class(SEOUL)).await.expect("added");
        store.used_classes(CHANNEL).await.expect("an answer")
    };
    assert_eq!(last_used_after(0).await, [used(SEOUL, Some(NOW_MS))]);
    // No write for each message.
    assert_eq!(last_used_after(59).await, [used(SEOUL, Some(NOW_MS))]);
    assert_eq!(last_used_after(60).await, [used(SEOUL, Some(NOW_MS + 60 * MINUTE_MS))]);
    // The machine's clock was set back.
    assert_eq!(last_used_after(30).await, [used(SEOUL, Some(NOW_MS + 30 * MINUTE_MS))]);
}

#[tokio::test]
async fn a_class_that_was_used_since_it_was_read_is_not_retired() {
    let Fixture { store, clock, client, .. } = fixture();
    store.add_class(CHANNEL, &class(SEOUL)).await.expect("added");
    let read = used(SEOUL, Some(NOW_MS));
    clock.0.store(NOW_MS + 60 * MINUTE_MS, Ordering::Relaxed);
    // Another process uses it.
    let other = alimi::store::DynamoStore::new(client, embedded::tables(), clock.clone());
    other.add_class(CHANNEL, &class(SEOUL)).await.expect("added");
    let retired = store.retire_class(CHANNEL, &read).await.expect("an answer");
    assert_eq!(retired, Saved::Conflict);
    assert_eq!(store.classes(CHANNEL).await.expect("an answer"), [class(SEOUL)]);
}

#[tokio::test]
async fn a_retired_class_comes_back_with_its_next_use() {
    let Fixture { store, .. } = fixture();
    for name in [SEOUL, LONDON] {
        store.add_class(CHANNEL, &class(name)).await.expect("added");
    }
    let read = used(SEOUL, Some(NOW_MS));
    assert_eq!(store.retire_class(CHANNEL, &read).await.expect("an answer"), Saved::Done);
    assert_eq!(store.classes(CHANNEL).await.expect("an answer"), [class(LONDON)]);
    // The process that retired it remembers no more that it had added it.
    store.add_class(CHANNEL, &class(SEOUL)).await.expect("added");
    let classes = store.classes(CHANNEL).await.expect("an answer");
    assert_eq!(classes, [class(SEOUL), class(LONDON)]);
}

#[tokio::test]
async fn a_row_of_an_earlier_version_keeps_its_classes_and_gets_their_times() {
    let Fixture { store, client, .. } = fixture();
    put_earlier_row(&client, &[SEOUL, LONDON]).await;
    let without_times = [used(SEOUL, None), used(LONDON, None)];
    assert_eq!(store.used_classes(CHANNEL).await.expect("an answer"), without_times);
    // Nobody knows since when it has been unused.
    let retired = store.retire_class(CHANNEL, &used(SEOUL, None)).await.expect("an answer");
    assert_eq!(retired, Saved::Conflict);

    store.add_class(CHANNEL, &class(SEOUL)).await.expect("added");
    let with_a_time = [used(SEOUL, Some(NOW_MS)), used(LONDON, None)];
    assert_eq!(store.used_classes(CHANNEL).await.expect("an answer"), with_a_time);
    let retired = store.retire_class(CHANNEL, &used(SEOUL, Some(NOW_MS))).await;
    assert_eq!(retired.expect("an answer"), Saved::Done);
    assert_eq!(store.classes(CHANNEL).await.expect("an answer"), [class(LONDON)]);
}

#[tokio::test]
async fn a_review_goes_on_where_it_stopped() {
    let Fixture { store, .. } = fixture();
    assert_eq!(store.review_position(CHANNEL).await.expect("an answer"), None);
    store.add_class(CHANNEL, &class(SEOUL)).await.expect("added");
    let inside = ReviewPosition { class: class(SEOUL), from: Some("20260302#00600#1#a~".into()) };
    let at_beginning = ReviewPosition { class: class(LONDON), from: None };
    for position in [Some(inside), Some(at_beginning), None] {
        let saved = store.save_review_position(CHANNEL, position.as_ref()).await;
        saved.expect("saved");
        assert_eq!(store.review_position(CHANNEL).await.expect("an answer"), position);
        // The place is no class.
        assert_eq!(store.classes(CHANNEL).await.expect("an answer"), [class(SEOUL)]);
    }
}
