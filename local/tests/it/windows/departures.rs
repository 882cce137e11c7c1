//! A message with hours leaves inside its window only; a real-time message leaves at once.

use std::time::Duration;

use alimi::domain::{Notification, Priority, Status};
use alimi::ports::WindowClasses;
use alimi_local::testing::world::{World, WorldSettings};
use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::lane::{
    LIMIT, MORE_THAN_A_DAY, REAL_TIME, SCHEDULED, delivered, left_at, post, set_hours, slow, to,
    wait_until,
};

#[tokio::test(start_paused = true)]
async fn a_batch_stops_in_the_evening_and_continues_in_the_morning() {
    let settings = slow();
    let usage = settings.database_usage.clone();
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(18, 59, 30, 0)).await;
    post(&world, "batch", 300, SCHEDULED, None).await;
    wait_until(&world, time(19, 1, 0, 0)).await;
    let messages = world.simulator.arrivals().into_iter().filter(|a| a.reference.is_some());
    let sent_today = messages.count();
    assert!((120..150).contains(&sent_today), "{sent_today} sent in half a minute");

    // The closed window does not delay real-time messages, or recipients in an open zone.
    let before = usage.total();
    wait_until(&world, time(23, 0, 0, 0)).await;
    let spent = usage.total().since(before).write_units;
    assert!(spent < 50.0, "{spent} write units were spent on waiting");
    post(&world, "now", 3, REAL_TIME, None).await;
    post(&world, "london", 3, SCHEDULED, Some("Europe/London")).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(delivered(&world).len(), sent_today + 6);

    world.settle(MORE_THAN_A_DAY).await;
    world.check_invariants(LIMIT);
    let all = delivered(&world);
    assert_eq!(all.len(), 306);
    for notification in &all {
        let zone = notification.recipient.timezone.as_deref().unwrap_or("Asia/Seoul");
        let left = left_at(notification, zone);
        assert!(
            notification.priority == Priority::REAL_TIME
                || (time(10, 0, 0, 0)..time(19, 0, 0, 0)).contains(&left),
            "one left at {left} in {zone}"
        );
    }
    // In the morning the batch continues at once.
    let first = all
        .iter()
        .map(|notification| left_at(notification, "Asia/Seoul"))
        .filter(|left| *left < time(18, 0, 0, 0) && *left >= time(10, 0, 0, 0))
        .min()
        .expect("some left in the morning");
    assert!(first < time(10, 0, 5, 0), "the first left at {first}");
}

#[tokio::test(start_paused = true)]
async fn advertising_waits_for_the_morning_and_informational_messages_leave_at_night() {
    let mut settings = WorldSettings::default();
    settings.catalog =
        settings.catalog.replacen("category: informational", "category: advertising", 1);
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(21, 0, 0, 0)).await;
    let template = |name: &str| {
        json!({
            "template": name, "to": to(None),
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        })
    };
    // The advertising is a sequence. The lane has to learn the window class of its steps too.
    let mut advertising = template("consultation-start");
    let step =
        json!({ "template": advertising["template"], "variables": advertising["variables"] });
    advertising = json!({ "to": advertising["to"], "steps": [step] });
    for (path, body) in
        [("/v1/sequences", advertising), ("/v1/notifications", template("photo-and-video"))]
    {
        let (status, answer) = world.produce("POST", path, Some("k"), body).await;
        assert!(status.is_success(), "{answer}");
    }
    world.settle(MORE_THAN_A_DAY).await;
    for notification in delivered(&world) {
        let left = left_at(&notification, "Asia/Seoul");
        if notification.template == "photo-and-video" {
            assert!(
                left < time(21, 0, 5, 0) && left >= time(21, 0, 0, 0),
                "the informational message left at {left}"
            );
        } else {
            assert!(
                left >= time(8, 0, 0, 0) && left < time(8, 0, 5, 0),
                "the advertising left at {left}"
            );
        }
    }
    assert_eq!(delivered(&world).len(), 2);
}

