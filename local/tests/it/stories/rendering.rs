//! Texts are written when a message departs, from the template's revision that the message was
//! accepted with. Nothing stores them.

use std::time::Duration;

use alimi::domain::{Notification, Reason, Status};
use alimi::ports::{Catalog, Documents, Expected, Kind};
use alimi_local::aws::embedded::tables;
use alimi_local::simulator::{Receipts, Shown};
use alimi_local::testing::world::{SETTLES_WITHIN, World, WorldSettings};
use serde_json::json;

use super::producer::{LIMIT, TEMPLATE, arrivals_us, post_one, post_sequence, post_template};
use crate::phone_numbers::DELIVERED;
use crate::stored_rows::{revision_key, rows};

/// What [`TEMPLATE`] says to the producer's recipient.
pub const TEXT: &str =
    "김하나 선생님, 프로필 사진과 소개 영상을 올려 주세요.\n올리신 자료는 상담에 쓰입니다.";

/// Changes a template's text, as an operator does.
pub async fn change_text(world: &World, template: &str, text: &str) {
    let path = format!("/v1/templates/{template}");
    let found = world.operate("GET", &path, &[], "").await;
    let mut changed = found.body;
    changed["variants"][0]["content"]["body"] = json!(text);
    let etag = found.etag.expect("an ETag");
    let answer = world.operate("PUT", &path, &[("if-match", &etag)], changed).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
}

/// What appeared on the phone for a notification, oldest first.
pub fn shown(world: &World, id: &str) -> Vec<Shown> {
    let messages = world.simulator.messages().into_iter();
    messages
        .filter(|message| message.reference.starts_with(id))
        .map(|message| message.shown)
        .collect()
}

pub fn texts(world: &World, id: &str) -> Vec<String> {
    shown(world, id).into_iter().map(|shown| shown.text).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_says_what_its_template_said_when_the_message_was_accepted() {
    let world = World::new(WorldSettings::default()).await;
    let earlier = post_one(&world, "earlier", DELIVERED).await;
    change_text(&world, TEMPLATE, "#{name} 선생님, 새 안내입니다.").await;
    let later = post_one(&world, "later", DELIVERED).await;
    change_text(&world, TEMPLATE, "#{name} 선생님, 더 새로운 안내입니다.").await;
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(texts(&world, &earlier), [TEXT]);
    assert_eq!(texts(&world, &later), ["김하나 선생님, 새 안내입니다."]);
    assert_eq!(shown(&world, &earlier)[0].buttons[0].links, ["https://example.com/p/a1"]);
    assert_eq!(world.notification(&earlier).await.template_revision, 1);
    assert_eq!(world.notification(&later).await.template_revision, 2);
}

#[tokio::test(start_paused = true)]
async fn a_fallback_says_what_its_template_said_when_the_message_was_accepted() {
    const START: &str = "consultation-start";
    let world = World::new(WorldSettings::default()).await;
    let id = post_template(&world, "k", START, DELIVERED).await;
    let mut template = world.store.template(START).await.expect("read").expect("there").document;
    let mut content = serde_json::to_value(&template.variants[0].content).expect("JSON");
    content["fallback"]["body"] = json!("[상담] 다른 말");
    template.variants[0].content = serde_json::from_value(content).expect("content");
    world.store.put_template(&template).await.expect("stored");
    world.simulator.order(Receipts::Fallback);
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    assert_eq!(world.notification(&id).await.status, Status::Delivered);
    assert_eq!(texts(&world, &id), ["[상담] 김하나 선생님, 3월 2일 상담이 시작됩니다."]);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_written_although_its_template_was_deleted_or_made_anew() {
    for is_made_anew in [false, true] {
        let world = World::new(WorldSettings::default()).await;
        let id = post_one(&world, "k", DELIVERED).await;
        let template = world.store.template(TEMPLATE).await.expect("read").expect("there");
        let deleted =
            world.store.delete_document(Kind::Template, TEMPLATE, Expected::Any, "test", 0).await;
        assert!(deleted.is_ok());
        if is_made_anew {
            let sms = json!({ "type": "sms", "body": "다른 말" });
            let mut other = template.document;
            other.variants[0].content = serde_json::from_value(sms).expect("content");
            world.store.put_template(&other).await.expect("stored");
        }
        world.start_senders();
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        assert_eq!(world.notification(&id).await.status, Status::Delivered);
        assert_eq!(texts(&world, &id), [TEXT], "made anew: {is_made_anew}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_text_of_a_message_is_stored_before_or_after_it_left() {
    let world = World::new(WorldSettings::default()).await;
    post_one(&world, "k", DELIVERED).await;
    post_sequence(&world, "s", DELIVERED).await;
    let check = || {
        let names = tables();
        // The catalog holds the templates, and the search finds their texts.
        let catalog = rows(&world, &names.catalog);
        for text in ["프로필 사진", "상담에 쓰입니다", "상담이 시작됩니다", "올리기", "example.com"]
        {
            assert!(catalog.contains(text), "{text}");
            for table in [&names.notifications, &names.state, &names.runs, &names.ledger] {
                assert!(!rows(&world, table).contains(text), "{text} in {table}");
            }
        }
        // The values of the variables are stored.
        assert!(rows(&world, &names.notifications).contains("김하나"));
    };
    check();
    world.start_senders();
    tokio::time::sleep(Duration::from_millis(300)).await;
    check();
    world.settle(SETTLES_WITHIN).await;
    assert!(world.notifications().values().all(|n| n.status == Status::Delivered));
    check();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_cannot_be_written_fails_unsent_and_the_lane_continues() {
    let world = World::new(WorldSettings::default()).await;
    let unwritable = post_one(&world, "unwritable", DELIVERED).await;
    // A sender reads the history only for revisions that are not the present one.
    change_text(&world, TEMPLATE, "#{name} 선생님, 새 안내입니다.").await;
    lose_first_revision(&world).await;
    let next = post_one(&world, "next", DELIVERED).await;
    world.start_senders();
    world.settle(SETTLES_WITHIN).await;
    world.check_invariants(LIMIT);
    let failed = world.notification(&unwritable).await;
    assert_eq!(failed.status, Status::Failed);
    assert_eq!(failed.reason, Some(Reason::Unwritable));
    assert!(has_never_left(&world, &failed));
    assert_eq!(texts(&world, &next), ["김하나 선생님, 새 안내입니다."]);
}

/// Removes the first revision of [`TEMPLATE`] from its history.
async fn lose_first_revision(world: &World) {
    let first = world.store.template_revision(TEMPLATE, 1).await;
    assert!(matches!(first, Ok(Some(_))), "the history is kept elsewhere");
    let delete = json!({ "TableName": tables().catalog, "Key": revision_key(TEMPLATE, 1) });
    let delete = serde_json::from_value(delete).expect("a request");
    world.database.delete_item(delete).expect("deleted");
    let first = world.store.template_revision(TEMPLATE, 1).await;
    assert!(matches!(first, Ok(None)), "the revision is still there");
}

/// Neither the message's own record nor the provider knows of a request.
pub fn has_never_left(world: &World, notification: &Notification) -> bool {
    let attempts = &notification.attempts;
    attempts.iter().all(|attempt| attempt.request_sent_at_ms.is_none())
        && arrivals_us(world, notification.id.as_str()).is_empty()
}
