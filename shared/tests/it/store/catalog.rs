//! The configuration as the functions read it: pinned revisions, and rows that cannot be read.

use std::collections::BTreeMap;

use alimi::domain::{Channel, Producer, SecretDigest, Template};
use alimi::ports::{
    Catalog, Changed, ChannelRow, ChannelRows, Document, Documents, Expected, Kind,
    ListedProducers, PortError, Revised,
};
use alimi::store::DynamoStore;
use serde_json::{Value, json};

use super::fixture::{Fixture, NOW_MS, fixture};

fn template(body: &str) -> Template {
    serde_json::from_value(json!({
        "name": "greeting",
        "category": "informational",
        "variants": [{ "channel": "texts", "content": { "type": "sms", "body": body } }],
    }))
    .expect("a template")
}

fn channel(name: &str, receipt_secrets: &Value) -> Channel {
    serde_json::from_value(json!({
        "name": name,
        "provider": { "kind": "simulated", "account": "a" },
        "limit": { "per_second": 10 },
        "receipt_secrets": receipt_secrets,
    }))
    .expect("a channel")
}

fn producer() -> Producer {
    serde_json::from_value(json!({
        "name": "shop",
        "principals": ["shop-role"],
        "grants": { "templates": ["greeting"], "priority_min": 1 },
    }))
    .expect("a producer")
}

/// Stores a document that its kind cannot have.
async fn put_unreadable(store: &DynamoStore, kind: Kind) {
    let body = json!({ "name": "broken", "limit": "fast", "principals": "fast" });
    put(store, kind, "broken", body).await;
}

async fn put(store: &DynamoStore, kind: Kind, name: &str, body: Value) {
    let document = Document {
        name: name.into(),
        revision: 0,
        body: Some(body),
        changed_by: "kim".into(),
        changed_at_ms: NOW_MS,
    };
    let changed = store.put_document(kind, &document, Expected::Absent).await;
    assert_eq!(changed.expect("stored"), Changed::Done(1));
}

#[tokio::test]
async fn each_revision_of_a_template_is_found_after_later_changes_and_after_its_deletion() {
    let Fixture { store, .. } = fixture();
    let revision = |revision| store.template_revision("greeting", revision);
    let (first, second, third) = (template("하나"), template("둘"), template("셋"));
    store.put_template(&first).await.expect("stored");
    let current = store.template("greeting").await.expect("read");
    assert_eq!(current, Some(Revised { revision: 1, document: first.clone() }));
    assert_eq!(revision(1).await.expect("read"), Some(first.clone()));
    assert_eq!(revision(2).await.expect("read"), None);

    store.put_template(&second).await.expect("stored");
    let current = store.template("greeting").await.expect("read");
    assert_eq!(current, Some(Revised { revision: 2, document: second.clone() }));
    assert_eq!(revision(1).await.expect("read"), Some(first.clone()));
    assert_eq!(revision(2).await.expect("read"), Some(second.clone()));

    let deleted =
        store.delete_document(Kind::Template, "greeting", Expected::Any, "kim", NOW_MS).await;
    assert_eq!(deleted.expect("deleted"), Changed::Done(3));
    assert_eq!(store.template("greeting").await.expect("read"), None);
    assert_eq!(revision(1).await.expect("read"), Some(first));
    assert_eq!(revision(2).await.expect("read"), Some(second));
    assert_eq!(revision(3).await.expect("read"), None, "the deletion has no text");

    store.put_template(&third).await.expect("stored");
    assert_eq!(revision(4).await.expect("read"), Some(third));
    assert_eq!(store.template_revision("no name", 1).await.expect("read"), None);
    assert_eq!(store.template_revision("other", 1).await.expect("read"), None);
}

#[tokio::test]
async fn a_channel_that_cannot_be_read_stops_no_other_channel() {
    let Fixture { store, .. } = fixture();
    let channels = [channel("a", &json!([])), channel("z", &json!([]))];
    for channel in &channels {
        store.put_channel(channel).await.expect("stored");
    }
    put_unreadable(&store, Kind::Channel).await;
    assert_eq!(store.channels().await.expect("read"), channels);
    let error = store.channel("broken").await.expect_err("unreadable");
    assert!(matches!(error, PortError::Unusable { .. }), "{error}");
}

#[tokio::test]
async fn the_hashes_of_a_channels_secrets_are_read_although_the_rest_of_its_row_cannot_be() {
    let Fixture { store, .. } = fixture();
    let secret = |text| {
        let sha256 = String::from(SecretDigest::of(text));
        json!({ "id": text, "sha256": sha256, "created_at": "2026-03-02T01:00:00Z" })
    };
    let readable = channel("a", &json!([secret("old"), secret("new")]));
    store.put_channel(&readable).await.expect("stored");
    let hash_alone = json!({ "sha256": String::from(SecretDigest::of("new")), "colour": "red" });
    let strange = json!([{ "sha512": "0" }, 7, { "sha256": "0" }, hash_alone]);
    for (name, body) in [
        ("strange", json!({ "limit": "fast", "receipt_secrets": strange })),
        ("none", json!({ "limit": "fast" })),
        ("text", json!({ "limit": "fast", "receipt_secrets": "a" })),
    ] {
        put(&store, Kind::Channel, name, body).await;
    }
    let row = |secrets: &[&str], channel| {
        let receipt_secrets = secrets.iter().map(|secret| SecretDigest::of(secret)).collect();
        ChannelRow { receipt_secrets, channel }
    };
    let expected = [
        ("a", row(&["old", "new"], Some(readable))),
        ("none", row(&[], None)),
        ("strange", row(&["new"], None)),
        ("text", row(&[], None)),
    ];
    let expected = BTreeMap::from(expected.map(|(name, row)| (name.to_owned(), row)));
    assert_eq!(store.channel_rows().await.expect("read"), expected);
}