/// Advertising has hours. Inside them, real-time advertising takes one of the next slots like any
/// other real-time message.
#[tokio::test(start_paused = true)]
async fn real_time_advertising_overtakes_a_batch_inside_its_hours() {
    let mut settings = WorldSettings::default();
    settings.catalog =
        settings.catalog.replacen("category: informational", "category: advertising", 1);
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(11, 0, 0, 0)).await;
    let message = |template: &str, priority: u16| {
        json!({
            "template": template, "to": to(None), "priority": priority,
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        })
    };
    for page in 0..3 {
        let key = format!("batch-{page}");
        let body = Value::Array(vec![message("photo-and-video", SCHEDULED); 500]);
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert!(status.is_success(), "{answer}");
    }
    // The first one adds its window class to the lane, and may wait longer.
    for offer in 0..51 {
        tokio::time::sleep(Duration::from_millis(if offer == 1 { 3_000 } else { 137 })).await;
        let key = format!("offer-{offer}");
        let body = message("consultation-start", REAL_TIME);
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert!(status.is_success(), "{answer}");
    }
    world.settle(MORE_THAN_A_DAY).await;
    world.check_invariants(40);
    let offers = delivered(&world).into_iter().filter(|n| n.template == "consultation-start");
    let mut waits_ms: Vec<i64> = offers
        .map(|n| n.attempts[0].request_sent_at_ms.expect("it was sent") - n.created_at_ms)
        .collect();
    waits_ms.sort_unstable();
    assert_eq!(waits_ms.len(), 51);
    // Two slots of the pace, and 150 ms.
    assert!(waits_ms[49] <= 200, "{waits_ms:?}");
    assert!(waits_ms[50] < 1_200, "{waits_ms:?}");
}

