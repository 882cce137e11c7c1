//! The hours in force at departure decide, although they were changed after the message was queued.

use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::ports::{Catalog, Documents, Expected, Kind, WindowClasses};
use alimi_local::testing::world::{World, WorldSettings};
use jiff::SignedDuration;
use jiff::civil::time;
use serde_json::{Value, json};

use super::lane::{
    LIMIT, MORE_THAN_A_DAY, REAL_TIME, SCHEDULED, delivered, left_at, now, post, set_hours, slow,
    to, wait_until,
};

#[tokio::test(start_paused = true)]
async fn the_window_at_the_time_of_departure_decides() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, SCHEDULED, None).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    // An operator closes the window at noon.
    set_hours(&world, "10:00", "12:00").await;
    let closed_at = now(&world);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let late = closed_at + SignedDuration::from_secs(3);
    let arrivals = world.simulator.arrivals();
    assert!(arrivals.iter().all(|a| a.at_us < late.as_microsecond()), "the lane continued");
    assert!(arrivals.len() > 20);

    // Messages behind the closed window keep no sender busy.
    let wakes = world.queue.sent();
    // The operator opens it again in the afternoon.
    wait_until(&world, time(15, 0, 0, 0)).await;
    assert!(world.queue.sent() - wakes < 5, "{} wakes", world.queue.sent() - wakes);
    set_hours(&world, "10:00", "18:00").await;
    world.settle(Duration::from_secs(3600)).await;
    world.check_invariants(LIMIT);
    assert_eq!(delivered(&world).len(), 200);
}

#[tokio::test(start_paused = true)]
async fn messages_that_wait_for_tomorrow_leave_today_when_the_window_is_widened() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    post(&world, "batch", 50, SCHEDULED, None).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(delivered(&world).len(), 0);
    // The console wakes the lanes that a change touches.
    let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    let answer = world.operate("PUT", "/v1/hours/stack", &[("if-none-match", "*")], wider).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let all = delivered(&world);
    assert_eq!(all.len(), 50);
    assert!(all.iter().all(|n| left_at(n, "Asia/Seoul") < time(20, 2, 0, 0)));
    assert_eq!(world.store.hours().await.expect("hours").scheduled.to_string(), "10:00–22:00");
}

/// The messages outside their window are more than one page of the queue, and stand first.
#[tokio::test(start_paused = true)]
async fn messages_outside_their_window_do_not_hold_up_the_messages_behind_them() {
    const PATH: &str = "/v1/templates/consultation-start";
    let world = World::new(slow()).await;
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, SCHEDULED, None).await;
    let behind = json!({
        "template": "photo-and-video", "to": to(None), "priority": 700,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), behind).await;
    assert_eq!(status, 202, "{answer}");
    let found = world.operate("GET", PATH, &[], "").await;
    let mut template = found.body;
    template["window"] = json!({ "from": "16:00", "to": "19:00" });
    let etag = found.etag.expect("an ETag");
    let changed = world.operate("PUT", PATH, &[("if-match", &etag)], template).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);

    world.start_senders();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let today = delivered(&world);
    assert_eq!(today.len(), 1);
    assert_eq!(today[0].template.as_str(), "photo-and-video");
    world.settle(MORE_THAN_A_DAY).await;
    let all = delivered(&world);
    assert_eq!(all.len(), 201);
    let late = all.iter().filter(|n| n.template == "consultation-start");
    assert!(late.map(|n| left_at(n, "Asia/Seoul")).all(|left| left >= time(16, 0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_hours_hold_for_messages_whose_template_was_deleted() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, SCHEDULED, None).await;
    let deleted = world
        .store
        .delete_document(Kind::Template, "consultation-start", Expected::Any, "test", 0)
        .await;
    assert!(deleted.is_ok());
    // Closed for an hour.
    set_hours(&world, "13:00", "19:00").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let sent = world.simulator.arrivals().len();
    assert!(sent < 20, "{sent} left after the window was closed");
    world.settle(MORE_THAN_A_DAY).await;
    assert_eq!(delivered(&world).len(), 200);
}

/// Without the template nothing says whether the message is advertising. Its recipient still says
/// where it is night.
#[tokio::test(start_paused = true)]
async fn a_message_without_its_template_keeps_the_strictest_hours_of_its_recipients_zone() {
    let mut settings = slow();
    settings.catalog =
        settings.catalog.replacen("category: informational", "category: advertising", 1);
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(21, 0, 0, 0)).await;
    post(&world, "seoul", 1, REAL_TIME, None).await;
    post(&world, "auckland", 1, SCHEDULED, Some("Pacific/Auckland")).await;
    let deleted = world
        .store
        .delete_document(Kind::Template, "consultation-start", Expected::Any, "test", 0)
        .await;
    assert!(deleted.is_ok());
    let advertising = Window::new("09:00", "20:50").expect("a window");
    let hours = HoursConfig { advertising, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
    world.settle(MORE_THAN_A_DAY).await;
    let all = delivered(&world);
    assert_eq!(all.len(), 2);
    for notification in all {
        let (zone, opens) = match notification.recipient.timezone {
            Some(_) => ("Pacific/Auckland", time(10, 0, 0, 0)),
            None => ("Asia/Seoul", time(9, 0, 0, 0)),
        };
        let left = left_at(&notification, zone);
        assert!(
            (opens..opens + SignedDuration::from_secs(60)).contains(&left),
            "one left at {left} in {zone}"
        );
    }
}

/// One sender works all the time. It tries to claim some messages while their window is closed.
#[tokio::test(start_paused = true)]
async fn the_same_sender_claims_a_message_later_that_it_could_not_claim_at_first() {
    let mut settings = slow();
    settings.sender.slice = Duration::from_secs(600);
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    // The sender stays for this message, which is due later.
    let later = json!({
        "template": "photo-and-video", "to": to(None), "priority": SCHEDULED,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "not_before": "2026-03-02T12:08:00+09:00",
    });
    let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), later).await;
    assert_eq!(status, 202);
    post(&world, "batch", 60, SCHEDULED, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    set_hours(&world, "13:00", "19:00").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(delivered(&world).len() < 40, "the window did not close");
    set_hours(&world, "10:00", "19:00").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(delivered(&world).len(), 60);
    assert_eq!(world.meter.drains(), [], "another sender took over");
}