#[tokio::test]
async fn producers_are_read_by_name_and_all_at_once_and_unreadable_ones_are_counted() {
    let Fixture { store, .. } = fixture();
    let producer = producer();
    assert_eq!(store.producer("shop").await.expect("read"), None);
    store.put_producer(&producer).await.expect("stored");
    put_unreadable(&store, Kind::Producer).await;
    assert_eq!(store.producer("shop").await.expect("read"), Some(producer.clone()));
    let listed = ListedProducers { producers: vec![producer], unreadable: 1 };
    assert_eq!(store.producers().await.expect("read"), listed);
}

/// Newer code may have stored them, and older code goes on with the fields that it knows.
#[tokio::test]
async fn documents_with_fields_that_this_code_does_not_know_are_read() {
    let Fixture { store, .. } = fixture();
    let (channel, template, producer) = (channel("a", &json!([])), template("하나"), producer());
    let newer = |document: Value, inner: &str| {
        let mut document = document;
        document["colour"] = json!("red");
        document.pointer_mut(inner).expect("an object")["shade"] = json!({ "dark": true });
        document
    };
    let mut stored = newer(serde_json::to_value(&channel).expect("JSON"), "/limit");
    // Channels had this field once.
    stored["secret"] = json!("alimi/other");
    put(&store, Kind::Channel, "a", stored).await;
    let stored = newer(serde_json::to_value(&template).expect("JSON"), "/variants/0");
    put(&store, Kind::Template, "greeting", stored).await;
    let stored = newer(serde_json::to_value(&producer).expect("JSON"), "/grants");
    put(&store, Kind::Producer, "shop", stored).await;

    assert_eq!(store.channel("a").await.expect("read"), Some(channel.clone()));
    assert_eq!(store.channels().await.expect("read"), [channel]);
    let present = store.template("greeting").await.expect("read");
    assert_eq!(present, Some(Revised { revision: 1, document: template.clone() }));
    let revision = store.template_revision("greeting", 1).await.expect("read");
    assert_eq!(revision, Some(template));
    let listed = ListedProducers { producers: vec![producer], unreadable: 0 };
    assert_eq!(store.producers().await.expect("read"), listed);
}

#[tokio::test]
async fn a_catalog_file_keeps_the_secrets_of_a_channels_webhook() {
    let Fixture { store, .. } = fixture();
    let secrets = json!([
        { "id": "s1", "sha256": "0".repeat(64), "created_at": "2026-03-02T01:00:00Z" },
    ]);
    let with_secret = channel("a", &secrets);
    store.put_channel(&with_secret).await.expect("stored");
    store.put_channel(&channel("a", &json!([]))).await.expect("stored");
    assert_eq!(store.channel("a").await.expect("read"), Some(with_secret.clone()));
    let history = store.history(Kind::Channel, "a", 9).await.expect("read");
    assert_eq!(history.len(), 1, "the second time changes nothing");

    let paused = Channel { paused: true, ..channel("a", &json!([])) };
    store.put_channel(&paused).await.expect("stored");
    let expected = Channel { paused: true, ..with_secret };
    assert_eq!(store.channel("a").await.expect("read"), Some(expected));
}

#[tokio::test]
async fn a_catalog_file_keeps_the_api_keys_of_a_producer() {
    let Fixture { store, .. } = fixture();
    let keys = json!([{
        "id": "shop.0000000000000001", "sha256": "0".repeat(64), "scopes": ["notifications:read"],
        "created_at": "2026-03-02T01:00:00Z", "created_by": "kim",
    }]);
    let mut stored = serde_json::to_value(producer()).expect("JSON");
    stored["keys"] = keys;
    let with_key: Producer = serde_json::from_value(stored).expect("a producer");
    store.put_producer(&with_key).await.expect("stored");
    store.put_producer(&producer()).await.expect("stored");
    assert_eq!(store.producer("shop").await.expect("read"), Some(with_key));
    let history = store.history(Kind::Producer, "shop", 9).await.expect("read");
    assert_eq!(history.len(), 1, "the second time changes nothing");

    // Without the keys, the service would be locked out.
    put(&store, Kind::Producer, "newer", json!({ "name": "newer", "keys": "another form" })).await;
    let newer = Producer { name: "newer".into(), ..producer() };
    let refused = store.put_producer(&newer).await.expect_err("refused");
    assert!(matches!(refused, PortError::Unusable { .. }), "{refused}");
}
