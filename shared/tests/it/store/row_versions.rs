//! Rows of earlier and of later versions of the code: what is kept, and what is refused.

use alimi::domain::agenda::{confirm_partition, ready_partition};
use alimi::domain::{
    Address, ChannelType, Event, Group, Media, Notification, NotificationId, PhoneNumber, Reason,
    Receipt, Sequence, Status, Template, Verdict, WindowClass, transition,
};
use alimi::ports::{Agenda, Catalog, Created, Notifications, PortError, Saved, Sequences};
use alimi_local::aws::embedded::DatabaseFault;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;

use super::fixture::{CHANNEL, Fixture, KEY, NOW_MS, claimed, fixture, notification};
use super::raw::{self, Item};

/// A row of the first shape: the first step of a sequence, accepted by the provider.
const V0: &str = include_str!("fixtures/notification_v0.json");
/// A row of the present shape, with every attribute that a row without a deadline can have.
const V1: &str = include_str!("fixtures/notification_v1.json");
/// A row of a later shape, which this version happens to be able to read.
const FUTURE: &str = include_str!("fixtures/notification_future.json");
const SEQUENCE_V1: &str = include_str!("fixtures/sequence_v1.json");

fn id(item: &Item) -> NotificationId {
    item["id"].as_s().expect("a text").parse().expect("an id")
}

fn phone(text: &str) -> Address {
    Address::Phone(PhoneNumber::try_from(text.to_owned()).expect("a phone number"))
}

/// Stores a row past the store.
async fn stored(client: &Client, json: &str) -> Item {
    let item = raw::parse(json);
    raw::put(client, item.clone()).await;
    item
}

/// Attributes that no version of the code has.
fn additions() -> [(String, AttributeValue); 3] {
    let labels = AttributeValue::Ss(vec!["evening".into(), "trial".into()]);
    let hold = AttributeValue::M([("until_ms".to_owned(), raw::number(NOW_MS))].into());
    let precise = AttributeValue::N("12345678901234567890.125".into());
    [("labels".to_owned(), labels), ("hold".to_owned(), hold), ("precise".to_owned(), precise)]
}

#[tokio::test]
async fn a_row_of_the_present_shape_is_read_and_saved_without_a_change() {
    let Fixture { store, client, .. } = fixture();
    let item = stored(&client, V1).await;
    let n = store.load(&id(&item)).await.expect("read").expect("there");
    assert_eq!(n.schema, Notification::SCHEMA);
    assert_eq!(n.group, Some(Group::tag("academy", "lesson-7")));
    assert_eq!(n.data, json!({ "link": "/lessons/7", "weight": 0.5 }).as_object().cloned());
    assert_eq!(n.reason, Some(Reason::Undelivered("7308".into())));
    assert_eq!(n.to, phone("010-9001-0000"));
    assert!(n.sequence_step.as_ref().is_some_and(|step| step.is_gate));
    assert!(n.unknown.0.is_empty(), "{:?}", n.unknown);

    assert_eq!(store.save(&mut [n]).await.expect("saved"), Saved::Done);
    let changes = [("revision".to_owned(), raw::number(5))];
    let expected: Item = item.into_iter().chain(changes).collect();
    let id = expected["id"].as_s().expect("a text");
    assert_eq!(raw::get(&client, id).await.as_ref(), Some(&expected));
}

#[tokio::test]
async fn a_row_of_the_first_shape_is_settled_by_its_receipt_and_stored_in_the_present_shape() {
    let Fixture { store, client, .. } = fixture();
    let before = stored(&client, V0).await;
    let id = id(&before);
    let waiting = store.entries(&confirm_partition(CHANNEL), None, None, 9).await.expect("read");
    assert_eq!(
        waiting.into_iter().map(|entry| entry.id).collect::<Vec<_>>(),
        std::slice::from_ref(&id)
    );

    let n = store.load(&id).await.expect("read").expect("there");
    let media = Media { first: ChannelType::Alimtalk, fallback: Some(ChannelType::Sms) };
    assert_eq!((n.schema, n.owner.as_str(), n.template_revision), (Notification::SCHEMA, "", 0));
    assert_eq!((n.media, &n.to), (media, &phone("010-9001-0000")));
    assert_eq!(n.recipient.timezone.as_deref(), Some("Asia/Seoul"));
    assert!(n.sequence_step.as_ref().is_some_and(|step| step.is_gate));
    assert_eq!(n.attempts.len(), 1);

    let receipt =
        Receipt { verdict: Verdict::Delivered, code: "7000".into(), medium: Some("KAT".into()) };
    let event = Event::ReceiptArrived { attempt: 1, at_ms: NOW_MS + 5_000, receipt };
    let delivered = transition(&n, &event).expect("a move").notification;
    assert_eq!(store.save(&mut [delivered]).await.expect("saved"), Saved::Done);
    let after = raw::get(&client, id.as_str()).await.expect("an item");
    assert_eq!(after["schema"], raw::number(1));
    assert_eq!(after["status"], raw::text("delivered"));
    assert_eq!(after["ttl"], raw::number((NOW_MS + 5_000) / 1000 + 30 * 86_400));
    assert_eq!(after["message"], before["message"], "the texts stay");
    assert!(!after.contains_key("agenda_pk"));
    assert!(!after["recipient"].as_m().expect("a map").contains_key("phone"));
    let upgraded = store.load(&id).await.expect("read").expect("there");
    assert_eq!((upgraded.status, upgraded.to), (Status::Delivered, n.to));
}