#[tokio::test(start_paused = true)]
async fn the_window_of_a_channel_takes_effect_within_a_second() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, SCHEDULED, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let channel = world.store.channel("alimtalk-main").await.expect("the store");
    let mut channel = channel.expect("the channel");
    channel.window = Some(Window::new("13:00", "19:00").expect("a window"));
    world.store.put_channel(&channel).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.simulator.arrivals().len();
    assert!((10..40).contains(&sent), "{sent} messages left");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(world.simulator.arrivals().len(), sent, "the lane continued");
}

/// A sender looks at a few closed classes at a time, and stays until it has looked at all of them.
#[tokio::test(start_paused = true)]
async fn a_message_in_the_last_of_many_closed_classes_is_found_when_its_hours_change() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    for minute in 1..=600 {
        let class = format!("0000-{:02}{:02}@Asia/Seoul", minute / 60, minute % 60);
        let class = class.parse().expect("a class");
        world.store.add_class("alimtalk-main", &class).await.expect("added");
    }
    post(&world, "one", 1, SCHEDULED, None).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(delivered(&world).len(), 0);
    let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    let answer = world.operate("PUT", "/v1/hours/stack", &[("if-none-match", "*")], wider).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(delivered(&world).len(), 1);
}

/// A sender looks at the first messages of a closed class, and walks through all others.
#[tokio::test(start_paused = true)]
async fn widened_hours_reach_all_of_two_thousand_messages_of_a_closed_class() {
    const MESSAGES: usize = 2_000;
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    post(&world, "batch", MESSAGES, SCHEDULED, None).await;
    let in_class = |class: &str| {
        let all = world.notifications();
        all.values().filter(|n| n.window_class.to_string() == class).count()
    };
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(in_class("1000-1900@Asia/Seoul"), MESSAGES);
    let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    let answer = world.operate("PUT", "/v1/hours/stack", &[("if-none-match", "*")], wider).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(in_class("1000-2200@Asia/Seoul"), MESSAGES);
    assert!(delivered(&world).len() > 100, "the lane has stopped");
}

/// Changes the window of a template, as an operator.
async fn set_window(world: &World, template: &str, until: &str) {
    let path = format!("/v1/templates/{template}");
    let found = world.operate("GET", &path, &[], "").await;
    let mut body = found.body;
    body["window"] = json!({ "from": "10:00", "to": until });
    let etag = found.etag.expect("an ETag");
    let changed = world.operate("PUT", &path, &[("if-match", &etag)], body).await;
    assert_eq!(changed.status, 200, "{:?}", changed.body);
}

/// Messages of another template stand before them, in the same class, and their hours stay as they
/// were.
#[tokio::test(start_paused = true)]
async fn every_message_of_a_closed_class_leaves_when_the_hours_of_its_template_are_widened() {
    let world = World::new(WorldSettings::default()).await;
    set_hours(&world, "10:00", "22:00").await;
    for template in ["photo-and-video", "consultation-start"] {
        set_window(&world, template, "19:00").await;
    }
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    let other = json!({
        "template": "photo-and-video", "to": to(None), "priority": SCHEDULED,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let others = Value::Array(vec![other; 100]);
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), others).await;
    assert_eq!(status, 202, "{answer}");
    post(&world, "batch", 500, SCHEDULED, None).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(delivered(&world).len(), 0);

    set_window(&world, "consultation-start", "22:00").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let all = delivered(&world);
    assert_eq!(all.len(), 500);
    assert!(all.iter().all(|notification| notification.template == "consultation-start"));
}

/// The lane sends messages of other recipients all the time, whose window is open.
#[tokio::test(start_paused = true)]
async fn a_busy_lane_finds_changed_hours_behind_the_first_messages_of_a_closed_class_too() {
    let mut settings = slow();
    // Each slice walks through a part of the class, and the next one goes on.
    settings.sender.slice = Duration::from_secs(2);
    let world = World::new(settings).await;
    set_hours(&world, "10:00", "22:00").await;
    for template in ["photo-and-video", "consultation-start"] {
        set_window(&world, template, "19:00").await;
    }
    wait_until(&world, time(20, 0, 0, 0)).await;
    let other = json!({
        "template": "photo-and-video", "to": to(None), "priority": SCHEDULED,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let others = Value::Array(vec![other; 200]);
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), others).await;
    assert_eq!(status, 202, "{answer}");
    post(&world, "hidden", 1, SCHEDULED, None).await;
    set_window(&world, "consultation-start", "22:00").await;
    // It is eleven o'clock in London.
    post(&world, "london", 500, SCHEDULED, Some("Europe/London")).await;
    world.start_senders();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let all = delivered(&world);
    assert!(all.len() < 400, "the lane is not busy");
    let hidden = all.iter().filter(|notification| notification.recipient.timezone.is_none());
    assert_eq!(hidden.count(), 1, "the message behind 200 others was not found");
}
