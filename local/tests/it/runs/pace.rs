//! A run paces its writes, holds one page in memory, and wakes a lane only for what may leave now.

use std::sync::Arc;
use std::time::Duration;

use alimi::domain::run::RunCounts;
use alimi::domain::schedule::OutsideWindow;
use alimi::domain::{Priority, RunKey, Schedule, Status};
use alimi::ports::{Clock, PortError, PutPace, PutWish, Reserved, Runs, Saved};
use alimi_local::aws::scheduler::LocalScheduler;
use alimi_local::event_sources;
use alimi_local::testing::crash_point::CrashPoint;
use async_trait::async_trait;
use tokio::time::Instant;

use super::daily::{
    BUCKET, FILE, MARGIN_FOR_ONE_PAGE, daily_run, fire, fire_at, save, schedule, sweep_for, time,
    wait_until, world,
};
use super::members::csv;

#[tokio::test(start_paused = true)]
async fn a_run_wakes_the_lane_only_when_something_may_leave_now() {
    let world = world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    fire(&world).await;
    assert!(world.queue.sent() > 0);

    // At 21:00 in Seoul the window is closed.
    let world = self::world().await;
    world.stack.files.save(BUCKET, FILE, csv(4));
    tokio::time::sleep(Duration::from_secs(11 * 3600)).await;
    fire(&world).await;
    assert_eq!(world.notifications().len(), 4);
    assert_eq!(world.queue.sent(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_paces_its_writes() {
    let mut world = world().await;
    world.stack.trigger.settings.puts_per_second = Some(10);
    world.stack.trigger.settings.page = 20;
    world.stack.files.save(BUCKET, FILE, csv(100));
    let began = Instant::now();
    fire(&world).await;
    let took = began.elapsed();
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
}

/// A pace that cannot be read or written.
struct NoPace;

#[async_trait]
impl PutPace for NoPace {
    async fn reserve(&self, _: &str, _: PutWish) -> Result<Reserved, PortError> {
        Err(PortError::Unavailable { what: "the state table", detail: "broken".into() })
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_at_a_pace_of_its_own_when_the_shared_one_is_not_available() {
    let mut world = world().await;
    world.stack.trigger.put_pace = Arc::new(NoPace);
    world.stack.trigger.settings.puts_per_second = Some(10);
    world.stack.trigger.settings.page = 20;
    world.stack.files.save(BUCKET, FILE, csv(100));
    let began = Instant::now();
    assert_eq!(fire(&world).await, "ended");
    let took = began.elapsed();
    assert!((9..12).contains(&took.as_secs()), "{took:?}");
    assert_eq!(world.notifications().len(), 100);
}

/// Of 5,000 members, those that are read and not yet stored are never more than one page, and the
/// two parts of the file that a page may be cut from.
#[tokio::test(start_paused = true)]
async fn a_run_holds_at_most_one_page_and_the_parts_that_it_was_cut_from() {
    const MEMBERS: usize = 5_000;
    const PART_BYTES: u64 = 4_096;
    const PAGE: usize = 100;
    let mut world = world().await;
    world.stack.trigger.settings.page = PAGE;
    world.stack.trigger.audiences.part_bytes = PART_BYTES;
    let content = csv(MEMBERS);
    let record_bytes = (content.len() / (MEMBERS + 1)) as u64;
    world.stack.files.save(BUCKET, FILE, content);
    let (began_ms, began) = (world.clock.now_ms(), Instant::now());
    assert_eq!(fire(&world).await, "ended");
    let counts = RunCounts { members: 5_000, stored: 5_000, invalid: 0, duplicate: 0 };
    assert_eq!(daily_run(&world).await.counts, counts);

    let mut stored_at_ms: Vec<i64> =
        world.notifications().values().map(|n| n.created_at_ms).collect();
    stored_at_ms.sort_unstable();
    for read in world.stack.files.reads() {
        assert!(read.length <= PART_BYTES);
        let at_ms = began_ms + i64::try_from((read.at - began).as_millis()).expect("small");
        let stored = stored_at_ms.partition_point(|stored_at_ms| *stored_at_ms <= at_ms);
        let members_read =
            usize::try_from((read.offset + read.length) / record_bytes).expect("small");
        let held = members_read.saturating_sub(stored);
        let two_parts = usize::try_from(2 * PART_BYTES / record_bytes).expect("small");
        assert!(held <= PAGE + two_parts, "{held} members are held at byte {}", read.offset);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_with_real_time_priority_still_waits_for_its_window() {
    for is_pinned in [false, true] {
        let world = world().await;
        world.start_senders();
        world.stack.files.save(BUCKET, FILE, csv(4));
        // The console refuses priority 0, so somebody edited the table.
        let dawn = Schedule {
            priority: Some(Priority::REAL_TIME),
            outside_window: OutsideWindow::Defer,
            ..schedule("dawn", "cron(30 4 * * ? *)")
        };
        save(&world, dawn).await;
        wait_until(&world, "2026-03-03T04:30:01+09:00").await;
        let at = time("2026-03-03T04:30:00+09:00");
        if is_pinned {
            let mut trigger = world.stack.trigger.clone();
            trigger.settings.page = 1;
            trigger.settings.margin = MARGIN_FOR_ONE_PAGE;
            let input = LocalScheduler::input("dawn", at);
            let answer = event_sources::invoke_trigger(&trigger, &CrashPoint::never(), input).await;
            answer.expect("an answer");
            let key = RunKey::new("dawn", at);
            let mut run = world.store.run(&key).await.expect("the table").expect("a run");
            let fence = run.fence;
            run.fence += 1;
            run.pins.as_mut().expect("pins").priority = Priority::REAL_TIME;
            assert_eq!(world.store.save_run(&run, fence).await.expect("saved"), Saved::Done);
        }
        fire_at(&world, "dawn", at).await;
        assert_eq!(world.notifications().len(), 4);
        wait_until(&world, "2026-03-03T09:59:59+09:00").await;
        assert_eq!(world.simulator.arrivals().len(), 0, "messages left before the window opened");
        sweep_for(&world, 5).await;
        let all = world.notifications();
        assert!(all.values().all(|n| n.status == Status::Delivered), "{all:?}");
    }
}
