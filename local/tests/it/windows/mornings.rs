//! What waited overnight leaves when the window opens, and in which order.

use std::time::Duration;

use alimi::domain::{Notification, Priority};
use alimi_local::testing::world::World;
use jiff::civil::time;
use serde_json::json;

use super::lane::{LIMIT, MORE_THAN_A_DAY, delivered, left_at, post, set_hours, slow, wait_until};

/// The priorities of the runs at 18:50 and at 10:00: the minute of the day, and one.
const EVENING: u16 = 1_131;
const MORNING: u16 = 601;

/// By its priority alone, the morning's batch would leave first.
#[tokio::test(start_paused = true)]
async fn what_yesterdays_window_cut_off_leaves_before_todays_batch() {
    let world = World::new(slow()).await;
    world.start_senders();
    set_hours(&world, "10:00", "18:51").await;
    wait_until(&world, time(18, 50, 0, 0)).await;
    post(&world, "evening", 350, EVENING, None).await;
    wait_until(&world, time(18, 52, 0, 0)).await;
    let left_yesterday = delivered(&world).len();
    assert!((200..320).contains(&left_yesterday), "{left_yesterday} left in a minute");

    wait_until(&world, time(9, 59, 0, 0)).await;
    post(&world, "morning", 100, MORNING, None).await;
    world.settle(Duration::from_secs(3600)).await;
    world.check_invariants(LIMIT);
    let all = delivered(&world);
    let sent_ms = |priority: u16| {
        let of_this = all.iter().filter(move |n| n.priority == Priority(priority));
        of_this.map(sent_at_ms).collect::<Vec<i64>>()
    };
    let (evening, morning) = (sent_ms(EVENING), sent_ms(MORNING));
    assert_eq!((evening.len(), morning.len()), (350, 100));
    let last_leftover_ms = evening.into_iter().max().expect("some");
    let first_of_today_ms = morning.into_iter().min().expect("some");
    assert!(
        last_leftover_ms < first_of_today_ms,
        "the last leftover left {} ms after the first message of today",
        last_leftover_ms - first_of_today_ms
    );
}

fn sent_at_ms(notification: &Notification) -> i64 {
    notification.attempts[0].request_sent_at_ms.expect("it was sent")
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_delay_ends_after_the_window_has_closed_leaves_in_the_morning() {
    let world = World::new(slow()).await;
    world.start_senders();
    let step = json!({
        "template": "photo-and-video",
        "variables": { "name": "김하나", "date": "3월 2일", "code": "a1" },
    });
    let mut delayed = step.clone();
    delayed["delay"] = json!("10m");
    // A sequence with a time to begin is scheduled, so it has hours.
    let sequence = json!({
        "to": { "id": "t", "phone": "010-1234-5678" },
        "steps": [step, delayed],
        "not_before": "2026-03-02T18:55:00+09:00",
    });
    let (status, answer) = world.produce("POST", "/v1/sequences", Some("k"), sequence).await;
    assert_eq!(status, 202, "{answer}");
    world.settle(MORE_THAN_A_DAY).await;
    world.check_invariants(LIMIT);
    let mut all = delivered(&world);
    all.sort_by_key(sent_at_ms);
    let left: Vec<_> = all.iter().map(|n| left_at(n, "Asia/Seoul")).collect();
    let [first, second] = left[..] else { panic!("{left:?}") };
    assert!((time(18, 55, 0, 0)..time(18, 55, 10, 0)).contains(&first), "{first}");
    assert!((time(10, 0, 0, 0)..time(10, 0, 10, 0)).contains(&second), "{second}");
}
