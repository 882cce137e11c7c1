//! A sender may crash or freeze at any await, on a good day and on a bad one.

use std::collections::BTreeMap;
use std::time::Duration;

use alimi::domain::hours::{HoursConfig, Window};
use alimi::domain::{ChannelType, Notification, Status};
use alimi::ports::{Clock, NoResponse};
use alimi_local::simulator::Fault;
use alimi_local::testing::crash_point::CrashPoint;
use alimi_local::testing::world::{SETTLES_WITHIN, World};
use jiff::Timestamp;
use serde_json::{Value, json};
use strum::VariantArray as _;

use super::work::{LIMIT, calm, post_work, send_one, variables};

/// The sender crashes within a second, its lease expires within ten seconds, and the sweeper wakes
/// a successor within a minute. The sweeper itself looks for stale claims later than that.
const FOUND_AT_ONCE_MS: i64 = 60_000;

/// Crashes the sender after 0, 1, 2, … of its steps, until it finishes before the crash.
async fn crash_everywhere(crash_after: impl Fn(&World, i64) -> CrashPoint) -> Crashes {
    let mut count = 0;
    let mut found_at_once: BTreeMap<ChannelType, usize> = BTreeMap::new();
    let mut ends: BTreeMap<Status, usize> = BTreeMap::new();
    for steps in 0.. {
        let world = World::new(calm()).await;
        let crash = crash_after(&world, steps);
        world.start_crashable_senders(&crash);
        post_work(&world).await;
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 5, "after {steps} steps");
        for notification in all.values() {
            // A crash may leave one notification unknown, and block the step behind that one.
            let is_acceptable = matches!(
                notification.status,
                Status::Delivered | Status::Unknown | Status::Blocked
            );
            assert!(is_acceptable, "after {steps} steps: {notification:?}");
            // The claim is found unknown soon, not only at the deadline of its receipt.
            if let (Status::Unknown, [attempt]) = (notification.status, &notification.attempts[..])
            {
                let found_after_ms = notification.status_since_ms - attempt.claimed_at_ms;
                assert!(
                    found_after_ms < 90_000,
                    "after {steps} steps found in {found_after_ms} ms"
                );
                if found_after_ms < FOUND_AT_ONCE_MS {
                    *found_at_once.entry(notification.media.first).or_default() += 1;
                }
            }
            *ends.entry(notification.status).or_default() += 1;
        }
        if !crash.was_reached() {
            break;
        }
        count += 1;
    }
    Crashes { count, ends, found_at_once }
}

struct Crashes {
    count: usize,
    /// How many notifications ended in each status.
    ends: BTreeMap<Status, usize>,
    /// Claims of crashed senders that the successor found as soon as it held the lease. A claim's
    /// deadline, by which it is found, depends on the message's channel type.
    found_at_once: BTreeMap<ChannelType, usize>,
}

#[tokio::test(start_paused = true)]
async fn a_sender_may_crash_at_any_await() {
    let Crashes { count, ends, found_at_once } = crash_everywhere(World::crash_after_effects).await;
    assert!(count > 25, "only {count} crashes: the sender's states are not visited");
    assert!(ends.contains_key(&Status::Unknown), "{ends:?}");
    for channel_type in ChannelType::VARIANTS {
        let found = found_at_once.contains_key(channel_type);
        assert!(found, "no successor found a claim of {channel_type:?}: {found_at_once:?}");
    }
}

/// The freeze is longer than the lease, but no successor is woken meanwhile. The sender continues
/// where it was.
#[tokio::test(start_paused = true)]
async fn a_sender_may_freeze_at_any_await_and_sends_nothing_before_it_holds_its_lease_again() {
    let freeze = |_: &World, steps| CrashPoint::freeze_after(steps, Duration::from_secs(17));
    let freezes = crash_everywhere(freeze).await.count;
    assert!(freezes > 80, "only {freezes} freezes: the sender's steps are not visited");
}

