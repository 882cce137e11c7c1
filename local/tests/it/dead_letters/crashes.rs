//! The console may crash at any await while it has a dead letter sent again.

use std::time::Duration;

use alimi_local::testing::crash_point::CrashPoint;
use serde_json::json;

use super::{collect, dead_run, listed, redrive, world};

/// No message is lost, and none is sent more than twice: once before the crash and once after it. A run
/// takes effect once, however often it is asked for.
#[tokio::test(start_paused = true)]
async fn a_letter_is_sent_again_although_the_console_crashes_at_any_await() {
    let mut twice = 0;
    for steps in 0.. {
        let world = world().await;
        dead_run(&world, "daily");
        collect(&world).await;
        let letter = listed(&world, "").await.remove(0);

        let crash = CrashPoint::after(steps);
        crash.run(redrive(&world, &letter)).await;
        let sent = world.stack.run_queue.sent();
        assert!(sent <= 1, "after {steps} steps");
        let state = listed(&world, "").await.remove(0)["state"].clone();
        assert!(state != "redriven" || sent == 1, "redriven but not sent after {steps} steps");
        let again = redrive(&world, &letter).await;
        if state == "redriving" {
            // The first process may be alive.
            assert_eq!(again.status, 409, "after {steps} steps");
            assert_eq!(
                again.body["detail"].as_str().map(|text| text.contains("another")),
                Some(true)
            );
            tokio::time::sleep(Duration::from_secs(60)).await;
            assert_eq!(redrive(&world, &letter).await.status, 200, "after {steps} steps");
            twice += usize::from(sent == 1);
        }
        assert_eq!(listed(&world, "").await[0]["state"], json!("redriven"), "after {steps} steps");
        let all = world.stack.run_queue.sent();
        assert!((1..=2).contains(&all), "{all} messages after {steps} steps");
        assert!(all == 1 || state == "redriving", "sent twice after {steps} steps");
        if !crash.was_reached() {
            assert!(steps > 6, "only {steps} crashes");
            break;
        }
    }
    assert!(twice > 0, "no crash came between the message and the record of it");
}
