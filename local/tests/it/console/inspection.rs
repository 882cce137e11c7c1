//! An operator sees the notifications of every producer, and their texts as persons see them. Who
//! reads a text is recorded.

use alimi_local::testing::world::World;
use serde_json::{Value, json};

use super::operator::{change, delete, get, status_and_field, world};
use crate::captured_log::CapturedLog;

const TEMPLATE: &str = "/v1/templates/photo-and-video";

/// Posts a message, and returns its id.
async fn post(world: &World, key: &str) -> String {
    let body = json!({
        "template": "photo-and-video", "to": { "id": "teacher-1", "phone": "010-1234-5678" },
        "variables": { "name": "김하나", "code": "a1" },
        "tag": "spring", "data": { "order": 17 },
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some(key), body).await;
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().expect("an id").to_owned()
}

async fn shown(world: &World, path: &str) -> Value {
    let answer = get(world, &format!("/v1/ops/notifications/{path}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

async fn text(world: &World, id: &str) -> Value {
    shown(world, &format!("{id}/text")).await
}

#[tokio::test(start_paused = true)]
async fn the_text_is_rendered_from_the_revision_that_the_notification_keeps() {
    let world = world().await;
    let earlier = post(&world, "earlier").await;
    let as_sent = json!({
        "type": "alimtalk",
        "code": "PHOTO_VIDEO_01",
        "body": "김하나 선생님, 프로필 사진과 소개 영상을 올려 주세요.\n올리신 자료는 상담에 쓰입니다.",
        "buttons": [{ "name": "올리기", "type": "WL", "url_mobile": "https://example.com/p/a1" }],
    });
    assert_eq!(text(&world, &earlier).await["content"], as_sent);

    let mut template = get(&world, TEMPLATE).await.body;
    template["variants"][0]["content"]["body"] = json!("새 안내입니다, #{name}님.");
    assert_eq!(change(&world, TEMPLATE, &template).await.status, 200);
    let later = post(&world, "later").await;
    for (id, revision, body) in [
        (&earlier, 1, as_sent["body"].as_str().expect("a text")),
        (&later, 2, "새 안내입니다, 김하나님."),
    ] {
        let text = text(&world, id).await;
        assert_eq!(text["template_revision"], revision);
        assert_eq!(text["content"]["body"], body);
    }
    // The history of a template outlives the template.
    assert_eq!(delete(&world, TEMPLATE).await.status, 204);
    let text = text(&world, &earlier).await;
    assert_eq!(text["content"], as_sent);
    assert_eq!(text.get("content_missing"), None);
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_text_is_recorded_without_the_text_and_the_number() {
    let world = world().await;
    let id = post(&world, "k").await;
    let log = CapturedLog::start();
    let text = text(&world, &id).await;
    assert_eq!(text["recipient"], json!({ "id": "teacher-1", "phone": "***********78" }));
    let records = get(&world, "/v1/ops/audit").await.body;
    let record = &records["items"][0];
    assert_eq!(record["actor"], "local");
    assert_eq!(record["action"], "GET /v1/ops/notifications/{id}/text");
    assert_eq!(record["subject"]["id"], id.as_str());
    for told in [log.text(), records.to_string()] {
        assert!(!told.contains("김하나") && !told.contains("5678"), "{told}");
    }
    // Nobody is told a text by the other routes.
    for path in [id.clone(), format!("{id}/why")] {
        let shown = shown(&world, &path).await.to_string();
        assert!(!shown.contains("김하나") && !shown.contains("content"), "{shown}");
    }
    let unknown = get(&world, &format!("/v1/ops/notifications/{}/text", "0".repeat(30))).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(start_paused = true)]
async fn an_operator_sees_the_owner_and_what_the_producer_sees_and_no_phone_number() {
    let world = world().await;
    let id = post(&world, "k").await;
    let shown = shown(&world, &id).await;
    let (_, of_producer) = world.produce("GET", &format!("/v1/notifications/{id}"), None, "").await;
    for (name, value) in of_producer.as_object().expect("an object") {
        assert_eq!(shown[name], *value, "{name}");
    }
    assert_eq!(shown["owner"], "local");
    assert_eq!(shown["tag"], "spring");
    assert_eq!(shown["data"], json!({ "order": 17 }));
    assert_eq!(shown["recipient"]["phone"], "***********78");
    assert!(!shown.to_string().contains("12345678"), "{shown}");
    // The text has a route of its own.
    assert_eq!([of_producer.get("content"), shown.get("content")], [None, None]);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_notification_is_answered_with_404_and_a_parameter_with_400() {
    let world = world().await;
    let id = post(&world, "k").await;
    for unknown in ["0".repeat(30), "x".to_owned(), "%FF".to_owned(), id.to_uppercase()] {
        for route in ["", "/text", "/why"] {
            let answer = get(&world, &format!("/v1/ops/notifications/{unknown}{route}")).await;
            assert_eq!(status_and_field(&answer), (404, "id"), "{unknown}{route}");
        }
    }
    for route in ["", "/text", "/why"] {
        let answer = get(&world, &format!("/v1/ops/notifications/{id}{route}?full=true")).await;
        assert_eq!(status_and_field(&answer), (400, "full"), "{route}");
        let path = format!("/v1/ops/notifications/{id}{route}");
        let answer = world.operate("POST", &path, &[], "").await;
        assert_eq!(status_and_field(&answer), (405, "method"), "{route}");
    }
}
