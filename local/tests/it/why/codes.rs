//! The provider's codes in words.

use alimi::ports::{Documents, Expected, Kind};
use serde_json::json;

use super::{post, running_world, seconds};
use crate::phone_numbers::UNDELIVERED;

#[tokio::test(start_paused = true)]
async fn a_code_is_shown_with_its_meaning_and_operators_are_told_what_to_do() {
    let world = running_world().await;
    let to = json!({ "id": "t", "phone": UNDELIVERED });
    let id = post(&world, "k", json!({ "to": to })).await;
    seconds(10).await;
    let (_, of_producer) = world.produce("GET", &format!("/v1/notifications/{id}"), None, "").await;
    let meaning = json!({
        "en": "The phone number is wrong, or its user cannot get Alimtalk messages.",
        "ko": "전화번호가 잘못되었거나, 알림톡을 받을 수 없는 사용자입니다.",
    });
    let reason = json!({ "name": "undelivered", "code": "7308", "meaning": meaning });
    assert_eq!(of_producer["reason"], reason, "{of_producer:#}");
    assert_eq!(of_producer["receipts"][0]["meaning"], meaning);
    let accepted = &of_producer["attempts"][0]["meaning"]["en"];
    assert_eq!(accepted, "Bizppurio took the message. It is not delivered yet.");
    assert!(!of_producer.to_string().contains("what_to_do"));

    let path = format!("/v1/ops/notifications/{id}");
    let of_operator = world.operate("GET", &path, &[], "").await.body;
    let what_to_do = &of_operator["reason"]["what_to_do"]["en"];
    assert_eq!(what_to_do, "Check the recipient's phone number, or send a text message instead.");

    // Without its channel, nobody knows whose codes they are.
    let name = "alimtalk-main";
    let deleted = world.store.delete_document(Kind::Channel, name, Expected::Any, "test", 0).await;
    assert!(deleted.is_ok());
    let shown = world.operate("GET", &path, &[], "").await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.body["reason"], json!({ "name": "undelivered", "code": "7308" }));
}
