//! A document that something else still needs cannot be deleted.

use std::time::Duration;

use alimi::domain::Schedule;
use serde_json::json;

use super::operator::{
    create, daily, delete, detail, get, scheduled_world, status_and_field, text_template, with,
    world,
};

/// The templates of the example.
const TEMPLATES: [&str; 4] =
    ["consultation-lms", "consultation-sms", "consultation-start", "photo-and-video"];

#[tokio::test(start_paused = true)]
async fn a_document_in_use_cannot_be_deleted_and_its_user_is_named() {
    let world = scheduled_world().await;
    for (path, user) in [
        ("/v1/channels/alimtalk-main", "the template consultation-start"),
        ("/v1/templates/photo-and-video", "the schedule daily"),
        ("/v1/audiences/teachers", "the schedule daily"),
    ] {
        let refused = delete(&world, path).await;
        assert_eq!(status_and_field(&refused), (409, "name"), "{path}");
        assert!(detail(&refused).contains(user), "{path}: {}", refused.body);
    }
    let schedule_and_audience = ["/v1/schedules/daily", "/v1/audiences/teachers"];
    let templates = TEMPLATES.map(|template| format!("/v1/templates/{template}"));
    let channel = ["/v1/channels/alimtalk-main"];
    let in_order = schedule_and_audience.into_iter().chain(templates.iter().map(String::as_str));
    for path in in_order.chain(channel) {
        assert_eq!(delete(&world, path).await.status, 204, "{path}");
        assert_eq!(status_and_field(&get(&world, path).await), (404, "name"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_user_among_many_schedules_is_found() {
    let world = scheduled_world().await;
    create(&world, "/v1/audiences/others", json!({ "source": { "kind": "members" } })).await;
    for n in 0..120 {
        let audience = if n == 119 { "others" } else { "teachers" };
        let one = json!({ "name": format!("s{n:03}"), "audience": audience });
        let one: Schedule = serde_json::from_value(with(daily(), &one)).expect("a schedule");
        world.store.put_schedule(&one).await.expect("stored");
    }
    let refused = delete(&world, "/v1/audiences/others").await;
    assert_eq!(status_and_field(&refused), (409, "name"));
    assert!(detail(&refused).contains("the schedule s119"), "{}", refused.body);
}

#[tokio::test(start_paused = true)]
async fn a_channel_whose_lane_holds_messages_cannot_be_deleted() {
    // The message is exempt from hours, has a window class, or waits for a time.
    for (category, not_before, reason) in [
        ("informational", None, "their turn"),
        ("advertising", None, "their turn"),
        ("informational", Some("2026-03-05T12:00:00+09:00"), "their time"),
    ] {
        let world = world().await;
        let template = with(text_template("alimtalk-main"), &json!({ "category": category }));
        create(&world, "/v1/templates/t", template).await;
        let mut message = json!({
            "template": "t", "to": { "id": "m", "phone": "010-1234-5678" },
        });
        if let Some(not_before) = not_before {
            message["not_before"] = json!(not_before);
        }
        let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), message).await;
        assert_eq!(status.as_u16(), 202, "{answer}");
        for template in TEMPLATES.into_iter().chain(["t"]) {
            assert_eq!(delete(&world, &format!("/v1/templates/{template}")).await.status, 204);
        }
        let refused = delete(&world, "/v1/channels/alimtalk-main").await;
        assert_eq!(status_and_field(&refused), (409, "name"), "{category} {not_before:?}");
        assert!(detail(&refused).contains(reason), "{}", refused.body);

        if not_before.is_none() {
            world.start_senders();
            tokio::time::sleep(Duration::from_millis(300)).await;
            let refused = delete(&world, "/v1/channels/alimtalk-main").await;
            assert_eq!(status_and_field(&refused), (409, "name"), "before the receipt");
            world.settle(Duration::from_secs(3600)).await;
            assert_eq!(delete(&world, "/v1/channels/alimtalk-main").await.status, 204);
        }
    }
}