/// Everything that can go wrong with a message, within a few seconds. The provider cannot be
/// reached, refuses because of the pace and asks for a pause, answers nonsense, or does not answer.
/// One message is rejected, one expires during the pause, and the hours of one change after it was
/// queued.
async fn post_bad_day(world: &World) {
    // The provider's token is stored already.
    send_one(world).await;
    let expires_at = Timestamp::from_millisecond(world.clock.now_us() / 1000 + 2_000);
    let expires_at = expires_at.expect("a time").to_string();
    let phones = [
        "01012345678",
        "01012345678",
        "01012345678",
        "01012345678",
        "01012345678",
        "01090010000",
        "01090080000",
        "01012345678",
    ];
    let mut many: Vec<Value> = phones
        .iter()
        .enumerate()
        .map(|(n, phone)| {
            json!({
                "template": "photo-and-video", "variables": variables(),
                "to": { "id": format!("t{n}"), "phone": phone },
            })
        })
        .collect();
    many[7]["expires_at"] = json!(expires_at);
    // Real-time messages have no hours. This message has hours, and they change at once.
    many[4]["priority"] = json!(600);
    let (bulk, answer) =
        world.produce("POST", "/v1/notifications", Some("day"), Value::Array(many)).await;
    assert_eq!(bulk, 202, "{answer}");
    let scheduled = Window::new("09:00", "20:00").expect("a window");
    world
        .store
        .put_hours(&HoursConfig { scheduled, ..HoursConfig::default() })
        .await
        .expect("stored");
    world.http.fail_next(NoResponse::NotSent("refused".into()));
    world.simulator.fail_next(Fault { status: 429, code: 5002, reset_s: Some(3) });
    world.simulator.fail_next(Fault { status: 500, code: 9999, reset_s: None });
}

/// The sender crashes while it retries, waits for the end of a pause, puts messages back, moves one
/// to another window class, or lets one expire.
#[tokio::test(start_paused = true)]
async fn a_sender_may_crash_anywhere_on_a_bad_day() {
    let (mut crashes, mut unknown) = (0, 0);
    for steps in 0.. {
        let world = World::new(calm()).await;
        post_bad_day(&world).await;
        let with_hours = |n: &&Notification| n.priority.0 > 0;
        let before = world.notifications().into_values().find(|n| with_hours(&n)).expect("one");
        let crash = world.crash_after_effects(steps);
        world.start_crashable_senders(&crash);
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        let all = world.notifications();
        assert_eq!(all.len(), 9, "after {steps} steps");
        let count = |status| all.values().filter(|n| n.status == status).count();
        if crash.was_reached() {
            crashes += 1;
            // One message is unknown without any crash.
            unknown += count(Status::Unknown).saturating_sub(1);
            continue;
        }
        // The day without a crash.
        for (status, expected) in [
            (Status::Delivered, 6),
            (Status::Failed, 1),
            (Status::Expired, 1),
            (Status::Unknown, 1),
        ] {
            assert_eq!(count(status), expected, "{status:?}: {all:#?}");
        }
        assert!(all.values().all(|n| n.attempt <= 1 && n.failures == 0), "{all:#?}");
        // One found no connection, one was throttled, and one waited too long.
        let claimed_again = all.values().filter(|n| n.claim > 1).count();
        assert!((2..=4).contains(&claimed_again), "{claimed_again}");
        assert_ne!(all[&before.id].window_class, before.window_class);
        break;
    }
    assert!(crashes > 35, "only {crashes} crashes");
    assert!(unknown > 5, "only {unknown} claims became unknown by a crash");
}

/// The sender has handed over and crashes while it awaits its last answers. Then no lease expires
/// that a successor would find, and no receipt ever comes.
#[tokio::test(start_paused = true)]
async fn a_sender_may_crash_while_it_awaits_its_last_answers() {
    let mut unknown = 0;
    for steps in 0.. {
        let mut settings = calm();
        // The slice is longer than a sender stays idle, and shorter than an answer takes.
        settings.sender.slice = Duration::from_millis(2200);
        settings.sender.idle_timeout = Duration::from_millis(1000);
        settings.simulator.latency = Duration::from_millis(2500);
        settings.simulator.latency_jitter = Duration::ZERO;
        // A world whose sender did not crash waits as long for its receipt. An orphaned claim is
        // found much sooner.
        settings.catalog = settings.catalog.replace("within: 30m", "within: 5m");
        let world = World::new(settings).await;
        let body = json!({
            "template": "photo-and-video", "variables": variables(),
            "to": { "id": "t", "phone": "01090070000" },
        });
        let (status, _) = world.produce("POST", "/v1/notifications", Some("k"), body).await;
        assert_eq!(status, 202);
        let crash = world.crash_after_effects(steps);
        world.start_crashable_senders(&crash);
        world.settle(SETTLES_WITHIN).await;
        world.check_invariants(LIMIT);
        for notification in world.notifications().values() {
            if notification.status == Status::Unknown {
                unknown += 1;
                let claimed_at_ms = notification.attempts[0].claimed_at_ms;
                let found_after_ms = notification.status_since_ms - claimed_at_ms;
                assert!(found_after_ms < 90_000, "after {steps} steps in {found_after_ms} ms");
            }
        }
        if !crash.was_reached() {
            break;
        }
    }
    assert!(unknown > 1, "only {unknown} claims became unknown");
}