#[tokio::test]
async fn a_row_of_the_first_shape_that_waits_to_be_sent_has_no_template_revision() {
    let Fixture { store, client, .. } = fixture();
    let mut item = raw::parse(V0);
    let id = id(&item);
    for name in ["attempts", "deadline_ms"] {
        item.remove(name);
    }
    for name in ["claim", "attempt"] {
        item.insert(name.into(), raw::number(0));
    }
    item.insert("status".into(), raw::text("queued"));
    let ready = ready_partition(CHANNEL, &WindowClass::EXEMPT);
    item.insert("agenda_pk".into(), raw::text(&ready));
    item.insert("agenda_sk".into(), raw::text(&format!("00000#{NOW_MS:013}#{id}")));
    raw::put(&client, item).await;
    let present = notification(1);
    assert_eq!(store.create(&present).await.expect("stored"), Created::New);
    let heads = store.entries(&ready, None, None, 9).await.expect("read");
    let heads: Vec<_> = heads.into_iter().map(|entry| entry.id).collect();
    assert_eq!(heads, [id.clone(), present.id], "it is found, and leaves first");

    let template: Template = serde_json::from_value(json!({
        "name": "lesson-reminder",
        "category": "informational",
        "variants": [{ "channel": CHANNEL, "content": { "type": "sms", "body": "수업" } }],
    }))
    .expect("a template");
    store.put_template(&template).await.expect("stored");
    let n = store.load(&id).await.expect("read").expect("there");
    let pinned = store.template_revision(&n.template, n.template_revision).await;
    assert_eq!(pinned.expect("read"), None, "no revision of today is taken for its texts");
    let mut claim = [claimed(&n, 1)];
    assert_eq!(store.save(&mut claim).await.expect("saved"), Saved::Done);
}

#[tokio::test]
async fn a_row_of_the_first_shape_without_a_phone_number_is_unusable() {
    let Fixture { store, client, .. } = fixture();
    let mut item = raw::parse(V0);
    let id = id(&item);
    item.insert("recipient".into(), AttributeValue::M([("id".into(), raw::text("t"))].into()));
    raw::put(&client, item).await;
    let error = store.load(&id).await.expect_err("no address");
    assert!(matches!(error, PortError::Unusable { .. }), "{error}");
}

#[tokio::test]
async fn a_save_keeps_the_attributes_that_a_newer_version_added() {
    let Fixture { store, client, faults, .. } = fixture();
    let n = notification(0);
    assert_eq!(store.create(&n).await.expect("stored"), Created::New);
    let mut item = raw::get(&client, n.id.as_str()).await.expect("an item");
    item.extend(additions());
    raw::put(&client, item).await;

    // A repeated request gets them too.
    let loaded = store.load(&n.id).await.expect("read").expect("there");
    let Created::Existing(existing) = store.create(&n).await.expect("an answer") else {
        panic!("the notification was created twice");
    };
    assert_eq!(*existing, loaded);
    assert_eq!(existing.unknown.0.len(), 3);

    // The client repeats the write, and the condition fails because of the first write.
    faults.add(DatabaseFault::AnswerLost);
    let mut claim = [claimed(&existing, 1)];
    assert_eq!(store.save(&mut claim).await.expect("an answer"), Saved::Done);
    let saved = raw::get(&client, n.id.as_str()).await.expect("an item");
    assert_eq!(saved["status"], raw::text("sending"));
    for (name, value) in additions() {
        assert_eq!(saved.get(&name), Some(&value), "{name}");
    }
}

