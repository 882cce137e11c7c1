//! The hours rule, told by when messages arrive at the provider.
#![expect(clippy::expect_used, reason = "helpers fail the test that called them")]

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{Notification, Status};
use alimi::ports::scheduling::{Documents, Expected, Kind};
use alimi::ports::{Catalog, Clock, WindowClasses};
use alimi_local::world::{World, WorldSettings};
use jiff::civil::{Time, time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const LIMIT: usize = 5;
const A_DAY: Duration = Duration::from_secs(26 * 3600);

/// A slow lane: a few hundred messages are a large batch there.
fn slow() -> WorldSettings {
    let mut settings = WorldSettings::default();
    settings.catalog = settings.catalog.replace("per_second: 40", "per_second: 5");
    settings.simulator.per_second = 5;
    settings
}

fn to(zone: Option<&str>) -> Value {
    json!({ "id": "t", "phone": "010-1234-5678", "timezone": zone })
}

/// Posts `count` messages of a priority to recipients in a zone.
async fn post(world: &World, key: &str, count: usize, priority: u16, zone: Option<&str>) {
    let one = json!({
        "template": "consultation-start",
        "to": to(zone),
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "priority": priority,
    });
    for (part, page) in vec![one; count].chunks(500).enumerate() {
        let key = format!("{key}-{part}");
        let body = Value::Array(page.to_vec());
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert!(status.is_success(), "{status}: {answer}");
    }
}

/// Lets the clock stand at a time of the day in Seoul, today or tomorrow.
async fn wait_until(world: &World, local: Time) {
    let now = now(world).to_zoned(TimeZone::get("Asia/Seoul").expect("a zone"));
    let mut then = now.with().time(local).build().expect("a time");
    if then <= now {
        then = then.tomorrow().expect("a day");
    }
    let wait = then.timestamp().duration_since(now.timestamp());
    tokio::time::sleep(wait.unsigned_abs()).await;
}

fn now(world: &World) -> Timestamp {
    Timestamp::from_microsecond(world.clock.now_us()).expect("a time")
}

/// When a message left, as the clocks show it in a zone.
fn left_at(notification: &Notification, zone: &str) -> Time {
    let sent_at_ms = notification.attempts.last().and_then(|a| a.request_sent_at_ms);
    let at = Timestamp::from_millisecond(sent_at_ms.expect("it was sent")).expect("a time");
    at.to_zoned(TimeZone::get(zone).expect("a zone")).time()
}

fn delivered(world: &World) -> Vec<Notification> {
    let all = world.notifications();
    all.into_values().filter(|n| n.status == Status::Delivered).collect()
}

async fn set_hours(world: &World, from: &str, until: &str) {
    let scheduled = Window::new(from, until).expect("a window");
    let hours = HoursConfig { scheduled, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_reaches_the_evening_stops_in_place_and_goes_on_in_the_morning() {
    let settings = slow();
    let meter = settings.meter.clone();
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(18, 59, 30, 0)).await;
    post(&world, "batch", 300, 600, None).await;
    wait_until(&world, time(19, 1, 0, 0)).await;
    let messages = world.simulator.arrivals().into_iter().filter(|a| a.reference.is_some());
    let sent_today = messages.count();
    assert!((120..150).contains(&sent_today), "{sent_today} sent in half a minute");

    // The night: real-time messages and recipients elsewhere are not kept from anything.
    let before = meter.total();
    wait_until(&world, time(23, 0, 0, 0)).await;
    let spent = meter.total().since(before).write_units;
    assert!(spent < 50.0, "{spent} units were spent on waiting");
    post(&world, "now", 3, 0, None).await;
    post(&world, "london", 3, 600, Some("Europe/London")).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(delivered(&world).len(), sent_today + 6);

    world.settle(A_DAY).await;
    world.check_invariants(LIMIT);
    let all = delivered(&world);
    assert_eq!(all.len(), 306);
    for notification in &all {
        let zone = notification.recipient.timezone.as_deref().unwrap_or("Asia/Seoul");
        let left = left_at(notification, zone);
        assert!(
            notification.priority.0 == 0 || (time(10, 0, 0, 0)..time(19, 0, 0, 0)).contains(&left),
            "one left at {left} in {zone}"
        );
    }
    // In the morning it goes on at once.
    let first = all
        .iter()
        .map(|notification| left_at(notification, "Asia/Seoul"))
        .filter(|left| *left < time(18, 0, 0, 0) && *left >= time(10, 0, 0, 0))
        .min()
        .expect("some left in the morning");
    assert!(first < time(10, 0, 5, 0), "the first left at {first}");
}

#[tokio::test(start_paused = true)]
async fn advertising_never_leaves_at_night_and_news_does() {
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
    // The offer as a sequence: the lane has to hear of its steps' hours too.
    let mut offer = template("consultation-start");
    let step = json!({ "template": offer["template"], "variables": offer["variables"] });
    offer = json!({ "to": offer["to"], "steps": [step] });
    for (path, body) in
        [("/v1/sequences", offer), ("/v1/notifications", template("photo-and-video"))]
    {
        let (status, answer) = world.produce("POST", path, Some("k"), body).await;
        assert!(status.is_success(), "{answer}");
    }
    world.settle(A_DAY).await;
    for notification in delivered(&world) {
        let left = left_at(&notification, "Asia/Seoul");
        if notification.template == "photo-and-video" {
            assert!(
                left < time(21, 0, 5, 0) && left >= time(21, 0, 0, 0),
                "the news left at {left}"
            );
        } else {
            assert!(
                left >= time(8, 0, 0, 0) && left < time(8, 0, 5, 0),
                "the offer left at {left}"
            );
        }
    }
    assert_eq!(delivered(&world).len(), 2);
}

/// Inside its hours, a real-time message that has some takes one of the next slots like any other.
#[tokio::test(start_paused = true)]
async fn a_real_time_offer_overtakes_a_batch_at_once() {
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
        let body = Value::Array(vec![message("photo-and-video", 600); 500]);
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert!(status.is_success(), "{answer}");
    }
    // The first one lets the lane know that there are such hours.
    for offer in 0..51 {
        tokio::time::sleep(Duration::from_millis(if offer == 1 { 3_000 } else { 137 })).await;
        let key = format!("offer-{offer}");
        let body = message("consultation-start", 0);
        let (status, answer) = world.produce("POST", "/v1/notifications", Some(&key), body).await;
        assert!(status.is_success(), "{answer}");
    }
    world.settle(A_DAY).await;
    world.check_invariants(40);
    let offers = delivered(&world).into_iter().filter(|n| n.template == "consultation-start");
    let mut waits_ms: Vec<i64> = offers
        .map(|n| n.attempts[0].request_sent_at_ms.expect("it was sent") - n.created_at_ms)
        .collect();
    waits_ms.sort_unstable();
    assert_eq!(waits_ms.len(), 51);
    // Two slots and 150 ms.
    assert!(waits_ms[49] <= 200, "{waits_ms:?}");
    assert!(waits_ms[50] < 1_200, "{waits_ms:?}");
}

#[tokio::test(start_paused = true)]
async fn the_window_in_force_is_the_one_at_departure() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, 600, None).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Somebody closes the window at noon.
    set_hours(&world, "10:00", "12:00").await;
    let closed_at = now(&world);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let late = closed_at + SignedDuration::from_secs(3);
    let arrivals = world.simulator.arrivals();
    assert!(arrivals.iter().all(|a| a.at_us < late.as_microsecond()), "it went on");
    assert!(arrivals.len() > 20);

    // What is behind the closed window keeps no sender busy.
    let wakes = world.queue.sent();
    // And opens it again in the afternoon.
    wait_until(&world, time(15, 0, 0, 0)).await;
    assert!(world.queue.sent() - wakes < 5, "{} wakes", world.queue.sent() - wakes);
    set_hours(&world, "10:00", "18:00").await;
    world.settle(Duration::from_secs(3600)).await;
    world.check_invariants(LIMIT);
    assert_eq!(delivered(&world).len(), 200);
}