#[tokio::test(start_paused = true)]
async fn scheduled_messages_wait_for_the_window_whatever_their_priority() {
    let world = World::new(slow()).await;
    world.start_senders();
    let step = json!({
        "template": "photo-and-video",
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let mut one = step.clone();
    one["to"] = to(None);
    one["not_before"] = json!("2026-03-03T03:00:00+09:00");
    // The second step is released after the window has closed.
    let sequence = json!({
        "to": { "id": "t", "phone": "010-9003-0001" },
        "steps": [step.clone(), step],
        "not_before": "2026-03-02T18:59:58+09:00",
    });
    for (path, body) in [("/v1/notifications", one), ("/v1/sequences", sequence)] {
        let (status, answer) = world.produce("POST", path, Some("k"), body).await;
        assert_eq!(status, 202, "{answer}");
    }
    world.settle(MORE_THAN_A_DAY).await;
    let left: Vec<_> = delivered(&world).iter().map(|n| left_at(n, "Asia/Seoul")).collect();
    assert_eq!(left.len(), 3);
    let hours = time(10, 0, 0, 0)..time(19, 0, 0, 0);
    assert!(left.iter().all(|left| hours.contains(left)), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_expires_before_its_window_opens_is_refused() {
    let world = World::new(slow()).await;
    wait_until(&world, time(20, 0, 0, 0)).await;
    let ask = |expires_at: &str| {
        json!({
            "template": "photo-and-video", "to": to(None), "priority": SCHEDULED,
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
            "expires_at": expires_at,
        })
    };
    let post = async |key: &str, body: Value| {
        world.produce("POST", "/v1/notifications", Some(key), body).await
    };
    let (status, problem) = post("k1", ask("2026-03-03T10:00:00+09:00")).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "expires_at");
    let (status, _) = post("k2", ask("2026-03-03T10:00:01+09:00")).await;
    assert_eq!(status, 202);
    // The window after `not_before` decides, not an earlier one.
    let mut late = ask("2026-03-03T23:00:00+09:00");
    late["not_before"] = json!("2026-03-03T19:30:00+09:00");
    let (status, problem) = post("k3", late).await;
    assert_eq!(status, 422);
    assert_eq!(problem["field"], "expires_at");
}

/// The database is so slow that messages are claimed half a second before their slots.
#[tokio::test(start_paused = true)]
async fn a_claimed_message_does_not_leave_when_its_slot_comes_too_late() {
    for end in ["window", "expires_at"] {
        let mut claimed_in_vain = 0;
        // The sender takes messages from the queue every few hundred milliseconds. In some of these
        // phases it does so just before the end.
        for phase_ms in [0, 130, 260, 390] {
            let settings =
                WorldSettings { database_latency: Duration::from_millis(60), ..Default::default() };
            let world = World::new(settings).await;
            wait_until(&world, time(18, 59, 30, 0)).await;
            let mut one = json!({
                "template": "consultation-start", "to": to(None), "priority": SCHEDULED,
                "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
            });
            if end == "expires_at" {
                one["priority"] = json!(REAL_TIME);
                one["expires_at"] = json!("2026-03-02T19:00:00+09:00");
            }
            let body = Value::Array(vec![one; 300]);
            let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
            assert_eq!(status, 202);
            wait_until(&world, time(18, 59, 54, 0)).await;
            tokio::time::sleep(Duration::from_millis(phase_ms)).await;
            world.start_senders();
            wait_until(&world, time(19, 0, 10, 0)).await;
            let closed = "2026-03-02T19:00:00+09:00".parse::<Timestamp>().expect("a time");
            let all = world.notifications();
            let sent_at_ms =
                |n: &Notification| n.attempts.last().and_then(|a| a.request_sent_at_ms);
            let sent: Vec<_> = all.values().filter_map(sent_at_ms).collect();
            assert!((30..280).contains(&sent.len()), "{} messages were sent", sent.len());
            let last_ms = sent.into_iter().max().expect("some") - closed.as_millisecond();
            assert!(last_ms < 0, "the last message left {last_ms} ms after the end");
            assert!(last_ms > -1000, "the last message left {last_ms} ms before the end");
            let unsent = all.values().filter(|n| n.claim > 0 && sent_at_ms(n).is_none()).count();
            claimed_in_vain += unsent;
        }
        assert!(claimed_in_vain > 0, "{end}: no message was claimed in vain");
    }
}

/// The hours changed while the window was closed. The message expires before the new window opens.
#[tokio::test(start_paused = true)]
async fn a_message_that_expires_in_a_closed_window_ends_before_the_window_opens() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    let body = json!({
        "template": "photo-and-video", "to": to(None), "priority": SCHEDULED,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "expires_at": "2026-03-03T10:30:00+09:00",
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    assert_eq!(status, 202, "{answer}");
    set_hours(&world, "14:00", "19:00").await;
    world.settle(MORE_THAN_A_DAY).await;
    let all: Vec<_> = world.notifications().into_values().collect();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].status, Status::Expired);
    let expired_at = Timestamp::from_millisecond(all[0].status_since_ms).expect("a time");
    let expired_at = expired_at.to_zoned(TimeZone::get("Asia/Seoul").expect("a zone")).time();
    assert!(
        (time(10, 30, 0, 0)..time(10, 40, 0, 0)).contains(&expired_at),
        "the message expired at {expired_at}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lane_with_many_window_classes_comes_to_rest() {
    let world = World::new(slow()).await;
    world.start_senders();
    for minute in 0..400 {
        let class = format!("{:02}{:02}-2400@Asia/Seoul", 17 + minute / 60, minute % 60);
        let class = class.parse().expect("a class");
        world.store.add_class("alimtalk-main", &class).await.expect("added");
    }
    post(&world, "one", 1, REAL_TIME, None).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(delivered(&world).len(), 1);
    assert!(world.queue.sent() < 5, "{} wakes for one message", world.queue.sent());
}
