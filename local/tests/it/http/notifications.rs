//! What a request for one notification may say, and what is stored of it.

use alimi::domain::{Address, ChannelType, Group, PhoneNumber};
use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::requests::{create, id, post, sequence, valid, with, world};
use crate::phone_numbers::{DELIVERED, UNDELIVERED};

const PATH: &str = "/v1/notifications";

/// An object whose JSON has this many bytes.
fn data_of(bytes: usize) -> Value {
    let around = json!({ "k": "" }).to_string().len();
    json!({ "k": "x".repeat(bytes - around) })
}

#[tokio::test(start_paused = true)]
async fn every_invalid_notification_is_refused_with_the_field_at_fault_and_not_stored() {
    let world = world().await;
    let long = "가".repeat(1001);
    let cases = [
        (with("/template", json!("nope")), "template"),
        (with("/template", Value::Null), "template"),
        (with("/template", json!(7)), "template"),
        (with("/channel", json!("nowhere")), "channel"),
        (with("/channel", json!(7)), "channel"),
        (with("/to", Value::Null), "to"),
        (with("/to/id", Value::Null), "to.id"),
        (with("/to/id", json!("")), "to.id"),
        (with("/to/phone", json!("call me")), "to.phone"),
        (with("/to/phone", json!("010")), "to.phone"),
        (with("/to/phone", Value::Null), "to.phone"),
        (with("/to/timezone", json!("Seoul")), "to.timezone"),
        (with("/to/fax", json!("1")), "to.fax"),
        (with("/variables/name", Value::Null), "variables.name"),
        (with("/variables/name", json!(["x"])), "variables.name"),
        (with("/variables/name", json!(long)), "variables"),
        (with("/priority", json!(-1)), "priority"),
        (with("/priority", json!("high")), "priority"),
        (with("/priority", json!(10_000)), "priority"),
        (with("/priority", json!(65_535)), "priority"),
        (with("/not_before", json!("tomorrow")), "not_before"),
        (with("/expires_at", json!(1)), "expires_at"),
        (with("/expires_at", json!("2026-03-02T00:59:59Z")), "expires_at"),
        (with("/not_before", json!("2026-03-02T10:00:00")), "not_before"),
        (with("/not_before", json!("2026-02-30T10:00:00Z")), "not_before"),
        (with("/not_before", json!("2300-01-01T00:00:00Z")), "not_before"),
        (with("/expires_at", json!("2300-01-01T00:00:00Z")), "expires_at"),
        (with("/template", json!("")), "template"),
        (with("/template", json!("x".repeat(2000))), "template"),
        (with("/tag", json!("")), "tag"),
        (with("/tag", json!("a b")), "tag"),
        (with("/tag", json!("a#b")), "tag"),
        (with("/tag", json!("x".repeat(65))), "tag"),
        (with("/data", json!("text")), "data"),
        (with("/data", data_of(1025)), "data"),
        (with("/when", json!("now")), "when"),
        (json!(7), "body"),
    ];
    for (index, (body, field)) in cases.into_iter().enumerate() {
        let key = format!("k{index}");
        let (status, problem) = world.produce("POST", PATH, Some(&key), &body).await;
        assert_eq!(status, 422, "{body}: {problem}");
        assert_eq!(problem["field"], field, "{body}: {problem}");
        assert_eq!(problem["status"], 422);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    assert!(world.notifications().is_empty());
    assert_eq!(world.queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expires_before_it_may_leave_is_refused() {
    let world = world().await;
    let mut body = with("/not_before", json!("2026-03-03T00:00:00Z"));
    body["expires_at"] = json!("2026-03-02T00:00:00Z");
    let (status, problem) = world.produce("POST", PATH, Some("k"), body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "expires_at");
}

#[tokio::test(start_paused = true)]
async fn a_template_whose_channel_was_deleted_is_refused() {
    let world = world().await;
    let template = json!({
        "name": "stray", "category": "informational", "variants": [
            { "channel": "gone", "content": { "type": "alimtalk", "code": "C", "body": "b" } },
        ],
    });
    let template = serde_json::from_value(template).expect("a template");
    world.store.put_template(&template).await.expect("stored");
    let body = with("/template", json!("stray"));
    let (status, problem) = world.produce("POST", PATH, Some("k"), body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "template");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("gone")));
}

/// A world with the template `greeting`, which has a variant for each of two channels.
pub async fn world_with_two_channels() -> World {
    let world = world().await;
    let channel = json!({
        "provider": { "kind": "bizppurio", "account": "example", "from": "0212345678" },
        "limit": { "per_second": 40 },
    });
    create(&world, "/v1/channels/sms-main", channel).await;
    let alimtalk =
        json!({ "type": "alimtalk", "code": "GREETING_01", "body": "#{name}님, 안녕하세요." });
    let template = json!({ "category": "informational", "variants": [
        { "channel": "alimtalk-main", "content": alimtalk },
        { "channel": "sms-main", "content": { "type": "sms", "body": "#{name}님" } },
    ] });
    create(&world, "/v1/templates/greeting", template).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_a_channel_gets_the_variant_of_that_channel() {
    let world = world_with_two_channels().await;
    for (channel, expected, media, text) in [
        (None, "alimtalk-main", ChannelType::Alimtalk, "김하나님, 안녕하세요."),
        (Some("alimtalk-main"), "alimtalk-main", ChannelType::Alimtalk, "김하나님, 안녕하세요."),
        (Some("sms-main"), "sms-main", ChannelType::Sms, "김하나님"),
    ] {
        let mut body = with("/template", json!("greeting"));
        if let Some(channel) = channel {
            body["channel"] = json!(channel);
        }
        let made = post(&world, PATH, channel.unwrap_or("none"), &body).await;
        assert_eq!(made["channel"], expected, "{channel:?}");
        let stored = world.notification(id(&made)).await;
        assert_eq!(stored.channel, expected);
        assert_eq!(stored.media.first, media);
        let path = format!("/v1/ops/notifications/{}/text", id(&made));
        let shown = world.operate("GET", &path, &[], "").await.body;
        assert_eq!(shown["content"]["body"], text, "{channel:?}: {shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_a_variant_is_refused_with_the_channels_that_have_one() {
    let world = world_with_two_channels().await;
    let mut body = with("/template", json!("greeting"));
    body["channel"] = json!("push-main");
    let (status, problem) = world.produce("POST", PATH, Some("k"), &body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "channel");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("alimtalk-main, sms-main"), "{detail}");

    let step = json!({ "template": "greeting", "channel": "push-main" });
    let body = sequence(&[step]);
    let (status, problem) = world.produce("POST", "/v1/sequences", Some("k"), &body).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "steps[0].channel");
    assert!(world.notifications().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_tag_and_the_data_of_a_request_come_back_as_they_were_sent() {
    let world = world().await;
    let data = json!({ "order": 17, "items": ["가", null, 1.5], "nested": { "b": true } });
    let mut body = with("/data", data.clone());
    body["tag"] = json!("Spring_2026-03.1");
    let made = post(&world, PATH, "k", &body).await;
    let (status, read) = world.produce("GET", &format!("{PATH}/{}", id(&made)), None, "").await;
    assert_eq!(status, 200);
    for shown in [&made, &read] {
        assert_eq!(shown["tag"], "Spring_2026-03.1");
        assert_eq!(shown["data"], data);
    }
    // The notifications of a tag are listed by producer and tag.
    let stored = world.notification(id(&made)).await;
    assert_eq!(stored.group, Some(Group::tag("local", "Spring_2026-03.1")));

    let plain = post(&world, PATH, "plain", &valid()).await;
    assert_eq!([plain.get("tag"), plain.get("data")], [None, None], "{plain}");
    assert_eq!(world.notification(id(&plain)).await.group, None);
    post(&world, PATH, "longest", &with("/data", data_of(1024))).await;
}

#[tokio::test(start_paused = true)]
async fn variables_that_no_text_of_the_variant_uses_are_not_stored() {
    let world = world().await;
    let variables = json!({ "name": "김하나", "code": "a1", "date": "3월 2일", "note": "private" });
    let made = post(&world, PATH, "k", &with("/variables", variables)).await;
    let stored = world.notification(id(&made)).await.variables;
    let stored: Vec<_> =
        stored.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(stored, [("code", "a1"), ("name", "김하나")]);
}

#[tokio::test(start_paused = true)]
async fn every_spelling_of_a_phone_number_is_one_number() {
    let world = world().await;
    let number = PhoneNumber::try_from("+821090010000".to_owned()).expect("a number");
    assert_eq!(number.expose(), "+821090010000");
    let spellings = ["+82 10-9001-0000", "010-9001-0000", "0082 10 9001 0000", "01090010000"];
    for (index, phone) in spellings.into_iter().enumerate() {
        let key = format!("k{index}");
        let made = post(&world, PATH, &key, &with("/to/phone", json!(phone))).await;
        assert_eq!(made["recipient"]["phone"], "***********00", "{phone}");
        let stored = world.notification(id(&made)).await;
        assert_eq!(stored.to, Address::Phone(number.clone()), "{phone}");
    }
}

/// Bizppurio sends only inside Korea.
#[tokio::test(start_paused = true)]
async fn numbers_that_nobody_can_have_and_numbers_abroad_are_refused_and_not_quoted() {
    let world = world().await;
    for phone in ["1012345678", "00000000", "+1 212 555 0123", "0081 90 1234 5678"] {
        let body = with("/to/phone", json!(phone));
        let (status, problem) = world.produce("POST", PATH, Some("k"), &body).await;
        assert_eq!(status, 422, "{phone}: {problem}");
        assert_eq!(problem["field"], "to.phone", "{phone}");
        assert!(!problem.to_string().contains(phone), "{phone}: {problem}");
    }
    assert!(world.notifications().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_limited_to_some_addresses_refuses_messages_to_others() {
    let world = world().await;
    let path = "/v1/channels/alimtalk-main";
    let read = world.operate("GET", path, &[], "").await;
    let mut channel = read.body;
    channel["only_to"] = json!(["+82 10 1234 5678"]);
    let etag = read.etag.expect("an ETag");
    let changed = world.operate("PUT", path, &[("if-match", &etag)], channel).await;
    assert_eq!(changed.status, 200, "{}", changed.body);

    let other = with("/to/phone", json!(UNDELIVERED));
    let (status, problem) = world.produce("POST", PATH, Some("other"), other).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["field"], "to.phone");
    // The same number as in the list, in another spelling.
    post(&world, PATH, "permitted", &with("/to/phone", json!(DELIVERED))).await;
    assert_eq!(world.notifications().len(), 1);
}