#[tokio::test]
async fn an_attribute_that_a_save_clears_is_not_kept_as_unknown() {
    let Fixture { store, client, .. } = fixture();
    let mut n = [Notification { deadline_ms: Some(NOW_MS), ..notification(0) }];
    assert_eq!(store.create(&n[0]).await.expect("stored"), Created::New);
    n[0] = store.load(&n[0].id).await.expect("read").expect("there");
    n[0].deadline_ms = None;
    n[0].status = Status::Delivered;
    assert_eq!(store.save(&mut n).await.expect("saved"), Saved::Done);
    let item = raw::get(&client, n[0].id.as_str()).await.expect("an item");
    for name in ["deadline_ms", "agenda_pk", "agenda_sk"] {
        assert!(!item.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn a_row_of_a_higher_schema_is_read_and_never_saved() {
    let Fixture { store, client, .. } = fixture();
    let item = stored(&client, FUTURE).await;
    let n = store.load(&id(&item)).await.expect("read").expect("there");
    assert_eq!((n.schema, n.status), (99, Status::Queued));
    assert!(n.unknown.0.contains_key("hold") && n.unknown.0.contains_key("labels"));

    let other = notification(0);
    assert_eq!(store.create(&other).await.expect("stored"), Created::New);
    let newer = claimed(&n, 1);
    for mut saved in [vec![newer.clone()], vec![claimed(&other, 1), newer]] {
        let error = store.save(&mut saved).await.expect_err("refused");
        assert!(matches!(error, PortError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains("schema 99"), "{error}");
    }
    assert_eq!(raw::get(&client, n.id.as_str()).await, Some(item));
    assert_eq!(store.load(&other.id).await.expect("read"), Some(other), "all or none is saved");
}

#[tokio::test]
async fn a_row_of_a_higher_schema_that_does_not_decode_is_unusable() {
    let Fixture { store, client, .. } = fixture();
    for (name, value) in [
        ("status", raw::text("paused")),
        ("to", AttributeValue::M([("inbox".into(), AttributeValue::Bool(true))].into())),
        ("schema", raw::number(70_000)),
    ] {
        let mut item = raw::parse(FUTURE);
        item.insert(name.into(), value);
        raw::put(&client, item.clone()).await;
        let error = store.load(&id(&item)).await.expect_err("unreadable");
        assert!(matches!(error, PortError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains("schema"), "{error}");
    }
}

#[tokio::test]
async fn a_sequence_of_the_present_shape_is_read_and_stored_without_a_change() {
    let Fixture { store, client, .. } = fixture();
    let mut item = raw::parse(SEQUENCE_V1);
    item.extend(additions());
    raw::put(&client, item.clone()).await;
    let id = item["id"].as_s().expect("a text").parse().expect("an id");
    let sequence = store.sequence(&id).await.expect("read").expect("there");
    assert_eq!(sequence.steps.len(), 2);
    assert_eq!(sequence.steps[1].gate(), sequence.steps[1].notifications.get(1));
    assert_eq!(sequence.unknown.0.len(), 3);

    let Fixture { store, client, .. } = fixture();
    let created = store.create_sequence(&sequence, &[]).await.expect("an answer");
    assert_eq!(created, Saved::Done);
    assert_eq!(raw::get(&client, sequence.id.as_str()).await, Some(item));
}

#[tokio::test]
async fn a_sequence_of_a_higher_schema_is_read_and_never_stored() {
    let Fixture { store, client, .. } = fixture();
    let mut item = raw::parse(SEQUENCE_V1);
    item.insert("schema".into(), raw::number(99));
    raw::put(&client, item.clone()).await;
    let id = item["id"].as_s().expect("a text").parse().expect("an id");
    let sequence = store.sequence(&id).await.expect("read").expect("there");
    assert_eq!(sequence.schema, 99);
    let copy = Sequence { id: KEY.sequence_id(), ..sequence };
    let error = store.create_sequence(&copy, &[]).await.expect_err("refused");
    assert!(matches!(error, PortError::Unusable { .. }), "{error}");
    assert_eq!(store.sequence(&copy.id).await.expect("read"), None);

    item.insert("on_failure".into(), raw::text("ask"));
    raw::put(&client, item).await;
    let error = store.sequence(&id).await.expect_err("unreadable");
    assert!(matches!(error, PortError::Unusable { .. }), "{error}");
}