#[tokio::test(start_paused = true)]
async fn what_was_to_wait_until_tomorrow_leaves_today_once_the_window_is_wider() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    post(&world, "batch", 50, 600, None).await;
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

#[tokio::test(start_paused = true)]
async fn what_is_planned_for_dawn_waits_for_the_window_whatever_its_priority() {
    let world = World::new(slow()).await;
    world.start_senders();
    let step = json!({
        "template": "photo-and-video",
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let mut one = step.clone();
    one["to"] = to(None);
    one["not_before"] = json!("2026-03-03T03:00:00+09:00");
    // Its second step is released after the window has closed.
    let sequence = json!({
        "to": { "id": "t", "phone": "010-9003-0001" },
        "steps": [step.clone(), step],
        "not_before": "2026-03-02T18:59:58+09:00",
    });
    for (path, body) in [("/v1/notifications", one), ("/v1/sequences", sequence)] {
        let (status, answer) = world.produce("POST", path, Some("k"), body).await;
        assert_eq!(status, 202, "{answer}");
    }
    world.settle(A_DAY).await;
    let left: Vec<_> = delivered(&world).iter().map(|n| left_at(n, "Asia/Seoul")).collect();
    assert_eq!(left.len(), 3);
    let hours = time(10, 0, 0, 0)..time(19, 0, 0, 0);
    assert!(left.iter().all(|left| hours.contains(left)), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn what_would_be_over_before_its_window_opens_is_refused() {
    let world = World::new(slow()).await;
    wait_until(&world, time(20, 0, 0, 0)).await;
    let ask = |expires_at: &str| {
        json!({
            "template": "photo-and-video", "to": to(None), "priority": 600,
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
            "expires_at": expires_at,
        })
    };
    let post = async |key: &str, body: Value| {
        world.produce("POST", "/v1/notifications", Some(key), body).await
    };
    let (status, problem) = post("k1", ask("2026-03-03T10:00:00+09:00")).await;
    assert_eq!((status.as_u16(), &problem["field"]), (422, &json!("expires_at")));
    let (status, _) = post("k2", ask("2026-03-03T10:00:01+09:00")).await;
    assert_eq!(status, 202);
    // What counts is the window that is open when it may leave, not the one before that.
    let mut late = ask("2026-03-03T23:00:00+09:00");
    late["not_before"] = json!("2026-03-03T19:30:00+09:00");
    let (status, problem) = post("k3", late).await;
    assert_eq!((status.as_u16(), &problem["field"]), (422, &json!("expires_at")));
}

/// It is more than a sender looks through at once, and stands first.
#[tokio::test(start_paused = true)]
async fn what_may_no_longer_leave_does_not_hold_up_what_may() {
    const PATH: &str = "/v1/templates/consultation-start";
    let world = World::new(slow()).await;
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, 600, None).await;
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
    assert_eq!((today.len(), today[0].template.as_str()), (1, "photo-and-video"));
    world.settle(A_DAY).await;
    let all = delivered(&world);
    assert_eq!(all.len(), 201);
    let late = all.iter().filter(|n| n.template == "consultation-start");
    assert!(late.map(|n| left_at(n, "Asia/Seoul")).all(|left| left >= time(16, 0, 0, 0)));
}

#[tokio::test(start_paused = true)]
async fn the_hours_hold_for_messages_whose_template_is_gone() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, 600, None).await;
    let deleted = world
        .store
        .delete_document(Kind::Template, "consultation-start", Expected::Any, "test", 0)
        .await;
    assert!(deleted.is_ok());
    set_hours(&world, "10:00", "12:00").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let sent = world.simulator.arrivals().len();
    assert!(sent < 20, "{sent} left after the window was closed");
    world.settle(A_DAY).await;
    assert_eq!(delivered(&world).len(), 200);
}

/// The template said for whom the message is advertising, and the recipient where it is night.
#[tokio::test(start_paused = true)]
async fn without_its_template_a_message_keeps_the_strictest_hours_in_its_recipients_zone() {
    let mut settings = slow();
    settings.catalog =
        settings.catalog.replacen("category: informational", "category: advertising", 1);
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(21, 0, 0, 0)).await;
    post(&world, "seoul", 1, 0, None).await;
    post(&world, "auckland", 1, 600, Some("Pacific/Auckland")).await;
    let deleted = world
        .store
        .delete_document(Kind::Template, "consultation-start", Expected::Any, "test", 0)
        .await;
    assert!(deleted.is_ok());
    let advertising = Window::new("09:00", "20:50").expect("a window");
    let hours = HoursConfig { advertising, ..HoursConfig::default() };
    world.store.put_hours(&hours).await.expect("stored");
    world.settle(A_DAY).await;
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

/// One sender all the time, which has tried to claim some of them when they might not leave.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_claimed_is_claimed_by_the_same_sender_once_it_may_leave() {
    let mut settings = slow();
    settings.drain.slice = Duration::from_secs(600);
    let world = World::new(settings).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    // It stays for what comes due.
    let later = json!({
        "template": "photo-and-video", "to": to(None), "priority": 600,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "not_before": "2026-03-02T12:08:00+09:00",
    });
    let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), later).await;
    assert_eq!(status, 202);
    post(&world, "batch", 60, 600, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    set_hours(&world, "13:00", "19:00").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(delivered(&world).len() < 40, "the window was not closed");
    set_hours(&world, "10:00", "19:00").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(delivered(&world).len(), 60);
    assert_eq!(world.ledger.drains(), [], "another sender came");
}

