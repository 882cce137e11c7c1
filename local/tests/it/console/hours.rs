//! Changes of hours keep every template and every schedule inside some window, and wake the lanes.

use std::time::Duration;

use alimi::domain::Schedule;
use alimi_local::aws::embedded::DatabaseFault;
use serde_json::json;

use super::operator::{
    CREATE, change, create, daily, delete, detail, get, scheduled_world, status_and_field,
    text_template, with, world,
};

#[tokio::test(start_paused = true)]
async fn hours_that_leave_a_template_no_window_are_refused_wherever_they_are_changed() {
    let world = world().await;
    let window = json!({ "window": { "from": "17:00", "to": "19:00" } });
    let evening = with(text_template("alimtalk-main"), &window);
    create(&world, "/v1/templates/evening", evening).await;
    let narrow = json!({ "scheduled": { "from": "10:00", "to": "17:00" } });
    let answer = world.operate("PUT", "/v1/hours/stack", &[CREATE], &narrow).await;
    assert_eq!(status_and_field(&answer), (422, "scheduled"));
    assert!(detail(&answer).contains("evening"), "{}", answer.body);

    let path = "/v1/channels/alimtalk-main";
    let morning = json!({ "window": { "from": "08:00", "to": "12:00" } });
    let morning = with(get(&world, path).await.body, &morning);
    assert_eq!(status_and_field(&change(&world, path, &morning).await), (422, "window"));

    // The default hours leave this template no window, so that the stack's hours cannot be deleted.
    let late = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    create(&world, "/v1/hours/stack", late).await;
    let night = json!({ "window": { "from": "20:00", "to": "21:00" } });
    let night = with(get(&world, "/v1/templates/evening").await.body, &night);
    assert_eq!(change(&world, "/v1/templates/evening", &night).await.status, 200);
    assert_eq!(status_and_field(&delete(&world, "/v1/hours/stack").await), (422, "scheduled"));
    assert_eq!(delete(&world, "/v1/templates/evening").await.status, 204);
    assert_eq!(delete(&world, "/v1/hours/stack").await.status, 204);
    assert!(detail(&get(&world, "/v1/hours/stack").await).contains("10:00–19:00"));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_puts_a_schedule_outside_its_window_is_refused_with_its_first_time() {
    let world = scheduled_world().await;
    let window = |from: &str, to: &str| json!({ "from": from, "to": to });
    let (channel, template) = ("/v1/channels/alimtalk-main", "/v1/templates/photo-and-video");
    let late =
        with(get(&world, channel).await.body, &json!({ "window": window("12:00", "19:00") }));
    // The receipt secrets belong to the other channel.
    let late = with(late, &json!({ "name": "late", "receipt_secrets": null }));
    create(&world, "/v1/channels/late", late).await;
    create(&world, "/v1/hours/stack", json!({ "advertising": window("12:00", "19:00") })).await;
    let mut variants = get(&world, template).await.body["variants"].take();
    variants[0]["channel"] = json!("late");
    for (path, changes, field) in [
        (channel, json!({ "window": window("12:00", "19:00") }), "window"),
        (channel, json!({ "timezone": "America/New_York" }), "timezone"),
        (template, json!({ "window": window("12:00", "19:00") }), "window"),
        (template, json!({ "category": "advertising" }), "category"),
        (template, json!({ "variants": variants }), "variants[0].channel"),
        ("/v1/hours/stack", json!({ "scheduled": window("12:00", "19:00") }), "scheduled"),
    ] {
        let before = get(&world, path).await.body;
        let changed = with(before.clone(), &changes);
        let refused = change(&world, path, &changed).await;
        assert_eq!(status_and_field(&refused), (422, field), "{path} {changes}: {}", refused.body);
        assert!(detail(&refused).contains("the schedule daily"), "{}", refused.body);
        assert!(detail(&refused).contains("2026-03-02T11:00:00+09:00"), "{}", refused.body);
        // A change that leaves the hours alone is still accepted.
        assert_eq!(change(&world, path, &before).await.status, 200);
    }
    let narrow =
        with(get(&world, template).await.body, &json!({ "window": window("12:00", "19:00") }));
    let waiting = with(daily(), &json!({ "outside_window": "defer" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &waiting).await.status, 200);
    assert_eq!(change(&world, template, &narrow).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_hours_is_not_refused_for_schedules_that_it_does_not_affect() {
    let world = scheduled_world().await;
    let window = |from: &str, to: &str| json!({ "window": { "from": from, "to": to } });
    // A disabled schedule never fires, so that hours may exclude its times until it is enabled.
    let off = with(daily(), &json!({ "expression": "cron(0 18 * * ? *)", "enabled": false }));
    create(&world, "/v1/schedules/off", off.clone()).await;
    let channel = "/v1/channels/alimtalk-main";
    let narrow = with(get(&world, channel).await.body, &window("10:00", "17:00"));
    assert_eq!(change(&world, channel, &narrow).await.status, 200);
    let on = with(off, &json!({ "enabled": true }));
    let enabled = change(&world, "/v1/schedules/off", &on).await;
    assert_eq!(status_and_field(&enabled), (422, "expression"));

    // A schedule that is already outside its window does not refuse a change. A schedule inside its
    // window still does.
    let dawn = with(daily(), &json!({ "expression": "cron(30 4 * * ? *)", "name": "dawn" }));
    let dawn: Schedule = serde_json::from_value(dawn).expect("a schedule");
    world.store.put_schedule(&dawn).await.expect("stored");
    let body = text_template("alimtalk-main");
    create(&world, "/v1/templates/other", body.clone()).await;
    let other = with(body, &window("11:00", "17:00"));
    assert_eq!(change(&world, "/v1/templates/other", &other).await.status, 200);
    let photo = "/v1/templates/photo-and-video";
    let photos = get(&world, photo).await.body;
    let own = with(photos.clone(), &window("10:00", "16:00"));
    assert_eq!(change(&world, photo, &own).await.status, 200);
    let late = change(&world, photo, &with(photos, &window("12:00", "16:00"))).await;
    assert_eq!(status_and_field(&late), (422, "window"));
    assert!(detail(&late).contains("the schedule daily"), "{}", late.body);
}

#[tokio::test(start_paused = true)]
async fn the_stack_hours_can_be_widened_although_a_schedule_is_already_outside_them() {
    let world = scheduled_world().await;
    let both = json!({ "expression": "cron(30 4,11 * * ? *)", "name": "both" });
    let both: Schedule = serde_json::from_value(with(daily(), &both)).expect("a schedule");
    world.store.put_schedule(&both).await.expect("stored");
    let hours = |from: &str, to: &str| json!({ "scheduled": { "from": from, "to": to } });
    create(&world, "/v1/hours/stack", hours("09:00", "19:00")).await;
    assert_eq!(change(&world, "/v1/hours/stack", &hours("08:00", "20:00")).await.status, 200);
    // The schedule's time 11:30 was inside the hours.
    let narrow = change(&world, "/v1/hours/stack", &hours("11:00", "11:20")).await;
    assert_eq!(status_and_field(&narrow), (422, "scheduled"));
    assert!(detail(&narrow).contains("2026-03-02T11:30:00+09:00"), "{}", narrow.body);
}

/// Saving the hours also lists the lanes to wake. A failure of that comes too late to report.
#[tokio::test(start_paused = true)]
async fn hours_that_were_saved_are_never_answered_as_a_failure() {
    let hours = json!({ "scheduled": { "from": "09:00", "to": "19:00" } });
    let (mut saved, mut refused) = (0, 0);
    for requests in 0..20 {
        let world = world().await;
        world.faults.pass(requests);
        (0..60).for_each(|_| world.faults.add(DatabaseFault::Refused));
        let answer = world.operate("PUT", "/v1/hours/stack", &[CREATE], &hours).await;
        world.faults.clear();
        let is_saved = get(&world, "/v1/hours/stack").await.etag.is_some();
        let status = if is_saved { 201 } else { 503 };
        assert_eq!(answer.status, status, "after {requests} requests: {}", answer.body);
        *(if is_saved { &mut saved } else { &mut refused }) += 1;
    }
    assert!(saved > 2 && refused > 2, "{saved} saved, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn changing_or_deleting_the_stack_hours_wakes_the_lanes() {
    let world = world().await;
    let hours = json!({ "scheduled": { "from": "11:00", "to": "19:00" } });
    create(&world, "/v1/hours/stack", hours).await;
    let sent = world.queue.sent();
    assert!(sent > 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(delete(&world, "/v1/hours/stack").await.status, 204);
    assert!(world.queue.sent() > sent, "the lane was not woken for the default hours");
}

#[tokio::test(start_paused = true)]
async fn the_stack_hours_cannot_be_deleted_while_the_defaults_would_exclude_a_schedule() {
    let world = scheduled_world().await;
    create(&world, "/v1/hours/stack", json!({ "scheduled": { "from": "08:00", "to": "19:00" } }))
        .await;
    let early = with(daily(), &json!({ "expression": "cron(0 9 * * ? *)" }));
    assert_eq!(change(&world, "/v1/schedules/daily", &early).await.status, 200);
    let refused = delete(&world, "/v1/hours/stack").await;
    assert_eq!(status_and_field(&refused), (422, "scheduled"));
    assert!(detail(&refused).contains("2026-03-03T09:00:00+09:00"), "{}", refused.body);
    let off = with(early, &json!({ "enabled": false }));
    assert_eq!(change(&world, "/v1/schedules/daily", &off).await.status, 200);
    assert_eq!(delete(&world, "/v1/hours/stack").await.status, 204);
}