/// A database so slow that messages are claimed half a second before their slots.
#[tokio::test(start_paused = true)]
async fn what_was_claimed_in_time_does_not_leave_when_its_slot_comes_too_late() {
    // Heads are taken every few hundred milliseconds: in some phases just before the end.
    let phases_ms = [0, 130, 260, 390];
    let windows = phases_ms.map(|ms| (true, ms));
    let expiries = phases_ms.map(|ms| (false, ms));
    let mut claimed_in_vain = BTreeMap::from([(true, 0), (false, 0)]);
    for (limit_is_window, phase_ms) in windows.into_iter().chain(expiries) {
        let settings =
            WorldSettings { database_latency: Duration::from_millis(60), ..Default::default() };
        let world = World::new(settings).await;
        wait_until(&world, time(18, 59, 30, 0)).await;
        let mut one = json!({
            "template": "consultation-start", "to": to(None), "priority": 600,
            "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        });
        if !limit_is_window {
            one["priority"] = json!(0);
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
        let sent_at_ms = |n: &Notification| n.attempts.last().and_then(|a| a.request_sent_at_ms);
        let sent: Vec<_> = all.values().filter_map(sent_at_ms).collect();
        assert!((30..280).contains(&sent.len()), "{} were sent", sent.len());
        let last_ms = sent.into_iter().max().expect("some") - closed.as_millisecond();
        assert!(last_ms < 0, "the last one left {last_ms} ms after the end");
        assert!(last_ms > -1000, "the last one left {last_ms} ms before the end");
        let unsent = all.values().filter(|n| n.claim > 0 && sent_at_ms(n).is_none()).count();
        *claimed_in_vain.entry(limit_is_window).or_default() += unsent;
    }
    assert!(claimed_in_vain.values().all(|unsent| *unsent > 0), "{claimed_in_vain:?} at the end");
}

#[tokio::test(start_paused = true)]
async fn a_channels_own_window_takes_hold_within_a_second() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(12, 0, 0, 0)).await;
    post(&world, "batch", 200, 600, None).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let channel = world.store.channel("alimtalk-main").await.expect("the store");
    let mut channel = channel.expect("the channel");
    channel.window = Some(Window::new("13:00", "19:00").expect("a window"));
    world.store.put_channel(&channel).await.expect("stored");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sent = world.simulator.arrivals().len();
    assert!((10..40).contains(&sent), "{sent} left");
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(world.simulator.arrivals().len(), sent, "it went on");
}

/// Its hours were over when they were changed, so that it is over before they begin.
#[tokio::test(start_paused = true)]
async fn what_expires_while_its_window_is_closed_is_over_before_it_opens() {
    let world = World::new(slow()).await;
    world.start_senders();
    wait_until(&world, time(20, 0, 0, 0)).await;
    let body = json!({
        "template": "photo-and-video", "to": to(None), "priority": 600,
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
        "expires_at": "2026-03-03T10:30:00+09:00",
    });
    let (status, answer) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
    assert_eq!(status, 202, "{answer}");
    set_hours(&world, "14:00", "19:00").await;
    world.settle(A_DAY).await;
    let all: Vec<_> = world.notifications().into_values().collect();
    assert_eq!((all.len(), all[0].status), (1, Status::Expired));
    let over_at = Timestamp::from_millisecond(all[0].status_since_ms).expect("a time");
    let over_at = over_at.to_zoned(TimeZone::get("Asia/Seoul").expect("a zone")).time();
    assert!(
        (time(10, 30, 0, 0)..time(10, 40, 0, 0)).contains(&over_at),
        "it was over at {over_at}"
    );
}

/// Closed classes are looked at a few at a time: a sender stays until it has seen the last.
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
    post(&world, "one", 1, 600, None).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(delivered(&world).len(), 0);
    let wider = json!({ "scheduled": { "from": "10:00", "to": "22:00" } });
    let answer = world.operate("PUT", "/v1/hours/stack", &[("if-none-match", "*")], wider).await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(delivered(&world).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lane_of_many_zones_comes_to_rest() {
    let world = World::new(slow()).await;
    world.start_senders();
    for minute in 0..400 {
        let class = format!("{:02}{:02}-2400@Asia/Seoul", 17 + minute / 60, minute % 60);
        let class = class.parse().expect("a class");
        world.store.add_class("alimtalk-main", &class).await.expect("added");
    }
    post(&world, "one", 1, 0, None).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(delivered(&world).len(), 1);
    assert!(world.queue.sent() < 5, "{} wakes for one message", world.queue.sent());
}
